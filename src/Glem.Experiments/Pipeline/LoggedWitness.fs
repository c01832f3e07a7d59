namespace Glem

open System
open System.Diagnostics
open System.IO

/// Writes down what it witnesses, for processes that look on, and hands it on. Until Begin it only hands on. Disposing of it
/// says that the run has stopped, unless Complete was called before.
[<Sealed>]
type LoggedWitness(inner: IWitness) =
    let mutable log: LineLog<ProgressRecord> option = None
    let stage, sinceSaid = Stopwatch(), Stopwatch()

    // A step may take a millisecond; an onlooker looks every second.
    let interval = TimeSpan.FromSeconds 1.0

    // A full disk is no reason to end a run that nothing else ends.
    let say progress =
        try
            log
            |> Option.iter
                _.Append(
                    {
                        Time = DateTimeOffset.UtcNow
                        Progress = progress
                    }
                )
        with :? IOException ->
            ()

        sinceSaid.Restart()

    let begin' name =
        stage.Restart()
        say (Progress.Began name)

    let close () =
        log |> Option.iter (fun log -> (log :> IDisposable).Dispose())
        log <- None

    /// Writes into a run directory from now on.   stages : what the run will ask for
    member _.Begin(folder: string, stages: string list) =
        log <- ProgressLog.appendTo (RunFolder.progress folder) |> Result.toOption
        say (Progress.Planned(Holder.self (), stages))

    /// The run is whole: nothing is left to look at.
    member _.Complete(folder: string) =
        close ()
        File.Delete(RunFolder.progress folder)

    interface IWitness with
        member _.During(name, work) =
            begin' name
            let answer = inner.During(name, work)
            say (Progress.Ended(name, stage.Elapsed.TotalSeconds, None))
            answer

        member _.Kept(name, seconds) =
            say (Progress.Kept(name, seconds))
            inner.Kept(name, seconds)

        member _.Watch name state =
            let valid = state.Best |> Option.map (fun (scores, _) -> scores.Accuracy)

            if state.Step = 1 then
                begin' name

            if state.IsDone then
                say (Progress.Ended(name, stage.Elapsed.TotalSeconds, valid))
            elif sinceSaid.Elapsed > interval then
                say (Progress.Training(name, state.Step, state.Steps, valid))

            inner.Watch name state

    interface IDisposable with
        member _.Dispose() =
            say Progress.Stopped
            close ()
