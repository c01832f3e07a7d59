namespace Glem

open System

/// A run as TensorBoard shows it.
module TensorBoardRun =
    let private seconds (time: DateTimeOffset) = float (time.ToUnixTimeMilliseconds()) / 1000.0

    /// When the run began, seconds since 1970.
    let started (run: RunFolder) = seconds run.Info.Started

    /// Stages whose names an event has not.
    let private stageOf event =
        match event with
        | "pretrain-lm" -> "LM on gold"
        | "pretrain-gnn"
        | "pretrain" -> "GNN on embeddings"
        | step -> step

    /// When a stage ended, had all stages been computed one after the other: files say what each took, not when it was.
    let private endOf (run: RunFolder) =
        // run.json is written after the tokenizer's stage.
        let timed = run.Summary.Seconds |> List.filter (fst >> (<>) "tokenizer")

        let ends =
            timed
            |> List.scan (fun (_, at) (stage, seconds) -> stage, at + seconds) ("", started run)
            |> List.tail

        fun event ->
            ends
            |> List.tryFind (fun (stage, _) -> String.Equals(stage, stageOf event, StringComparison.OrdinalIgnoreCase))
            |> Option.orElse (List.tryLast ends)
            |> Option.map snd
            |> Option.defaultValue (started run)

    let private partKey part =
        match part with
        | Train -> "train"
        | Valid -> "valid"
        | Test
        | Unassigned -> "test"

    /// The settings of a run by which it may be told from others: recipe, data set, seed, and every field of the recipe.
    let hparams (run: RunFolder) : (string * string) list =
        ("recipe", run.Info.Recipe)
        :: ("dataset", run.Info.Dataset.Name)
        :: ("seed", string run.Info.Seed)
        :: (RunInfo.settings run.Info
            |> List.filter (fun (path, _) -> not (List.contains path [ "name"; "dataset"; "seed" ])))

    // plugin_data.proto of TensorBoard's hparams: a session's values, and that it ended well.
    let private session (run: RunFolder) (at: string -> float) (shown: (string * string) list) = [
        let number (text: string) =
            match SqlValue.ofNumberOrText text with
            | SqlValue.Integer value -> WireField.Double(2, float value)
            | SqlValue.Real value -> WireField.Double(2, value)
            | _ -> WireField.Text(3, text)

        let values = [
            for name, value in shown ->
                WireField.Message(1, [ WireField.Text(1, name); WireField.Message(2, [ number value ]) ])
        ]

        let content = values @ [ WireField.Double(5, started run) ]
        started run, 0, EventValue.Plugin("_hparams_/session_start_info", "hparams", [ WireField.Message(3, content) ])
        let ended = [ WireField.Whole(1, 1L); WireField.Double(2, at "") ]
        at "", 0, EventValue.Plugin("_hparams_/session_end_info", "hparams", [ WireField.Message(4, ended) ])
    ]

    let private markdown (header: string list) (rows: string list list) =
        let cell (text: string) = text.Replace("|", @"\|")

        header :: [ for _ in header -> "---" ] :: List.map (List.map cell) rows
        |> List.map MarkdownTable.line
        |> String.concat ""

    let private texts (run: RunFolder) = [
        let about = [
            "command", $"`%s{run.Info.Command}`"
            "commit", run.Info.Versions.Commit |> Option.defaultValue ""
            "machine", $"%s{run.Info.Machine.Cpu}, %d{run.Info.Machine.Threads} threads, %s{run.Info.Machine.Compute}"
            for note in ProtocolNote.ofRun run.Info |> Option.toList do
                "note", note
        ]

        let pairs rows = [ for name, value in rows -> [ name; value ] ]
        EventValue.Text("run", markdown [ "run"; "" ] (pairs about))
        EventValue.Text("settings", markdown [ "setting"; "value" ] (pairs (hparams run)))

        let stages = [
            for stage, seconds in run.Summary.Seconds ->
                [ stage; seconds.ToString("F1", Globalization.CultureInfo.InvariantCulture) ]
        ]

        EventValue.Text("stages", markdown [ "stage"; "seconds" ] stages)
    ]

    /// Curves over EM's rounds, the ladder, and the run's settings.
    ///   shown : what the table of hyperparameters has of its settings
    let events (shown: (string * string) list) (run: RunFolder) : LoggedEvent list =
        let at = endOf run

        let metrics = [
            for metric in run.Metrics do
                if Metric.isOnCurve metric then
                    for name, value in
                        [
                            "accuracy", metric.Accuracy
                            "macroF1", metric.MacroF1
                            "nll", metric.Nll
                            "ece", metric.Ece
                        ] do
                        let tag = $"%s{name}/%s{Student.key metric.Model}/%s{partKey metric.Split}"
                        at metric.Event, metric.Iteration, EventValue.Scalar(tag, value)
        ]

        let elbo = [
            for record in run.Elbo do
                // After a round's both steps: one point a round.
                if record.Iteration = 0 || record.Event = Event.step Student.Gnn record.Iteration then
                    for name, value in
                        [
                            "pseudoElbo", record.Elbo.Total
                            "klQP", record.Elbo.KlQP
                            "entropy", record.Elbo.Entropy
                        ] do
                        at record.Event, record.Iteration, EventValue.Scalar($"elbo/%s{name}", value)
        ]

        let audit = [
            for record in run.Audit do
                for name, value in
                    [
                        "accuracy", record.Step.Accuracy
                        "coverage", record.Step.Coverage
                        "agreement", record.Step.Agreement
                    ] do
                    match value with
                    | ValueSome value ->
                        let tag = $"pseudoLabels/%s{Student.key record.Model}/%s{name}"
                        at record.Event, record.Iteration, EventValue.Scalar(tag, value)
                    | ValueNone -> ()
        ]

        let ladder = [
            for key, _, score in Ladder.rungs do
                match score run.Summary with
                | Some score ->
                    at "", 0, EventValue.Scalar($"ladder/%s{key}/valid", score.Valid)
                    at "", 0, EventValue.Scalar($"ladder/%s{key}/test", score.Test)
                | None -> ()
        ]

        let isDrawn value =
            match value with
            | EventValue.Scalar(_, value) -> Double.IsFinite value
            | _ -> true

        [
            for wallTime, step, value in
                session run at shown
                @ [ for text in texts run -> started run, 0, text ]
                @ metrics
                @ elbo
                @ audit
                @ ladder do
                if isDrawn value then
                    {
                        WallTime = wallTime
                        Step = step
                        Value = value
                    }
        ]
