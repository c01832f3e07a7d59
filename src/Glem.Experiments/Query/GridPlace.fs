namespace Glem

open System.IO

/// Where a grid has a run: its experiment's name, and the cell's.
type GridPlace = {
    Experiment: string
    /// "glem,alpha=0.3".
    Cell: string
    Arm: string
    /// Axis and label.
    Levels: (string * string) list
}

module GridPlace =
    /// The grid's folder of a run at <grid>/cells/<name>/seed<N>.
    let private gridOf (run: string) =
        let parent (folder: string) = Path.GetDirectoryName folder |> Option.ofObj
        let run = Path.TrimEndingDirectorySeparator(Path.GetFullPath run)

        match parent run, parent run |> Option.bind parent with
        | Some cell, Some cells when Path.GetFileName cells = "cells" ->
            parent cells
            |> Option.filter Preregistration.isOf
            |> Option.map (fun grid -> grid, Path.GetFileName cell |> string)
        | _ -> None

    let private nameOf (file: string) =
        RunFile.read file
        |> Result.bind (Json.read file "" (fun at -> at |> Json.field "name" |> Json.asText))

    /// The file that names the experiment of a run's grid, and the run's cell. None for a run of no grid.
    let find (run: string) : (Result<string, GlemError> * string) option =
        gridOf run |> Option.map (fun (grid, cell) -> Preregistration.file grid, cell)

    /// Where a grid has the run; None for a run of no grid. Error: a damaged file of the grid.
    let ofRun (run: string) : Result<GridPlace option, GlemError> =
        match find run with
        | None -> Ok None
        | Some(file, cell) ->
            file
            |> Result.bind nameOf
            |> Result.bind (fun experiment ->
                CellName.parse "cell" cell
                |> Result.map (fun (arm, levels) ->
                    Some {
                        Experiment = experiment
                        Cell = cell
                        Arm = arm
                        Levels = levels
                    }))
