namespace Glem

open System
open System.IO
open System.Text.Json
open System.Text.Json.Nodes

/// What became of a cell's run.
[<RequireQualifiedAccess>]
type CellState =
    | Missing
    /// Its summary, and what it took in seconds of wall time.
    | Done of Summary * seconds: float
    /// It was tried, and why it ended.
    | Failed of string

/// Where a grid keeps its runs.
///   cells/<name>/seed<N>/       a run directory, as glem run makes it
///   cells/<name>/seed<N>.json   what the grid knows of it: seconds, or why it failed
///   .claims/<name>,seed<N>      locked by the process that runs it, which .json beside it tells of; gone when the run is there
module CellFolder =
    let run (out: string) (cell: Cell) = Path.Combine(out, "cells", Cell.name cell, $"seed%d{cell.Seed}")

    let private note out cell = run out cell + ".json"

    let private readNote out cell =
        if File.Exists(note out cell) then
            RunFile.read (note out cell)
            |> Result.bind (
                Json.read (note out cell) "" (fun at ->
                    at |> Json.tryField "seconds" |> Option.map Json.asFloat,
                    at |> Json.tryField "failed" |> Option.map Json.asText)
            )
        else
            Ok(None, None)

    let private writeNote out cell fields = Json.object fields |> Json.document |> RunFile.write (note out cell)

    /// Whether a run directory holds this cell's run: an experiment that was started as another one may have cells of the same
    /// name and another recipe. Fields that a run of an older Glem lacks do not count.
    let private isOf (cell: Cell) (info: RunInfo) =
        let recorded = JsonNode.Parse(info.Configuration.GetRawText())

        match Settings.overlay recorded cell.Recipe with
        | Ok recipe -> { recipe with Name = cell.Recipe.Name } = cell.Recipe && info.Seed = cell.Seed
        | Error _ -> false

    /// What is there. Error: a damaged file.
    let state (out: string) (cell: Cell) : Result<CellState, GlemError> =
        let folder = run out cell

        let finished () =
            RunInfo.read (RunFolder.info folder)
            |> Result.bind (fun info ->
                if isOf cell info then
                    Summary.read (RunFolder.summary folder)
                    |> Result.bind (fun summary ->
                        readNote out cell
                        |> Result.map (fun (seconds, _) ->
                            // A kill between the run and its note leaves the stages' own times.
                            let seconds = seconds |> Option.defaultValue (summary.Seconds |> List.sumBy snd)
                            CellState.Done(summary, seconds)))
                else
                    Ok CellState.Missing)

        if Directory.Exists folder then
            finished ()
        else
            readNote out cell
            |> Result.map (function
                | _, Some problem -> CellState.Failed problem
                | _ -> CellState.Missing)

    /// Forgets that it failed, so that it is tried again.
    let forget (out: string) (cell: Cell) =
        if File.Exists(note out cell) && not (Directory.Exists(run out cell)) then
            File.Delete(note out cell)

    /// Makes room for a run: one of another recipe moves aside, into seed<N>.before-<time>.
    let prepare (out: string) (cell: Cell) =
        let folder = run out cell

        if Directory.Exists folder then
            let stamp = DateTime.UtcNow.ToString "yyyyMMdd-HHmmss"
            Directory.Move(folder, $"%s{folder}.before-%s{stamp}")

        RunFile.makeFolder folder

    /// Notes what a finished run took.
    let finish (out: string) (cell: Cell) (seconds: float) : Result<unit, GlemError> =
        writeNote out cell [ "seconds", Json.float seconds ]

    /// Notes why a run failed.
    let fail (out: string) (cell: Cell) (problem: string) : Result<unit, GlemError> =
        writeNote out cell [ "failed", Json.text problem ]

    let private claimFile out cell = Path.Combine(out, ".claims", $"%s{Cell.name cell},seed%d{cell.Seed}")

    /// What belongs to a run that is there, whenever its process died: its note, and no claim, which means nothing any more.
    let settle (out: string) (cell: Cell) (seconds: float) =
        match readNote out cell with
        | Ok(Some _, _) -> ()
        | _ -> finish out cell seconds |> ignore

        Beside.forget (note out cell)
        CellClaim.remove (claimFile out cell)

    /// The right to run a cell, until it is given back or the process ends, however it ends: the operating system holds it.
    /// None where another process has it.
    let tryClaim (out: string) (cell: Cell) : IDisposable option = CellClaim.take (claimFile out cell)

    /// Who runs a cell, or ran it when its process was killed.
    let claim (out: string) (cell: Cell) : CellClaim option = CellClaim.read (claimFile out cell)
