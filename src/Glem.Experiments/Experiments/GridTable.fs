namespace Glem

open System.Globalization

/// A grid's results for people: tables and sentences in Markdown, of which none depends on how long anything took.
module GridTable =
    let private line cells = "| " + String.concat " | " cells + " |"

    // Names come from the experiment: without this "a|b" breaks the table.
    let private escape (text: string) = text.Replace("|", @"\|").ReplaceLineEndings " "

    let private shown cell = if Cell.usesHeldOutLabels cell then $"%s{cell.Arm} †" else cell.Arm

    let private spread part student result =
        CellResult.scores student result
        |> List.map (part: Score -> float)
        |> Spread.ofValues
        |> Option.map Spread.percent
        |> Option.defaultValue ""

    let private points value = Spread.points { Mean = value; Deviation = None }

    let private interval (difference: PairedDifference) =
        let around = Decision.interval difference
        $"%s{points difference.Mean} [%s{points around.Low}, %s{points around.High}], %d{difference.Above} of %d{difference.Pairs}"

    /// "+1.2 [+0.4, +2.0], 5 of 5"; of one pair the difference alone.
    let private against student result baseline =
        let differences = CellResult.differences student result baseline

        match PairedDifference.ofValues differences, differences with
        | Some difference, _ -> interval difference
        | None, [ only ] -> points only
        | None, _ -> ""

    let private table (experiment: Experiment) (results: CellResult list) = [
        let students = [ Student.Lm, "LM"; Student.Gnn, "GNN" ]

        let axes = [
            for axis in experiment.Axes do
                axis.Name
            if experiment.Halving.IsSome then
                Cell.roundsLevel
        ]

        line [
            "arm"
            yield! axes |> List.map escape
            "seeds"
            for _, name in students do
                $"%s{name} valid, %%"
                $"%s{name} test, %%"
            if experiment.Baseline.IsSome then
                for _, name in students do
                    $"%s{name} test over the baseline, points"
        ]

        let columns = 2 + axes.Length + (if experiment.Baseline.IsSome then 6 else 4)
        "|" + String.replicate columns "---|"

        for result in results |> List.filter (_.Cell >> Cell.isRepeat >> not) do
            let level axis =
                match result.Cell.Part with
                | CellPart.Rung rounds when axis = Cell.roundsLevel -> string rounds
                | CellPart.Whole when axis = Cell.roundsLevel -> string result.Cell.Recipe.Rounds
                | _ -> result.Cell.Levels |> List.tryFind (fst >> (=) axis) |> Option.map snd |> Option.defaultValue "·"

            line [
                escape (shown result.Cell)
                yield! axes |> List.map (level >> escape)
                string result.Runs.Length
                for student, _ in students do
                    spread _.Valid student result
                    spread _.Test student result
                match experiment.Baseline with
                | None -> ()
                | Some baseline ->
                    for student, _ in students do
                        match CellResult.baselineOf baseline results result with
                        | Some other when other.Cell = result.Cell -> "baseline"
                        | Some other -> against student result other
                        | None -> ""
            ]
    ]

    let private ruling decision =
        match decision.Ruling with
        | Ruling.Better -> "better"
        | Ruling.Worse -> "worse"
        | Ruling.Undecided -> "undecided"

    let private studentName student = (Student.key student).ToUpperInvariant()

    /// The rule, and what it says of the results.
    let decision (experiment: Experiment) (results: CellResult list) : string list =
        match experiment.Rule, experiment.Baseline with
        | Some rule, Some baseline ->
            let by = rule.By.ToString("0.##", CultureInfo.InvariantCulture)

            [
                $"Rule: the %s{studentName rule.Student} of %s{rule.Candidate} is better than that of %s{baseline} if the 95 %% interval of its test accuracy's difference, paired by seed, lies at or above +%s{by} points; worse if at or below −%s{by}."
                match Decision.judge experiment results with
                | None -> "Verdict: none yet, for lack of runs."
                | Some decision ->
                    let difference =
                        match decision.Difference with
                        | Some difference -> interval difference
                        | None -> "no interval from fewer than two seeds"

                    $"Verdict: %s{ruling decision}. %s{Cell.name decision.Candidate} against %s{Cell.name decision.Baseline}: %s{difference}."

                    if CellName.format decision.Candidate.Arm decision.Candidate.Levels <> rule.Candidate then
                        "Of the levels that the rule leaves open, validation accuracy chose."
            ]
        | _ -> []

    /// Who went on after which rung.
    let private halving (experiment: Experiment) (results: CellResult list) : string list =
        let state (cell: Cell) =
            results
            |> List.tryFind (fun result -> Cell.name result.Cell = Cell.name cell)
            |> Option.bind (fun result -> result.Runs |> List.tryFind (fst >> (=) cell.Seed))
            |> Option.map (fun (_, summary) -> CellState.Done(summary, 0.0))
            |> Option.defaultValue CellState.Missing

        let rungs = Experiment.cells experiment |> Result.orRaise |> Halving.rungs experiment state

        [
            for rung in rungs do
                match rung.Kept with
                | None -> ()
                | Some kept ->
                    let all = rung.Cells |> List.map (Cell.whole >> Cell.name) |> List.distinct
                    let rounds = if rung.Rounds = 1 then "1 round" else $"%d{rung.Rounds} rounds"
                    let spared = all |> List.except kept |> String.concat "; "
                    let stay = String.concat "; " kept
                    $"Successive halving: after %s{rounds} %d{kept.Length} of %d{all.Length} cells went on, the best on validation first: %s{stay}. Spared the rest: %s{spared}."
        ]

    /// Test accuracies of the runs that were made more than once from one seed.
    let private repeated (student: Student) (results: CellResult list) : float list list =
        let names =
            results |> List.filter (_.Cell >> Cell.isRepeat) |> List.map (_.Cell >> Cell.whole >> Cell.name)

        [
            for name in List.distinct names do
                let again =
                    results
                    |> List.filter (fun result ->
                        Cell.isRepeat result.Cell && Cell.name (Cell.whole result.Cell) = name)

                let seeds = again |> List.collect (_.Runs >> List.map fst) |> Set
                let first = results |> List.filter (fun result -> Cell.name result.Cell = name)

                for seed in seeds do
                    [
                        for result in first @ again do
                            for of', summary in result.Runs do
                                if of' = seed then
                                    match CellScore.ofSummary student summary with
                                    | Some score -> score.Test
                                    | None -> ()
                    ]
        ]

    /// What the results say beside their differences: who went on after which rung, and the run-to-run noise.
    let notes (experiment: Experiment) (results: CellResult list) : string list = [
        yield! halving experiment results
        for student in [ Student.Lm; Student.Gnn ] do
            yield! repeated student results |> NoiseNote.ofCells student |> Option.toList
    ]

    /// table.md: question, table, rule and verdict, and what was changed after the registration.
    let markdown (experiment: Experiment) (results: CellResult list) (deviations: Deviation list) : string =
        String.concat "\n" [
            $"# %s{experiment.Name}"
            ""
            if experiment.Question <> "" then
                experiment.Question
                ""
            "Accuracy in percent, mean ± standard deviation over seeds; differences in points with their 95 % intervals by Student's t over seeds, and how many seeds are above zero."
            ""
            if results.IsEmpty then "No run yet." else yield! table experiment results
            ""
            if results |> List.exists (_.Cell >> Cell.usesHeldOutLabels) then
                "† learns from held-out labels: a ceiling, no result."
                ""
            for sentence in decision experiment results @ notes experiment results do
                sentence
                ""
            for deviation in deviations do
                $"Deviation from the registration, %s{deviation.Time}:"
                ""

                for change in deviation.Changes do
                    $"- %s{escape change}"

                ""
        ]
