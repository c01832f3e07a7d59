namespace Glem

/// The result of an arm in one sentence and a few tiles.
module internal Headline =
    /// Score of the student that validation selected.
    let private answer run =
        run.Summary.Selected
        |> Option.bind (fun selection ->
            match selection.Model with
            | Student.Lm -> run.Summary.GlemLm
            | Student.Gnn -> run.Summary.GlemGnn)

    let private seeds arm =
        match arm.Runs |> List.map (fun run -> string run.Info.Seed) with
        | [ seed ] -> $"seed %s{seed}"
        | seeds ->
            let list = String.concat ", " seeds
            $"mean ± standard deviation over seeds %s{list}"

    let private model arm =
        let name student = Ladder.name (if student = Student.Lm then "glemLm" else "glemGnn")

        let models =
            arm.Runs |> List.choose _.Summary.Selected |> List.map (fun s -> name s.Model) |> List.countBy id

        match models with
        | [ name, _ ] -> $"%s{name}, selected on validation,"
        | _ ->
            let parts = models |> List.map (fun (name, count) -> $"%s{name} %d{count}x") |> String.concat ", "
            $"The student selected on validation (%s{parts})"

    /// Of test accuracy, a difference for each seed.
    let private gain pick arm =
        arm.Runs
        |> List.choose (fun run ->
            match answer run, pick run.Summary with
            | Some(a: Score), Some(b: Score) -> Some(a.Test - b.Test)
            | _ -> None)

    let private gains arm = [
        for name, pick in
            [
                "the LM alone", (_.LmOnly: Summary -> Score option)
                "the static two-stage pipeline", _.Static
                "TF-IDF + logistic regression", _.TfIdf
            ] do
            match gain pick arm with
            | [] -> ()
            | differences -> name, differences
    ]

    /// "+1.2", or over several seeds "+1.2 [+0.4, +2.0]".
    let private points differences =
        match PairedDifference.ofValues differences with
        | Some difference -> Points.ofDifference difference
        | None -> Points.ofFraction (List.average differences)

    let sentence arm =
        let dataset = (List.head arm.Runs).Info.Dataset.Name

        match arm.Runs |> List.choose answer with
        | [] -> $"No EM round finished on %s{dataset} (%s{seeds arm}): the ladder shows what did."
        | answers ->
            let over part =
                answers |> List.map part |> Spread.ofValues |> Option.map Spread.percent |> Option.defaultValue ""

            let against =
                match gains arm |> List.map (fun (name, gain) -> $"%s{points gain} points against %s{name}") with
                | [] -> ""
                | gains -> ", " + String.concat ", " gains

            let brackets =
                if answers.Length > 1 && against <> "" then
                    " In brackets the difference's 95 % interval over seeds: one that holds 0 shows no difference."
                else
                    ""

            $"%s{model arm} classifies %s{over _.Test} %% of %s{dataset}'s test nodes correctly (validation %s{over _.Valid} %%)%s{against}; %s{seeds arm}.%s{brackets}"

    let tiles arm =
        [
            match arm.Runs |> List.choose answer |> List.map _.Test |> Spread.ofValues with
            | Some spread -> Spread.percent spread + " %", "test accuracy of the selected model"
            | None -> ()
            for name, gain in gains arm do
                let interval =
                    match PairedDifference.ofValues gain with
                    // On one line.
                    | Some difference ->
                        let bounds = Forest.bounds (difference.TInterval 0.95)
                        $", 95 %% %s{bounds.Replace(' ', '\u00a0')}"
                    | None -> ""

                Points.ofFraction (List.average gain), $"points against %s{name}%s{interval}"
            match arm.Runs |> List.map RunSection.total |> Spread.ofValues with
            | Some spread when spread.Mean > 0.0 -> RunSection.seconds spread.Mean, "wall-clock time of a run"
            | _ -> ()
        ]
        |> Tiles
