namespace Glem

open System
open System.Globalization

/// What a run in the making says of its stages.
[<RequireQualifiedAccess>]
type Progress =
    /// First of all: which process runs, and the stages that it will ask for, in order.
    | Planned of Holder * stages: string list
    | Began of stage: string
    /// So many of a stage's optimiser steps are done; the best validation accuracy so far, 0 to 1.
    | Training of stage: string * step: int * steps: int * valid: float option
    | Ended of stage: string * seconds: float * valid: float option
    /// Its answer was there; it took so many seconds when it was computed.
    | Kept of stage: string * seconds: float
    /// The run ended before it was whole, but not by being killed.
    | Stopped

/// A line of progress.jsonl.
type ProgressRecord = {
    Time: DateTimeOffset
    Progress: Progress
}

/// progress.jsonl: for onlookers, beside the files of a run in the making; it is gone when the run is whole.
module ProgressLog =
    let private fields progress =
        let stage event (name: string) = [ "event", Json.text event; "stage", Json.text name ]

        match progress with
        | Progress.Planned(holder, stages) -> [
            "event", Json.text "planned"
            "holder", Some(Json.object (Holder.toFields holder))
            "stages", stages |> Seq.choose Json.text |> Json.array
          ]
        | Progress.Began name -> stage "began" name
        | Progress.Training(name, step, steps, valid) ->
            stage "training" name
            @ [
                "step", Json.int step
                "steps", Json.int steps
                "valid", Option.bind Json.float valid
            ]
        | Progress.Ended(name, seconds, valid) ->
            stage "ended" name @ [ ("seconds", Json.float seconds); ("valid", Option.bind Json.float valid) ]
        | Progress.Kept(name, seconds) -> stage "kept" name @ [ "seconds", Json.float seconds ]
        | Progress.Stopped -> [ "event", Json.text "stopped" ]

    /// One line, without its line feed.
    let toLine record =
        let time =
            record.Time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture)

        Json.object (("time", Json.text time) :: fields record.Progress) |> Json.line

    let private readTime at =
        match DateTimeOffset.TryParse(Json.asText at, CultureInfo.InvariantCulture) with
        | true, time -> time
        | _ -> Json.refuse "a date and time" at

    let private readProgress at =
        let stage () = at |> Json.field "stage" |> Json.asText
        let seconds () = at |> Json.field "seconds" |> Json.asFloat
        let valid () = at |> Json.tryField "valid" |> Option.map Json.asFraction
        let count key = at |> Json.field key |> Json.asInt
        let event = Json.field "event" at

        match Json.asText event with
        | "planned" ->
            Progress.Planned(
                at |> Json.field "holder" |> Holder.ofJson,
                at |> Json.field "stages" |> Json.items |> List.map Json.asText
            )
        | "began" -> Progress.Began(stage ())
        | "training" -> Progress.Training(stage (), count "step", count "steps", valid ())
        | "ended" -> Progress.Ended(stage (), seconds (), valid ())
        | "kept" -> Progress.Kept(stage (), seconds ())
        | "stopped" -> Progress.Stopped
        | _ -> Json.refuse "planned, began, training, ended, kept or stopped" event

    let private ofLine file number =
        Json.read file $"line %d{number}" (fun at -> {
            Time = at |> Json.field "time" |> readTime
            Progress = readProgress at
        })

    /// Opens the file for appending, or creates it.
    let appendTo path = LineLog.Open(path, toLine)

    /// The records in the order they were written, and notes on what was passed over.
    let read path = LineLog.read ofLine path
