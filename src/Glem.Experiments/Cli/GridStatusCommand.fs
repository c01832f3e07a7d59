namespace Glem

open System
open System.Globalization
open System.Threading
open Argu

/// glem grid status.
module GridStatusCommand =
    let private word progress =
        match progress with
        | CellProgress.Done _ -> "done"
        | CellProgress.Running _ -> "running"
        | CellProgress.Waiting _ -> "waiting"
        | CellProgress.Failed _ -> "failed"
        | CellProgress.Open -> "open"

    let private words = [ "done"; "running"; "waiting"; "failed"; "open" ]
    let private clock (time: DateTime) = time.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture) + " UTC"

    /// What the cell's task has printed; one that never began has no log.
    let private log (status: CellStatus) =
        status.Task |> Option.map (fun (_, task) -> task.Log) |> Option.filter IO.File.Exists

    let private detail (status: CellStatus) =
        let task = status.Task |> Option.map (fun (number, _) -> $"%s{number}: ") |> Option.defaultValue ""

        match status.Progress with
        | CellProgress.Done(_, seconds) -> GridView.Duration seconds
        | CellProgress.Running claim -> $"%s{task}%s{Holder.describe claim.Holder} since %s{clock claim.Since}"
        | CellProgress.Waiting why -> task + why
        | CellProgress.Failed why ->
            let log = log status |> Option.map (fun log -> $"; log %s{log}") |> Option.defaultValue ""
            task + why + log
        | CellProgress.Open -> ""

    let private row (status: CellStatus) = [
        Cell.name status.Cell
        $"seed %d{status.Cell.Seed}"
        word status.Progress
        detail status
    ]

    let private count (status: GridStatus) kind =
        status.Cells |> List.filter (fun status -> word status.Progress = kind) |> List.length

    let private headline (status: GridStatus) =
        let others =
            words
            |> List.tail
            |> List.filter (fun kind -> count status kind > 0)
            |> List.map (fun kind -> $", %d{count status kind} %s{kind}")
            |> String.concat ""

        let ahead =
            match status.Ahead with
            | Some seconds when seconds > 0.0 -> $"; about %s{GridView.Duration seconds} of work left"
            | _ -> ""

        $"""%s{status.Experiment.Name}: %d{count status "done"} of %d{status.Cells.Length} runs done%s{others}%s{ahead}"""

    let private show (status: GridStatus) =
        Console.line (headline status)
        status.Cells |> List.map row |> Console.columns
        status.Closed |> Option.iter (Grid.closedBy >> Console.line)

        match status.Queue with
        | Error error -> Console.line $"Slurm does not say what it has of them: %s{GlemError.message error}"
        | Ok _ -> ()

    let private cellJson (status: CellStatus) =
        let claim =
            match status.Progress with
            | CellProgress.Running claim -> Some claim
            | _ -> None

        Json.object [
            "cell", Json.text (Cell.name status.Cell)
            "seed", Json.int status.Cell.Seed
            "state", Json.text (word status.Progress)
            "seconds",
            match status.Progress with
            | CellProgress.Done(_, seconds) -> Json.float seconds
            | _ -> None
            "host", claim |> Option.bind (_.Holder.Host >> Json.text)
            "process", claim |> Option.bind (_.Holder.Process >> Json.int)
            "since", claim |> Option.bind (fun claim -> Json.text (claim.Since.ToString "yyyy-MM-dd'T'HH:mm:ss'Z'"))
            "task", status.Task |> Option.bind (fst >> Json.text)
            "why",
            match status.Progress with
            | CellProgress.Waiting why
            | CellProgress.Failed why -> Json.text why
            | _ -> None
            "log", log status |> Option.bind Json.text
        ]

    let private toJson (status: GridStatus) =
        Json.object [
            "experiment", Json.text status.Experiment.Name
            yield! words |> List.map (fun kind -> kind, Json.int (count status kind))
            "secondsAhead", status.Ahead |> Option.bind Json.float
            "gateClosed",
            (if status.Closed.IsSome then
                 Some(Text.Json.Nodes.JsonValue.Create true)
             else
                 None)
            "slurm",
            match status.Queue with
            | Error error -> Json.text (GlemError.message error)
            | Ok _ -> None
            "cells", status.Cells |> Seq.map cellJson |> Json.array
        ]

    /// How often Slurm is asked.
    let private pause = TimeSpan.FromSeconds 10.0

    /// Says what changes, until nobody is at it any more.
    let rec private watch (out: string) (before: GridStatus) : Result<unit, GlemError> =
        if not (GridStatus.isGoingOn before) then
            Ok()
        else
            Thread.Sleep pause

            GridStatus.ofFolder out
            |> Result.bind (fun status ->
                let news = status.Cells |> List.map row |> List.except (before.Cells |> List.map row)

                if not news.IsEmpty then
                    Console.line ""
                    Console.line $"%s{clock DateTime.UtcNow}  %s{headline status}"
                    Console.columns news

                watch out status)

    /// Error: no grid's folder; a damaged file of it.
    let run (options: ParseResults<GridStatusArguments>) : Result<unit, GlemError> =
        let out = options.GetResult GridStatusArguments.Folder

        GridStatus.ofFolder out
        |> Result.bind (fun status ->
            if options.Contains GridStatusArguments.Json then
                Ok(Console.line ((toJson status |> Json.document).TrimEnd()))
            else
                show status

                if options.Contains GridStatusArguments.Watch then watch out status else Ok())
