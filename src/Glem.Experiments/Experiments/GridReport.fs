namespace Glem

open System.Globalization
open System.IO

/// The page of an experiment: its question and rule, every cell, the differences with their intervals, one cell in full,
/// and the cost.
module GridReport =
    let private students = [ Student.Lm, "LM"; Student.Gnn, "GNN" ]

    let private question matter = {
        Anchor = "question"
        Title = "Question"
        Blocks = [
            if matter.Experiment.Question <> "" then
                Prose matter.Experiment.Question
            for sentence in GridTable.decision matter.Experiment matter.Results do
                Prose sentence
            for sentence in GridTable.notes matter.Experiment matter.Results do
                Prose sentence
            for deviation in matter.Deviations do
                let changes = String.concat "; " deviation.Changes
                Prose $"Deviation from the registration, %s{deviation.Time}: %s{changes}"
            if matter.Results |> List.exists (_.Cell >> Cell.usesHeldOutLabels) then
                Prose "† learns from held-out labels: a ceiling, no result."
        ]
    }

    /// The results that have a row: repeats of the base are a note.
    let private rows matter = matter.Results |> List.filter (_.Cell >> Cell.isRepeat >> not)

    /// The row whose student stands clear of all others; what saw the answers, or ran few rounds, competes with nobody.
    let private best student matter =
        let entries = [
            for at, result in List.indexed (rows matter) do
                let values = (GridMatter.replicates student matter result).Values

                if Cell.isWhole result.Cell && not (values.IsEmpty || Cell.usesHeldOutLabels result.Cell) then
                    at, values
        ]

        entries |> List.map snd |> Bold.best |> Option.map (fun at -> fst entries[at])

    let private cells matter =
        let spread part student result =
            CellResult.scores student result
            |> List.map (part: Score -> float)
            |> Spread.ofValues
            |> Option.map Spread.percent
            |> Option.defaultValue ""

        let row (result: CellResult) = [
            GridMatter.shown result.Cell
            string result.Runs.Length
            for student, _ in students do
                spread _.Valid student result
                spread _.Test student result
        ]

        let headings = [
            "Cell"
            "#Seeds"
            for _, name in students do
                $"#%s{name}, validation"
                $"#%s{name}, test"
        ]

        {
            Anchor = "cells"
            Title = "Every cell"
            Blocks = [
                Prose
                    "Mean ± standard deviation over the seeds. Bold is what lies above every other of its column by a paired difference whose 95 % interval excludes 0."
                Table.create "Accuracy in percent" headings (rows matter |> List.map row)
                |> Table.embolden 3 (best Student.Lm matter)
                |> Table.embolden 5 (best Student.Gnn matter)
                |> Table
            ]
        }

    /// Test accuracy over two axes, of the experiment's own arm.
    let private heat matter =
        let level (axis: Axis) (cell: Cell) = cell.Levels |> List.tryFind (fst >> (=) axis.Name) |> Option.map snd

        match matter.Experiment.Axes with
        | [ down; across ] ->
            let cells = [
                for result in matter.Results do
                    match
                        Cell.isWhole result.Cell && result.Cell.Arm = Experiment.ownArm,
                        level across result.Cell,
                        level down result.Cell
                    with
                    | true, Some x, Some y ->
                        for student, name in students do
                            match CellResult.scores student result |> List.map _.Test |> Spread.ofValues with
                            | Some test ->
                                Json.object [
                                    "student", Json.text name
                                    "x", Json.text x
                                    "y", Json.text y
                                    "test", Json.float test.Mean
                                    "deviation", Option.bind Json.float test.Deviation
                                ]
                            | None -> ()
                    | _ -> ()
            ]

            [
                {
                    Anchor = "heat"
                    Title = $"%s{down.Name} and %s{across.Name}"
                    Blocks = [
                        Figure {
                            Id = "heat-chart"
                            Kind = "heat"
                            Description =
                                $"Test accuracy in percent over %s{down.Name} (down) and %s{across.Name} (across), mean over seeds. Stronger is higher; each student has a scale of its own."
                            Data =
                                Json.object [
                                    "across", Json.text across.Name
                                    "down", Json.text down.Name
                                    "cells", Json.array cells
                                ]
                        }
                    ]
                }
            ]
        | _ -> []

    let private p (value: float) =
        if value < 0.001 then
            "< 0.001"
        else
            value.ToString("0.000", CultureInfo.InvariantCulture)

    let private tests (comparisons: Comparison list) =
        let row (comparison: Comparison) = [
            comparison.Arm
            Points.ofFraction comparison.Difference.Mean
            Forest.bounds comparison.TInterval
            Forest.bounds comparison.BootstrapInterval
            p comparison.TPValue
            p comparison.HolmP
            p comparison.Wilcoxon.PValue
            comparison.McNemar |> Option.map (fun test -> p test.PValue) |> Option.defaultValue ""
            $"%.0f{100.0 * comparison.SameSign} %%"
            Points.ofFraction comparison.MinimumDetectable
            comparison.SeedsNeeded |> Option.map string |> Option.defaultValue "> 1000"
        ]

        let headings = [
            "Cell"
            "#Difference"
            "#95 %, t"
            "#95 %, bootstrap"
            "#p, t"
            "#p, Holm"
            "#p, Wilcoxon"
            "#p, McNemar"
            "#Same sign"
            "#Detectable"
            "#Seeds needed"
        ]

        Folded(
            "The tests",
            [
                Prose
                    "p of the paired t test; the same after Holm's correction over these cells; of Wilcoxon's signed rank test; of McNemar's exact test on the predictions of all seeds together, which counts a node once for each seed. Detectable: the smallest true difference that so many seeds find with 80 % power. Seeds needed: to find a true difference of the size seen."
                Table(Table.create "Differences in test accuracy, points" headings (List.map row comparisons))
            ]
        )

    let private effects matter (student, name: string) =
        match matter.Experiment.Baseline, GridMatter.comparisons student matter with
        | Some baseline, comparisons when not comparisons.IsEmpty ->
            let anchor = $"effects-%s{Student.key student}"

            let effect (comparison: Comparison) = {
                Comparing = comparison.Arm
                Student = student
                Differences = [ for seed, ours, theirs in comparison.Pairs -> seed, ours - theirs ]
            }

            [
                {
                    Anchor = anchor
                    Title = $"%s{name}: differences to %s{baseline}"
                    Blocks = [
                        comparisons
                        |> List.map effect
                        |> Forest.figure
                            $"%s{anchor}-chart"
                            $"Test accuracy of the %s{name} minus the baseline's on the same seed, in points"
                        tests comparisons
                    ]
                }
            ]
        | _ -> []

    let private inFull matter =
        match GridMatter.foremost matter with
        | None -> []
        | Some name ->
            let arm = {
                Name = name
                Runs = matter.Runs[name]
            }

            {
                Anchor = "cell"
                Title = $"In full: %s{name}"
                Blocks = [
                    Prose
                        "The sections from here to the grid's cost are about this one cell: the rule's candidate or, where there is no rule, what validation likes best."
                ]
            }
            :: LadderSection.create "cell" arm
            :: CurveSection.create "cell" arm
            @ ElboSection.create "cell" arm
            @ AuditSection.create "cell" arm
            @ ErrorSection.create "cell" arm
            @ MapSection.create "cell" arm
            @ RunSection.create "cell" arm

    let private cost matter =
        let seconds result =
            let name = Cell.name result.Cell
            let apart = result.Runs |> List.sumBy (fun (_, summary) -> summary.Seconds |> List.sumBy snd)

            let took =
                matter.Runs[name]
                |> List.sumBy (fun run ->
                    match
                        CellFolder.state matter.Output {
                            result.Cell with
                                Seed = run.Info.Seed
                        }
                    with
                    | Ok(CellState.Done(_, seconds)) -> seconds
                    | _ -> 0.0)

            apart, took

        let apart, took =
            matter.Results
            |> List.map seconds
            |> List.unzip
            |> (fun (apart, took) -> List.sum apart, List.sum took)

        {
            Anchor = "grid-cost"
            Title = "The grid's cost"
            Blocks = [
                Prose
                    $"Each run by itself, all stages would have taken %s{RunSection.seconds apart}; with what runs share computed once, the runs took %s{RunSection.seconds took}, %.0f{100.0 * took / max apart 1e-9} %% of it."
                Code $"./glem grid %s{matter.File} --out %s{matter.Output}"
            ]
        }

    let private sections matter =
        [ question matter; cells matter ]
        @ heat matter
        @ (students |> List.collect (effects matter))
        @ inFull matter
        @ [ cost matter ]

    /// Writes report.html, report.md and report.tex of a grid's folder, of the runs that are there, into another or the same.
    /// Errors: no run yet; a damaged file, by its name and place; a folder that cannot be written to.
    let write (grid: string) (output: string) : Result<unit, GlemError> =
        GridMatter.load grid
        |> Result.bind (fun matter ->
            if matter.Results.IsEmpty then
                Error(InFile(Path.Combine(grid, "cells"), "", "no finished run", "at least one"))
            else
                Report.writePage output matter.Experiment.Name (sections matter))
