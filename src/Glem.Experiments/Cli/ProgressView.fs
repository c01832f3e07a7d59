namespace Glem

open System
open System.Diagnostics
open Spectre.Console

/// The progress of a run's stages: bars with an estimate on a terminal, one line for each finished stage elsewhere.
type ProgressView private (context: ProgressContext option) =
    let clock = Stopwatch()
    let mutable stage = ""
    let mutable bar: ProgressTask option = None

    let percent (scores: Scores) = $"valid %.1f{100.0 * scores.Accuracy}%%"

    let label name (state: TrainState option) =
        let validation =
            state
            |> Option.bind (fun state -> state.Best)
            |> Option.map (fst >> percent)
            |> Option.defaultValue ""

        Markup.Escape $"%-22s{name} %s{validation}"

    let finish (last: TrainState option) =
        match bar with
        | Some bar ->
            bar.Description <- label stage last
            bar.Value <- bar.MaxValue
            bar.StopTask()
        | None ->
            let validation =
                last
                |> Option.bind _.Best
                |> Option.map (fun (scores, _) -> ", " + percent scores)
                |> Option.defaultValue ""

            Console.line $"  %-24s{stage} %6.1f{clock.Elapsed.TotalSeconds} s%s{validation}"

    let start name =
        stage <- name
        clock.Restart()
        bar <- context |> Option.map (fun context -> context.AddTask(label name None, true, 1.0))

    interface IWitness with
        member _.During(name, work) =
            start name
            bar |> Option.iter (fun bar -> bar.IsIndeterminate <- true)
            let answer = work ()
            bar |> Option.iter (fun bar -> bar.IsIndeterminate <- false)
            finish None
            answer

        member _.Kept(name, seconds) =
            let note = $"kept from before (took %.1f{seconds} s)"

            match context with
            | Some context ->
                let task = context.AddTask(Markup.Escape $"%-22s{name} kept", true, 1.0)
                task.Value <- 1.0
                task.StopTask()
            | None -> Console.line $"  %-24s{name} %s{note}"

        member _.Watch name state =
            if state.Step = 1 then
                start name

            bar
            |> Option.iter (fun bar ->
                bar.MaxValue <- float state.Steps
                bar.Value <- float state.Step

                if state.Validation.IsSome then
                    bar.Description <- label name (Some state))

            if state.IsDone then
                finish (Some state)

    /// One line for each finished stage, whatever the console is.
    static member Plain: IWitness = ProgressView None

    /// Runs the work with a view on it.
    static member Run(work: IWitness -> 'r) : 'r =
        if not Console.isInteractive then
            work (ProgressView None)
        else
            let columns: ProgressColumn[] = [|
                TaskDescriptionColumn(Alignment = Justify.Left)
                ProgressBarColumn()
                PercentageColumn()
                RemainingTimeColumn()
                ElapsedTimeColumn()
            |]

            AnsiConsole
                .Progress()
                .AutoClear(false)
                .HideCompleted(false)
                .Columns(columns)
                .Start(fun context -> work (ProgressView(Some context)))
