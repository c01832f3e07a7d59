namespace Glem

open System.IO

/// What is known of an experiment: its cells over their seeds, and the runs themselves.
type GridMatter = {
    Experiment: Experiment
    Results: CellResult list
    /// By the cell's name.
    Runs: Map<string, RunFolder list>
    Deviations: Deviation list
    /// The grid's folder.
    Output: string
    /// The file that holds the experiment.
    File: string
}

module GridMatter =
    /// Reads a grid's folder: its experiment, and the runs that are there. Error: a damaged file, by its name and place.
    let load (output: string) : Result<GridMatter, GlemError> =
        Preregistration.file output
        |> Result.bind (fun file ->
            RunFile.guard output "a grid's folder" (fun () ->
                let experiment = ExperimentJson.read file |> Result.orRaise
                let cells = Experiment.cells experiment |> Result.orRaise |> Grid.asked output experiment

                let runs = [
                    for cell in cells do
                        match CellFolder.state output cell |> Result.orRaise with
                        | CellState.Done(summary, _) ->
                            cell, summary, CellFolder.run output cell |> RunFolder.load |> Result.orRaise
                        | CellState.Missing
                        | CellState.Failed _ -> ()
                ]

                let byName =
                    runs
                    |> List.groupBy (fun (cell, _, _) -> Cell.name cell)
                    |> List.map (fun (name, runs) -> name, [ for _, _, run in runs -> run ])

                {
                    Experiment = experiment
                    Results = runs |> List.map (fun (cell, summary, _) -> cell, summary) |> CellResult.ofRuns
                    Runs = Map byName
                    Deviations = Preregistration.deviations output |> Result.orRaise
                    Output = output
                    File = file
                }))

    /// What a cell is called on a page: a dagger marks one that learns from held-out labels.
    let shown (cell: Cell) = if Cell.usesHeldOutLabels cell then $"%s{Cell.name cell} †" else Cell.name cell

    /// Test accuracy of a student in a cell, and its predictions.
    let replicates student matter (result: CellResult) : Replicates =
        let runs = matter.Runs[Cell.name result.Cell]

        {
            Replicates.ofRung (shown result.Cell) (CellScore.ofSummary student) runs with
                Right = (Replicates.ofStudent (shown result.Cell) student runs).Right
        }

    /// Each cell against the experiment's baseline, with Holm's correction over all of them. None without a baseline.
    let comparisons student matter : Comparison list =
        let pairs = [
            for baseline in Option.toList matter.Experiment.Baseline do
                for result in matter.Results |> List.filter (_.Cell >> Cell.isWhole) do
                    match CellResult.baselineOf baseline matter.Results result with
                    | Some other when other.Cell <> result.Cell -> other, result
                    | _ -> ()
        ]

        let found =
            pairs
            |> List.groupBy (fun (other, _) -> Cell.name other.Cell)
            |> List.collect (fun (_, pairs) ->
                pairs
                |> List.map (snd >> replicates student matter)
                |> Comparisons.against "test accuracy" (fst pairs.Head |> replicates student matter))

        (found, found |> List.map _.TPValue |> Holm.adjust)
        ||> List.map2 (fun comparison p -> { comparison with HolmP = p })

    /// The cell to look at first: the rule's candidate, else the one that validation likes best.
    let foremost matter : string option =
        let valid student result =
            match CellResult.scores student result with
            | [] -> -infinity
            | scores -> scores |> List.averageBy _.Valid

        let best result = max (valid Student.Lm result) (valid Student.Gnn result)

        match Decision.judge matter.Experiment matter.Results with
        | Some decision -> Some(Cell.name decision.Candidate)
        | None ->
            match
                matter.Results
                |> List.filter (fun result -> Cell.isWhole result.Cell && not (Cell.usesHeldOutLabels result.Cell))
            with
            | [] -> None
            | results -> Some(Cell.name (List.maxBy best results).Cell)
