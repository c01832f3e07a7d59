namespace Glem

/// The ladder of an arm: what each rung reached, over its seeds.
module internal LadderSection =
    let private family key =
        match key with
        | "lmOnly"
        | "selfTraining"
        | "glemLm" -> "lm"
        | "static"
        | "gnnRaw"
        | "glemGnn" -> "gnn"
        | _ -> "base"

    let private student key = if key = "glemLm" then Student.Lm else Student.Gnn

    let private roundOf key (selection: Selection) = if key = "glemLm" then selection.LmRound else selection.GnnRound

    /// "round 2", "selected (round 2)", "selected in 3 of 5": what validation chose for a GLEM rung.
    let private choice arm key =
        if key <> "glemLm" && key <> "glemGnn" then
            ""
        else
            let selections = arm.Runs |> List.choose _.Summary.Selected
            let selected = selections |> List.filter (fun s -> s.Model = student key)
            let rounds = selections |> List.map (fun s -> string (roundOf key s)) |> List.distinct |> List.sort

            match selections, selected with
            | [], _ -> ""
            | _ ->
                let plural = if rounds.Length = 1 then "round" else "rounds"
                let list = String.concat "/" rounds
                let which = $"%s{plural} %s{list}"

                if selected.IsEmpty then which
                elif selections.Length = 1 then $"selected (%s{which})"
                else $"selected in %d{selected.Length} of %d{selections.Length} (%s{which})"

    let private scores pick arm = arm.Runs |> List.choose (fun run -> pick run.Summary)

    let private difference pick other part arm =
        arm.Runs
        |> List.choose (fun run ->
            match pick run.Summary, other run.Summary with
            | Some(a: Score), Some(b: Score) -> Some(part a - part b)
            | _ -> None)
        |> Spread.ofValues

    let private figure anchor arm present =
        let point (run: RunFolder) (score: Score) =
            Json.object [
                "seed", Json.int run.Info.Seed
                "valid", Json.float score.Valid
                "test", Json.float score.Test
            ]

        let rung (key, name, pick) =
            Json.object [
                "key", Json.text key
                "name", Json.text name
                "family", Json.text (family key)
                "selected", (if (choice arm key).StartsWith "selected" then Json.int 1 else None)
                "points", arm.Runs |> List.choose (fun run -> pick run.Summary |> Option.map (point run)) |> Json.array
            ]

        Figure {
            Id = $"%s{anchor}-ladder-chart"
            Kind = "ladder"
            Description =
                "Accuracy on test (filled) and validation (hollow) nodes, from knowing nothing to GLEM. "
                + "Circles are language models, squares graph models, diamonds neither. "
                + (if arm.Runs.Length > 1 then
                       "Large marks are means, small ones single seeds. "
                   else
                       "")
                + "A star marks what validation selected. "
                + "The axis does not start at zero; a value left of it is written out."
            Data = Json.object [ "rungs", present |> Seq.map rung |> Json.array ]
        }

    let create anchor arm =
        let present =
            Ladder.rungs
            |> List.filter (fun (_, _, pick) -> arm.Runs |> List.exists (fun run -> (pick run.Summary).IsSome))

        let spread pick part =
            scores pick arm
            |> List.map part
            |> Spread.ofValues
            |> Option.map Spread.percent
            |> Option.defaultValue ""

        let rows = [
            for key, name, pick in present ->
                [
                    name
                    spread pick _.Valid
                    spread pick _.Test
                    (if key = "lmOnly" then
                         ""
                     else
                         difference pick _.LmOnly _.Test arm |> Option.map Spread.points |> Option.defaultValue "")
                    choice arm key
                ]
        ]

        /// The column's one entry that stands clear of the others over the seeds.
        let best part =
            Bold.best [
                for _, _, pick in present ->
                    Map [
                        for run in arm.Runs do
                            match pick run.Summary with
                            | Some score -> run.Info.Seed, part score
                            | None -> ()
                    ]
            ]

        let note =
            if arm.Runs.Length > 1 then
                $"Mean ± standard deviation over %d{arm.Runs.Length} runs. "
                + "Bold is what lies above every other of its column by a paired difference whose 95 % interval excludes 0."
            else
                "One run: differences of this size may come from the seed alone."

        {
            Anchor = $"%s{anchor}-ladder"
            Title = "Ladder"
            Blocks = [
                Prose note
                match ProtocolNote.ofRun (List.head arm.Runs).Info with
                | Some note -> Prose note
                | None -> ()
                figure anchor arm present
                Table.create
                    "Accuracy in percent; the difference to the LM alone in points"
                    [
                        "Model"
                        "#Validation"
                        "#Test"
                        "#Test, against LM alone"
                        "Chosen on validation"
                    ]
                    rows
                |> Table.embolden 1 (best _.Valid)
                |> Table.embolden 2 (best _.Test)
                |> Table
            ]
        }
