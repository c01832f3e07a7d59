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
        let axes = experiment.Axes |> List.map _.Name

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

        for result in results do
            let level axis =
                result.Cell.Levels |> List.tryFind (fst >> (=) axis) |> Option.map snd |> Option.defaultValue "·"

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
            for sentence in decision experiment results do
                sentence
                ""
            for deviation in deviations do
                $"Deviation from the registration, %s{deviation.Time}:"
                ""

                for change in deviation.Changes do
                    $"- %s{escape change}"

                ""
        ]
