namespace Glem

open System
open System.IO

/// Where a run stands.
[<RequireQualifiedAccess>]
type RunState =
    | Making
    /// Its process is gone, or said that it stopped.
    | Stopped
    | Finished of Summary

/// A run as its files tell of it.
type WatchedRun = {
    /// None until the run has written it.
    Info: RunInfo option
    State: RunState
    /// In the order in which the run asks for them; of a finished run, as it counted them.
    Stages: WatchedStage list
    /// Validation accuracy after each round, 0 the first: student, round, accuracy.
    Curve: (Student * int * float) list
    /// When its files were written to last.
    LastSign: DateTimeOffset
}

module WatchedRun =
    let private isIn folder (file: string -> string) = File.Exists(file folder)

    /// The records of a file that is being written to; none of one that is not there yet.
    let private records (read: string -> Result<'record list * string list, GlemError>) (path: string) =
        if File.Exists path then read path |> Result.map fst else Ok []

    let private curve (metrics: Metric list) = [
        for metric in metrics do
            if metric.Split = Valid && Metric.isOnCurve metric then
                metric.Model, metric.Iteration, metric.Accuracy
    ]

    let private lastSign (folder: string) =
        [ RunFolder.progress; RunFolder.metrics; RunFolder.info; RunFolder.summary ]
        |> List.map (fun file -> file folder)
        |> List.filter File.Exists
        |> List.map File.GetLastWriteTimeUtc
        |> function
            | [] -> Directory.GetLastWriteTimeUtc folder
            | times -> List.max times
        |> fun time -> DateTimeOffset(time, TimeSpan.Zero)

    let private isStopped (progress: ProgressRecord list) =
        progress
        |> List.exists (fun record ->
            match record.Progress with
            | Progress.Stopped -> true
            | Progress.Planned(holder, _) -> Holder.isGone holder
            | _ -> false)

    /// Reads a run directory, be it whole or in the making. Error: one that is not there, or a file of it that is damaged, or
    /// that went away in between.
    let read (folder: string) : Result<WatchedRun, GlemError> =
        RunFile.guard folder "a run directory, whole or in the making" (fun () ->
            if not (Directory.Exists folder) then
                raise (GlemException(InFile(folder, "", "no such folder", "a run directory")))

            let info =
                if isIn folder RunFolder.info then
                    Some(RunInfo.read (RunFolder.info folder) |> Result.orRaise)
                else
                    None

            let metrics = RunFolder.metrics folder |> records MetricLog.read |> Result.orRaise
            let progress = RunFolder.progress folder |> records ProgressLog.read |> Result.orRaise

            let state, stages =
                if isIn folder RunFolder.summary && progress.IsEmpty then
                    let summary = Summary.read (RunFolder.summary folder) |> Result.orRaise

                    RunState.Finished summary,
                    [
                        for stage, seconds in summary.Seconds ->
                            {
                                Stage = stage
                                State = StageState.Ended(seconds, None)
                            }
                    ]
                else
                    (if isStopped progress then RunState.Stopped else RunState.Making),
                    progress |> List.fold WatchedStage.after []

            {
                Info = info
                State = state
                Stages = stages
                Curve = curve metrics
                LastSign = lastSign folder
            })

    /// The folders in which an output's runs are in the making or were given up, the latest first.
    let inTheMaking (output: string) : string list =
        let output = Path.TrimEndingDirectorySeparator(Path.GetFullPath output)
        let folder, name = Path.GetDirectoryName output |> Option.ofObj, Path.GetFileName output

        match folder with
        | Some folder when Directory.Exists folder ->
            // The time in the name comes first, so the order of names is the order in which they began.
            Directory.GetDirectories(folder, $"%s{name}.partial-*") |> List.ofArray |> List.sortDescending
        | _ -> []

    /// What stages took in the finished runs beside an output that are of the same recipe and data set: means, by name.
    let known (output: string) (info: RunInfo) : Map<string, float> =
        let folder = Path.GetFullPath output |> Path.GetDirectoryName |> Option.ofObj

        [
            for beside in folder |> Option.map Directory.GetDirectories |> Option.defaultValue [||] do
                match RunInfo.read (RunFolder.info beside), Summary.read (RunFolder.summary beside) with
                | Ok other, Ok summary when other.Recipe = info.Recipe && other.Dataset.Name = info.Dataset.Name ->
                    yield! summary.Seconds
                | _ -> ()
        ]
        |> List.groupBy fst
        |> List.map (fun (stage, seconds) -> stage, seconds |> List.averageBy snd)
        |> Map
