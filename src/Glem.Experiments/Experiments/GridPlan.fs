namespace Glem

open System.IO
open System.Text.Json.Nodes

/// What a grid has to do, and about how long that takes.
type GridPlan = {
    /// Each cell and what became of it so far.
    Cells: (Cell * CellState) list
    /// Seconds of a unit of CellCost on this machine; None where nothing has been measured.
    Rate: float option
}

module GridPlan =
    /// Runs in a folder, at most this deep, as recipe and seconds. What cannot be read teaches nothing and is passed over.
    let rec private earlier depth (folder: string) : (Recipe * float) list =
        let own =
            match RunInfo.read (RunFolder.info folder), Summary.read (RunFolder.summary folder) with
            | Ok info, Ok summary ->
                let recorded = JsonNode.Parse(info.Configuration.GetRawText())

                match Settings.overlay recorded Recipes.quickstart with
                | Ok recipe -> [ recipe, summary.Seconds |> List.sumBy snd ]
                | Error _ -> []
            | _ -> []

        if not own.IsEmpty || depth = 0 then
            own
        else
            Directory.GetDirectories folder |> List.ofArray |> List.collect (earlier (depth - 1))

    /// Looks at what is there: the grid's own runs, and where it has none, those beside its folder (runs/).
    let look (out: string) (cells: Cell list) : Result<GridPlan, GlemError> =
        RunFile.guard out "a readable folder of runs" (fun () ->
            let states = cells |> List.map (fun cell -> cell, CellFolder.state out cell |> Result.orRaise)

            let measured =
                states
                |> List.choose (function
                    | cell, CellState.Done(_, seconds) -> Some(cell.Recipe, seconds)
                    | _ -> None)

            let beside = Path.GetFullPath out |> Path.GetDirectoryName |> nonNull

            let measured =
                if measured.IsEmpty && Directory.Exists beside then
                    earlier 4 beside
                else
                    measured

            {
                Cells = states
                Rate = CellCost.rate measured
            })

    /// Whether the run is there.
    let isDone state =
        match state with
        | CellState.Done _ -> true
        | _ -> false

    /// What one cell is estimated to take, in seconds.
    let estimate (plan: GridPlan) (cell: Cell) : float option =
        plan.Rate |> Option.map (fun rate -> rate * CellCost.units cell.Recipe)

    /// What is still to be done.
    let missing (plan: GridPlan) = plan.Cells |> List.filter (snd >> isDone >> not) |> List.map fst

    /// Seconds of what is still to be done.
    let ahead (plan: GridPlan) : float option =
        plan.Rate
        |> Option.map (fun rate -> rate * (missing plan |> List.sumBy (fun cell -> CellCost.units cell.Recipe)))
