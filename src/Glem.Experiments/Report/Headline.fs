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

    /// "+1.2", or over several seeds "+1.2 [+0.4, +2.0]": of test accuracy, in points.
    let private gain pick arm =
        arm.Runs
        |> List.choose (fun run ->
            match answer run, pick run.Summary with
            | Some(a: Score), Some(b: Score) -> Some(a.Test - b.Test)
            | _ -> None)
        |> function
            | [] -> None
            | [ one ] -> Some(Points.ofFraction one)
            | several -> several |> PairedDifference.ofValues |> Option.map Points.ofDifference

    let private gains arm =
        [
            "the LM alone", gain _.LmOnly arm
            "the static two-stage pipeline", gain _.Static arm
            "TF-IDF + logistic regression", gain _.TfIdf arm
        ]
        |> List.choose (fun (name, gain) -> Option.map (fun gain -> name, gain) gain)

    let sentence arm =
        let dataset = (List.head arm.Runs).Info.Dataset.Name

        match arm.Runs |> List.choose answer with
        | [] -> $"No EM round finished on %s{dataset} (%s{seeds arm}): the ladder shows what did."
        | answers ->
            let over part =
                answers |> List.map part |> Spread.ofValues |> Option.map Spread.percent |> Option.defaultValue ""

            let against =
                match gains arm |> List.map (fun (name, gain) -> $"%s{gain} points against %s{name}") with
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
                gain, $"points against %s{name}"
            match arm.Runs |> List.map RunSection.total |> Spread.ofValues with
            | Some spread when spread.Mean > 0.0 -> RunSection.seconds spread.Mean, "wall-clock time of a run"
            | _ -> ()
        ]
        |> Tiles
