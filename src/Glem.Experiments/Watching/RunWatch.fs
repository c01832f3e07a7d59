namespace Glem

open System
open System.Globalization

/// What there is to see of a run.
module RunWatch =
    /// 0.884 as "88.4".
    let percent (share: float) = (100.0 * share).ToString("0.0", CultureInfo.InvariantCulture)

    let private duration = GridView.Duration

    /// Silence that is worth a word: a step of a large model may take minutes.
    let private longSilence = TimeSpan.FromMinutes 5.0

    let private validation valid =
        valid |> Option.map (fun valid -> $", valid %s{percent valid} %%") |> Option.defaultValue ""

    let private soFar (now: DateTimeOffset) since fraction valid =
        let toGo =
            WatchedStage.secondsToGo now since fraction
            |> Option.map (fun seconds -> $", about %s{duration seconds} to go")
            |> Option.defaultValue ""

        $"%s{duration (now - since).TotalSeconds} so far%s{toGo}%s{validation valid}"

    let private title (run: WatchedRun) =
        match run.Info with
        | Some info -> $"%s{info.Recipe} on %s{info.Dataset.Name}, seed %d{info.Seed}"
        | None -> "a run that has just begun"

    /// What goes on at the moment, in a few words.
    let present (now: DateTimeOffset) (run: WatchedRun) : string =
        let running =
            run.Stages
            |> List.tryPick (fun stage ->
                match stage.State with
                | StageState.Running(since, fraction, valid) ->
                    let share =
                        fraction
                        |> Option.map (fun fraction -> $" %.0f{100.0 * fraction} %%")
                        |> Option.defaultValue ""

                    Some $"%s{stage.Stage}%s{share}, %s{soFar now since fraction valid}"
                | _ -> None)

        match run.State, running with
        | RunState.Finished _, _ -> "finished"
        | RunState.Stopped, _ -> "stopped before it was whole"
        | RunState.Making, Some stage -> stage
        // Also: a stage that another process computes is waited for.
        | RunState.Making, None -> "between two stages: texts are embedded, models scored"

    let private stageLine (now: DateTimeOffset) width (stage: WatchedStage) =
        let name = stage.Stage.PadRight width

        match stage.State with
        | StageState.Ahead -> WatchLine.faint $"  %s{name}"
        | StageState.Ended(seconds, valid) ->
            let took = seconds.ToString("0.0", CultureInfo.InvariantCulture)
            WatchLine.good $"  %s{name}  %8s{took} s%s{validation valid}"
        | StageState.Kept seconds -> WatchLine.good $"  %s{name}  kept from before (took %s{duration seconds})"
        | StageState.Running(since, fraction, valid) ->
            let progress =
                match fraction with
                | Some fraction -> $"%s{TextChart.bar 20 fraction} %3.0f{100.0 * fraction} %%  "
                | None -> ""

            WatchLine.strong $"> %s{name}  %s{progress}%s{soFar now since fraction valid}"

    let private chart (run: WatchedRun) =
        let ofStudent student mark = {
            Mark = mark
            Points = [
                for who, round, accuracy in run.Curve do
                    if who = student then
                        float round, 100.0 * accuracy
            ]
        }

        let rounds = run.Curve |> List.map (fun (_, round, _) -> round) |> List.distinct |> List.sort

        let cell student round =
            run.Curve
            |> List.tryPick (fun (who, at, accuracy) ->
                if who = student && at = round then Some(percent accuracy) else None)
            |> Option.defaultValue ""

        let row (name: string) student =
            let cells = rounds |> List.map (cell student)
            let text = cells |> List.map _.PadLeft(7) |> String.concat ""
            if List.forall ((=) "") cells then [] else [ $"  %s{name}%s{text}" ]

        if rounds.IsEmpty then
            []
        else
            let header = rounds |> List.map (fun round -> (string round).PadLeft 7) |> String.concat ""

            [
                ""
                "Validation accuracy, %, by round (L: LM, G: GNN)"

                if rounds.Length > 1 then
                    for line in TextChart.draw 48 8 [ ofStudent Student.Lm 'L'; ofStudent Student.Gnn 'G' ] do
                        $"  %s{line}"

                $"  round%s{header}"
                yield! row "LM   " Student.Lm
                yield! row "GNN  " Student.Gnn
            ]
            |> List.map WatchLine.plain

    let private ending (known: Map<string, float>) (now: DateTimeOffset) (run: WatchedRun) =
        match run.State with
        | RunState.Finished summary -> [
            let seconds = summary.Seconds |> List.sumBy snd
            WatchLine.good $"Finished: %s{duration seconds} of work."
          ]
        | RunState.Stopped -> [
            WatchLine.bad "The run stopped before it was whole; the same command goes on after its last whole stage."
          ]
        | RunState.Making -> [
            if not (List.exists WatchedStage.isRunning run.Stages) then
                WatchLine.plain $"It is %s{present now run}."

            match WatchedStage.secondsLeft known now run.Stages with
            | Some seconds -> WatchLine.strong $"About %s{duration seconds} left."
            | None -> ()

            if now - run.LastSign > longSilence then
                WatchLine.bad $"No sign of it for %s{duration (now - run.LastSign).TotalSeconds}."
          ]

    /// The whole picture.
    ///   known : what stages took in other runs, by name
    let picture (known: Map<string, float>) (now: DateTimeOffset) (run: WatchedRun) : WatchLine list =
        let width = run.Stages |> List.map (_.Stage.Length) |> List.fold max 0

        WatchLine.strong (title run) :: List.map (stageLine now width) run.Stages
        @ chart run
        @ [ WatchLine.plain "" ]
        @ ending known now run

    /// What has changed since an earlier look, a line each.
    let news (before: WatchedRun) (after: WatchedRun) : string list =
        let isKnown name = before.Stages |> List.exists (fun stage -> stage.Stage = name)

        let stateBefore name =
            before.Stages
            |> List.tryPick (fun stage -> if stage.Stage = name then Some stage.State else None)
            |> Option.defaultValue StageState.Ahead

        // A finished run also counts what it never announced, such as writing its files.
        let announced =
            match after.State with
            | RunState.Finished _ -> after.Stages |> List.filter (fun stage -> isKnown stage.Stage)
            | _ -> after.Stages

        [
            if before.Info.IsNone && after.Info.IsSome then
                title after

            for stage in announced do
                match stateBefore stage.Stage, stage.State with
                | (StageState.Ahead | StageState.Running _), StageState.Ended(seconds, valid) ->
                    let took = seconds.ToString("0.0", CultureInfo.InvariantCulture)
                    $"%s{stage.Stage}: %s{took} s%s{validation valid}"
                | StageState.Ahead, StageState.Kept _ -> $"%s{stage.Stage}: kept from before"
                | StageState.Ahead, StageState.Running _ -> $"%s{stage.Stage} begins"
                | _ -> ()

            for student, round, accuracy in after.Curve do
                if not (List.contains (student, round, accuracy) before.Curve) then
                    $"%s{Student.key student} after round %d{round}: %s{percent accuracy} %% on validation"
        ]
