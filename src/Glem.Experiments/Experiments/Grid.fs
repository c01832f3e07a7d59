namespace Glem

open System
open System.Diagnostics
open System.IO
open System.Threading

/// What a grid says while it runs.
[<RequireQualifiedAccess>]
type GridEvent =
    | Began of Cell
    | Finished of Cell * Summary * seconds: float
    | Failed of Cell * problem: string

/// An experiment's cells, or a share of them, to be run into a folder.
type GridRequest = {
    Experiment: Experiment
    /// The experiment's, or some of them.
    Cells: Cell list
    Output: string
    /// Makes a cell's run directory, which does not exist yet.
    Run: Cell -> string -> Result<Summary, GlemError>
    Cancel: CancellationToken
    Watch: GridEvent -> unit
}

/// What a grid did not do.
type GridOutcome = {
    Failed: (Cell * string) list
    /// What its estimate puts beyond the budget.
    BeyondBudget: Cell list
    /// What other processes were running when this one had nothing left.
    Elsewhere: Cell list
    /// The gate, and what the base reached, where that is not enough: nothing else was run.
    Closed: (Gate * float) option
}

module Grid =
    /// The cells that are there, with their seconds.
    let finished (out: string) (cells: Cell list) : (Cell * Summary * float) list =
        cells
        |> List.choose (fun cell ->
            match CellFolder.state out cell with
            | Ok(CellState.Done(summary, seconds)) -> Some(cell, summary, seconds)
            | _ -> None)

    let private state out cell = CellFolder.state out cell |> Result.orRaise

    /// The runs that the experiment asks for so far: some of the cells, or their first rounds, where it halves.
    /// Raises GlemException for a damaged file.
    let asked (out: string) (experiment: Experiment) (cells: Cell list) : Cell list =
        Halving.asked experiment (state out) cells

    let private allAsked (request: GridRequest) =
        Experiment.cells request.Experiment |> Result.orRaise |> asked request.Output request.Experiment

    let private nothing = {
        Failed = []
        BeyondBudget = []
        Elsewhere = []
        Closed = None
    }

    /// One cell, by the process that holds its claim.
    let private attempt (request: GridRequest) (cell: Cell) : Result<Summary, string> =
        let clock = Stopwatch.StartNew()
        request.Watch(GridEvent.Began cell)
        CellFolder.prepare request.Output cell

        let answer =
            try
                request.Run cell (CellFolder.run request.Output cell) |> Result.mapError GlemError.message
            with
            | :? OperationCanceledException -> reraise ()
            | problem -> Error problem.Message

        let seconds = clock.Elapsed.TotalSeconds

        match answer with
        | Ok summary ->
            CellFolder.finish request.Output cell seconds |> Result.orRaise
            CellFolder.settle request.Output cell seconds
            request.Watch(GridEvent.Finished(cell, summary, seconds))
        | Error problem ->
            CellFolder.fail request.Output cell problem |> Result.orRaise
            request.Watch(GridEvent.Failed(cell, problem))

        answer

    /// Whether the budget has room for a cell: what all cells have taken, and what this one is estimated to take.
    let private hasRoom (request: GridRequest) cell =
        match request.Experiment.BudgetMinutes with
        | None -> true
        | Some minutes ->
            let measured = allAsked request |> finished request.Output

            let spent = measured |> List.sumBy (fun (_, _, seconds) -> seconds)

            let estimate =
                measured
                |> List.map (fun (cell, _, seconds) -> cell.Recipe, seconds)
                |> CellCost.rate
                |> Option.map (fun rate -> rate * CellCost.units cell.Recipe)
                |> Option.defaultValue 0.0

            spent + estimate <= 60.0 * minutes

    /// One cell, whatever its state is. Waits for nobody.
    let private visit (request: GridRequest) (outcome: GridOutcome) (cell: Cell) : GridOutcome =
        Stop.check request.Cancel

        let failed problem = {
            outcome with
                Failed = outcome.Failed @ [ cell, problem ]
        }

        match CellFolder.state request.Output cell with
        | Error error -> failed (GlemError.message error)
        | Ok(CellState.Done(_, seconds)) ->
            CellFolder.settle request.Output cell seconds
            outcome
        | Ok(CellState.Failed problem) -> failed problem
        | Ok CellState.Missing when not (hasRoom request cell) -> {
            outcome with
                BeyondBudget = outcome.BeyondBudget @ [ cell ]
          }
        | Ok CellState.Missing ->
            match CellFolder.tryClaim request.Output cell with
            | None -> {
                outcome with
                    Elsewhere = outcome.Elsewhere @ [ cell ]
              }
            | Some claim ->
                use _ = claim

                // It may have come to its end between the look at it and the claim.
                match CellFolder.state request.Output cell with
                | Ok CellState.Missing ->
                    match attempt request cell with
                    | Ok _ -> outcome
                    | Error problem -> failed problem
                | Ok(CellState.Failed problem) -> failed problem
                | _ -> outcome

    /// Whether a cell's run is there.
    let isThere (out: string) (cell: Cell) = not (finished out [ cell ]).IsEmpty

    /// What a gate says that lets nothing else begin.
    let closedBy (gate: Gate, score: float) =
        $"the gate is closed: the base's %s{gate.Rung} reached %.1f{100.0 * score} %% on validation, below %.1f{100.0 * gate.AtLeast}; nothing else was run"

    /// What a rung of the gate's run reached on validation.
    let internal reached (gate: Gate) (summary: Summary) : Result<float, string> =
        Ladder.rungs
        |> List.pick (fun (key, _, score) -> if key = gate.Rung then Some(score summary) else None)
        |> function
            | Some score -> Ok score.Valid
            | None -> Error $"the base's run has no %s{gate.Rung}"

    let private gateCell (request: GridRequest) =
        Experiment.cells request.Experiment |> Result.orRaise |> Experiment.gateCell request.Experiment

    /// What the gate's rung reached; another process may be running it.
    let rec private gateScore (request: GridRequest) (gate: Gate) (cell: Cell) : Result<float, string> =
        // Without its answer nothing can begin: no budget keeps it out.
        let unlimited = {
            request with
                Experiment = {
                    request.Experiment with
                        BudgetMinutes = None
                }
        }

        let outcome = visit unlimited nothing cell

        match outcome.Failed, CellFolder.state request.Output cell with
        | (_, problem) :: _, _ -> Error problem
        | _, Ok(CellState.Done(summary, _)) -> reached gate summary
        | _ ->
            Thread.Sleep 1000
            gateScore request gate cell

    /// Visits cells; what another process had is looked at again while there is something to do: it may have died.
    let rec private pass (request: GridRequest) (before: GridOutcome) cells =
        let outcome = List.fold (visit request) { before with Elsewhere = [] } cells
        let isNews = outcome.Elsewhere.Length < List.length cells

        if outcome.Elsewhere.IsEmpty || not isNews then
            outcome
        else
            pass request outcome outcome.Elsewhere

    /// What is asked for, and what turns out to be asked for once that has ended.
    let rec private climb (request: GridRequest) : GridOutcome =
        let before = asked request.Output request.Experiment request.Cells
        let outcome = pass request nothing before
        let isOpen = Halving.rungs request.Experiment (state request.Output) request.Cells |> Halving.isOpen

        if asked request.Output request.Experiment request.Cells <> before then
            climb request
        elif isOpen && not outcome.Elsewhere.IsEmpty then
            // Who goes on depends on what other processes are running.
            Thread.Sleep 1000
            climb request
        else
            outcome

    /// Runs what is missing, one cell after the other; what is there is read, and what another process has claimed is left to
    /// it. A cell that fails is noted, and the others go on; it is not tried again until forgetFailures. The gate is looked at
    /// first, the budget before each cell.
    /// Raises OperationCanceledException once `Cancel` is asked for and the run at hand has heard of it: all that was finished
    /// stays. Error: a folder that cannot be written to.
    let run (request: GridRequest) : Result<GridOutcome, GlemError> =
        let gated gate =
            let cell = gateCell request

            match gateScore request gate cell with
            | Ok score when score >= gate.AtLeast -> climb request
            | Ok score -> {
                nothing with
                    Closed = Some(gate, score)
              }
            | Error problem -> {
                nothing with
                    Failed = [ cell, problem ]
              }

        RunFile.guard request.Output "a folder that can be written to" (fun () ->
            match request.Experiment.Gate with
            | None -> climb request
            | Some gate -> gated gate)

    /// What a run would find, without running anything: for the process whose workers did.
    let survey (request: GridRequest) : Result<GridOutcome, GlemError> =
        let seen (outcome: GridOutcome) cell =
            match CellFolder.state request.Output cell with
            | Ok(CellState.Done _) -> outcome
            | Ok(CellState.Failed problem) -> {
                outcome with
                    Failed = outcome.Failed @ [ cell, problem ]
              }
            | Error error -> {
                outcome with
                    Failed = outcome.Failed @ [ cell, GlemError.message error ]
              }
            | Ok CellState.Missing when hasRoom request cell -> {
                outcome with
                    Elsewhere = outcome.Elsewhere @ [ cell ]
              }
            | Ok CellState.Missing -> {
                outcome with
                    BeyondBudget = outcome.BeyondBudget @ [ cell ]
              }

        let closed gate =
            match CellFolder.state request.Output (gateCell request) with
            | Ok(CellState.Done(summary, _)) ->
                match reached gate summary with
                | Ok score when score < gate.AtLeast -> Some(gate, score)
                | _ -> None
            | _ -> None

        RunFile.guard request.Output "a readable folder of runs" (fun () ->
            match request.Experiment.Gate |> Option.bind closed with
            | Some closed -> { nothing with Closed = Some closed }
            | None -> asked request.Output request.Experiment request.Cells |> List.fold seen nothing)

    /// Lets cells that failed be tried again: what a person who starts a grid again wants, and the processes of one grid do
    /// not.
    let forgetFailures (out: string) (experiment: Experiment) (cells: Cell list) =
        Experiment.gateCell experiment cells :: cells @ asked out experiment cells
        |> List.iter (CellFolder.forget out)
