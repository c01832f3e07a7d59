namespace Glem

open System

/// Where a grid's cell stands.
[<RequireQualifiedAccess>]
type WatchedCell =
    | Waiting
    | Running of WatchedRun
    /// It was begun, and its process is gone.
    | Stopped
    | Done of Summary * seconds: float
    | Failed of string

/// A grid as its folder tells of it.
type WatchedGrid = {
    Experiment: Experiment
    Cells: (Cell * WatchedCell) list
    /// Seconds of a unit of CellCost; None where nothing was measured.
    Rate: float option
}

module WatchedGrid =
    let private running (out: string) (cell: Cell) =
        CellFolder.run out cell
        |> WatchedRun.inTheMaking
        |> List.tryPick (WatchedRun.read >> Result.toOption)

    let private look (out: string) (cell: Cell) : Result<WatchedCell, GlemError> =
        CellFolder.state out cell
        |> Result.map (fun state ->
            match state with
            | CellState.Done(summary, seconds) -> WatchedCell.Done(summary, seconds)
            | CellState.Failed problem -> WatchedCell.Failed problem
            | CellState.Missing ->
                match running out cell with
                | None -> WatchedCell.Waiting
                | Some { State = RunState.Stopped } -> WatchedCell.Stopped
                | Some run -> WatchedCell.Running run)

    let private isDone cell =
        match cell with
        | WatchedCell.Done _ -> true
        | _ -> false

    /// Reads a grid's folder. What was done at an earlier look is not read again.
    /// Error: a damaged file, or one that went away in between.
    let read (out: string) (before: WatchedGrid option) : Result<WatchedGrid, GlemError> =
        Preregistration.file out
        |> Result.bind ExperimentJson.read
        |> Result.bind (fun experiment ->
            RunFile.guard out "a grid's folder" (fun () ->
                let known =
                    match before with
                    | Some before when before.Experiment = experiment ->
                        before.Cells |> List.filter (snd >> isDone) |> Map
                    | _ -> Map.empty

                let cells = [
                    for cell in Experiment.cells experiment |> Result.orRaise |> Grid.asked out experiment ->
                        cell, known.TryFind cell |> Option.defaultWith (fun () -> look out cell |> Result.orRaise)
                ]

                let measured =
                    cells
                    |> List.choose (function
                        | cell, WatchedCell.Done(_, seconds) -> Some(cell.Recipe, seconds)
                        | _ -> None)

                let rate =
                    match CellCost.rate measured, before with
                    | Some rate, _ -> Some rate
                    | None, Some before -> before.Rate
                    | None, None -> (GridPlan.look out (List.map fst cells) |> Result.orRaise).Rate

                {
                    Experiment = experiment
                    Cells = cells
                    Rate = rate
                }))

    /// Seconds of work that is not done: what runs at the moment counts as not begun.
    let workLeft (grid: WatchedGrid) : float option =
        let units =
            grid.Cells
            |> List.filter (fun (_, state) ->
                match state with
                | WatchedCell.Done _
                | WatchedCell.Failed _ -> false
                | _ -> true)
            |> List.sumBy (fun (cell, _) -> CellCost.units cell.Recipe)

        grid.Rate |> Option.map (fun rate -> rate * units)

    /// Every run is done, or has failed.
    let hasEnded (grid: WatchedGrid) =
        grid.Cells
        |> List.forall (fun (_, state) ->
            match state with
            | WatchedCell.Done _
            | WatchedCell.Failed _ -> true
            | _ -> false)
