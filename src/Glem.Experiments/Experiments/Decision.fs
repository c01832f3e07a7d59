namespace Glem

/// A cell over its seeds.
type CellResult = {
    /// Of the first seed; the others differ in nothing else.
    Cell: Cell
    /// Seed and summary, in the order of the experiment's seeds; those that are there.
    Runs: (int * Summary) list
}

/// Which way the interval of the difference lies.
[<RequireQualifiedAccess>]
type Ruling =
    /// All of it at or above the rule's points.
    | Better
    /// All of it at or below their negative.
    | Worse
    | Undecided

/// What the rule says of the results.
type Decision = {
    Rule: DecisionRule
    /// The cell that stands for the candidate: where the rule leaves axes open, the best on validation, on average over seeds.
    Candidate: Cell
    Baseline: Cell
    /// Of test accuracy; None for fewer than two seeds that both have.
    Difference: PairedDifference option
    Ruling: Ruling
}

module CellResult =
    /// Runs by cell, in the cells' order.
    let ofRuns (runs: (Cell * Summary) list) : CellResult list =
        runs
        |> List.groupBy (fst >> Cell.name)
        |> List.map (fun (_, runs) -> {
            Cell = fst runs.Head
            Runs = [ for cell, summary in runs -> cell.Seed, summary ]
        })

    /// One student's scores over the seeds.
    let scores student (result: CellResult) = result.Runs |> List.choose (snd >> CellScore.ofSummary student)

    /// Test accuracy of one cell minus another's, seed by seed, where both have it.
    let differences student (result: CellResult) (baseline: CellResult) : float list =
        let theirs = Map baseline.Runs

        result.Runs
        |> List.choose (fun (seed, summary) ->
            Option.map2
                (fun (one: Score) (other: Score) -> one.Test - other.Test)
                (CellScore.ofSummary student summary)
                (theirs |> Map.tryFind seed |> Option.bind (CellScore.ofSummary student)))

    let private isAt (arm, levels) (cell: Cell) =
        Cell.isWhole cell
        && cell.Arm = arm
        && levels |> List.forall (fun level -> List.contains level cell.Levels)

    /// The whole cells that a name speaks of.
    let named (name: string) (results: CellResult list) : CellResult list =
        match CellName.parse "name" name with
        | Ok side -> results |> List.filter (fun result -> isAt side result.Cell)
        | Error _ -> []

    /// What a cell is compared with: the baseline at the cell's own levels, where the baseline's name does not say which.
    let baselineOf (baseline: string) (results: CellResult list) (result: CellResult) : CellResult option =
        let said = CellName.parse "baseline" baseline |> Result.map snd |> Result.defaultValue []

        named baseline results
        |> List.tryFind (fun candidate ->
            candidate.Cell.Levels
            |> List.forall (fun level -> List.contains level said || List.contains level result.Cell.Levels))

module Decision =
    /// 95 %, by Student's t.
    let interval (difference: PairedDifference) = difference.TInterval 0.95

    let private ruling by (difference: PairedDifference option) =
        match difference |> Option.map interval with
        | Some interval when interval.Low >= by -> Ruling.Better
        | Some interval when interval.High <= -by -> Ruling.Worse
        | _ -> Ruling.Undecided

    /// The rule on what there is. None where there is no rule, or no run yet of one of its sides.
    let judge (experiment: Experiment) (results: CellResult list) : Decision option =
        match experiment.Rule, experiment.Baseline with
        | Some rule, Some baseline ->
            let valid result =
                match CellResult.scores rule.Student result with
                | [] -> -infinity
                | scores -> scores |> List.averageBy _.Valid

            match CellResult.named rule.Candidate results with
            | [] -> None
            | candidates ->
                let candidate = candidates |> List.maxBy valid

                CellResult.baselineOf baseline results candidate
                |> Option.map (fun baseline ->
                    let difference =
                        CellResult.differences rule.Student candidate baseline |> PairedDifference.ofValues

                    {
                        Rule = rule
                        Candidate = candidate.Cell
                        Baseline = baseline.Cell
                        Difference = difference
                        Ruling = ruling (rule.By / 100.0) difference
                    })
        | _ -> None
