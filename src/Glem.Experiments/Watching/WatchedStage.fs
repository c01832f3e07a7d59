namespace Glem

open System

/// What a run's stage has come to.
[<RequireQualifiedAccess>]
type StageState =
    | Ahead
    /// fraction : of its optimiser steps, where it has any   valid : the best validation accuracy so far
    | Running of since: DateTimeOffset * fraction: float option * valid: float option
    | Ended of seconds: float * valid: float option
    /// Its answer was there; it took so many seconds when it was computed.
    | Kept of seconds: float

/// A stage of a run in the making.
type WatchedStage = { Stage: string; State: StageState }

/// Stages as progress.jsonl tells of them.
module WatchedStage =
    let isRunning (stage: WatchedStage) =
        match stage.State with
        | StageState.Running _ -> true
        | _ -> false

    let private set (name: string) (state: StageState) (stages: WatchedStage list) =
        let changed = { Stage = name; State = state }

        if stages |> List.exists (fun stage -> stage.Stage = name) then
            stages |> List.map (fun stage -> if stage.Stage = name then changed else stage)
        else
            stages @ [ changed ]

    let private began (name: string) (stages: WatchedStage list) =
        stages
        |> List.tryPick (fun stage ->
            match stage.State with
            | StageState.Running(since, _, _) when stage.Stage = name -> Some since
            | _ -> None)

    /// The stages after one more record.
    let after (stages: WatchedStage list) (record: ProgressRecord) : WatchedStage list =
        match record.Progress with
        | Progress.Planned(_, names) -> [
            for name in names ->
                {
                    Stage = name
                    State = StageState.Ahead
                }
          ]
        | Progress.Began name -> set name (StageState.Running(record.Time, None, None)) stages
        | Progress.Training(name, step, steps, valid) ->
            let since = began name stages |> Option.defaultValue record.Time
            set name (StageState.Running(since, Some(float step / float (max 1 steps)), valid)) stages
        | Progress.Ended(name, seconds, valid) -> set name (StageState.Ended(seconds, valid)) stages
        | Progress.Kept(name, seconds) -> set name (StageState.Kept seconds) stages
        | Progress.Stopped -> stages

    /// What is alike in every round: "E-step" of "E-step 2".
    let private kind (name: string) = name.TrimEnd([| '0' .. '9' |]).TrimEnd()

    /// About how many seconds of a stage are left by its own speed; None where it has just begun.
    let secondsToGo (now: DateTimeOffset) (since: DateTimeOffset) (fraction: float option) : float option =
        fraction
        |> Option.filter (fun fraction -> fraction > 0.05)
        |> Option.map (fun fraction -> (now - since).TotalSeconds * (1.0 - fraction) / fraction)

    /// About how many seconds are left, and None where too little is known.
    ///   known : what stages took in runs of the same recipe, by name; this run's own rounds count first
    let secondsLeft (known: Map<string, float>) (now: DateTimeOffset) (stages: WatchedStage list) : float option =
        let taken = [
            for stage in stages do
                match stage.State with
                | StageState.Ended(seconds, _)
                | StageState.Kept seconds -> kind stage.Stage, seconds
                | _ -> ()
        ]

        let expected name =
            match taken |> List.filter (fst >> (=) (kind name)) with
            | [] -> known.TryFind name
            | own -> Some(own |> List.averageBy snd)

        let left stage =
            match stage.State with
            | StageState.Ended _
            | StageState.Kept _ -> Some 0.0
            | StageState.Ahead -> expected stage.Stage
            | StageState.Running(since, fraction, _) ->
                secondsToGo now since fraction
                |> Option.orElseWith (fun () ->
                    expected stage.Stage |> Option.map (fun seconds -> max 0.0 (seconds - (now - since).TotalSeconds)))

        let parts = stages |> List.map left

        if stages.IsEmpty || List.exists Option.isNone parts then
            None
        else
            Some(parts |> List.sumBy Option.get)
