namespace Glem

open System
open System.IO

/// How far a cell is.
[<RequireQualifiedAccess>]
type CellProgress =
    | Done of Summary * seconds: float
    | Running of CellClaim
    /// Slurm has a task for it, which has not come to it yet; why.
    | Waiting of why: string
    | Failed of why: string
    /// Nobody has it.
    | Open

[<RequireQualifiedAccess>]
type CellStatus = {
    Cell: Cell
    Progress: CellProgress
    /// The task of Slurm's that was given it last, by its number, and what that printed.
    Task: (string * SubmittedTask) option
}

/// How far a grid is, in one process, in many, or in Slurm's.
[<RequireQualifiedAccess>]
type GridStatus = {
    Experiment: Experiment
    Output: string
    Cells: CellStatus list
    Submissions: SlurmSubmission list
    /// Of the tasks that were submitted; or why Slurm does not say, and then waiting is what the folder knows of them.
    Queue: Result<Map<string, SlurmState>, GlemError>
    /// Seconds of work of the cells that are not done, by what the others took; None before one has been measured.
    Ahead: float option
    /// The gate and what the base reached, where that lets nothing else begin.
    Closed: (Gate * float) option
}

module GridStatus =
    /// What is known of a cell.
    ///   queue : None where Slurm does not answer
    ///   task : that was given the cell last
    ///   claim : and whether its process is known to be gone
    let progress
        (queue: Map<string, SlurmState> option)
        (task: string option)
        (claim: (CellClaim * bool) option)
        (state: Result<CellState, GlemError>)
        : CellProgress =
        let inQueue = queue |> Option.bind (fun queue -> task |> Option.bind queue.TryFind)

        /// Its process may be elsewhere, where only Slurm knows of it.
        let isAlive (claim: CellClaim, isGone) =
            let hasEnded =
                queue.IsSome && claim.Task.IsSome && claim.Task = task && inQueue |> Option.forall Slurm.hasEnded

            not isGone && not hasEnded

        let waiting (state: SlurmState) =
            if Slurm.isPending state then
                state.Reason
            else
                $"its task is %s{state.State} on %s{state.Node}"

        match state, claim, task with
        | Ok(CellState.Done(summary, seconds)), _, _ -> CellProgress.Done(summary, seconds)
        | Ok(CellState.Failed problem), _, _ -> CellProgress.Failed problem
        | Error error, _, _ -> CellProgress.Failed(GlemError.message error)
        | Ok CellState.Missing, Some claim, _ when isAlive claim -> CellProgress.Running(fst claim)
        | Ok CellState.Missing, Some(claim, _), None ->
            CellProgress.Failed $"%s{Holder.describe claim.Holder} ended without a result"
        | Ok CellState.Missing, None, None -> CellProgress.Open
        | Ok CellState.Missing, _, Some task ->
            match queue, inQueue with
            | None, _ -> CellProgress.Waiting "Slurm does not say"
            | _, None -> CellProgress.Failed "its task ended without a result"
            | _, Some state when not (Slurm.hasEnded state) -> CellProgress.Waiting(waiting state)
            // The task came to its end and left the cell to the gate, the budget, or another process.
            | _, Some state when state.State = "COMPLETED" -> CellProgress.Open
            | _, Some state -> CellProgress.Failed $"%s{task} ended as %s{state.State}"

    /// The last thing that a task said; Slurm's own words are among them, such as "CANCELLED … DUE TO TIME LIMIT".
    let private lastWords (task: SubmittedTask) =
        match RunFile.read task.Log with
        | Ok text ->
            let lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries)

            lines
            |> Array.tryFindBack (fun line -> line.StartsWith "slurmstepd")
            |> Option.orElse (Array.tryLast lines)
        | Error _ -> None

    let private explained (task: (string * SubmittedTask) option) state progress =
        match progress, task, state with
        // The run itself says why.
        | _, _, Ok(CellState.Failed _)
        | _, None, _ -> progress
        | CellProgress.Failed why, Some(_, task), _ ->
            match lastWords task with
            | Some words -> CellProgress.Failed $"%s{why}: %s{words}"
            | None -> progress
        | _ -> progress

    let private gateIsClosed out (experiment: Experiment) =
        match experiment.Gate, Experiment.cells experiment with
        | Some gate, Ok cells ->
            match CellFolder.state out (Experiment.gateCell experiment cells) with
            | Ok(CellState.Done(summary, _)) ->
                match Grid.reached gate summary with
                | Ok score when score < gate.AtLeast -> Some(gate, score)
                | _ -> None
            | _ -> None
        | _ -> None

    /// Looks at the folder, and asks Slurm where it was given something. Takes and changes nothing.
    ///   cells : the experiment's, or some of them
    /// Error: a damaged record of a submission.
    let look (out: string) (experiment: Experiment) (cells: Cell list) : Result<GridStatus, GlemError> =
        SlurmSubmission.all out
        |> Result.map (fun submissions ->
            // Before the folder: a task that ends in between has then left its result.
            let queue = SlurmSubmission.ids submissions |> Slurm.queue

            let status cell : CellStatus =
                let task = SlurmSubmission.taskOf submissions (Cell.name cell, cell.Seed)
                // In this order: a cell that ends in between has let its claim go.
                let claim = CellFolder.claim out cell |> Option.map (fun claim -> claim, Holder.isGone claim.Holder)
                let state = CellFolder.state out cell

                {
                    Cell = cell
                    Progress =
                        progress (Result.toOption queue) (Option.map fst task) claim state |> explained task state
                    Task = task
                }

            let cells = cells |> Grid.asked out experiment |> List.map status

            let measured =
                cells
                |> List.choose (fun (status: CellStatus) ->
                    match status.Progress with
                    | CellProgress.Done(_, seconds) -> Some(status.Cell.Recipe, seconds)
                    | _ -> None)

            let ahead =
                cells
                |> List.filter (fun status -> not status.Progress.IsDone)
                |> List.sumBy (fun status -> CellCost.units status.Cell.Recipe)

            {
                Experiment = experiment
                Output = out
                Cells = cells
                Submissions = submissions
                Queue = queue
                Ahead = CellCost.rate measured |> Option.map (fun rate -> rate * ahead)
                Closed = gateIsClosed out experiment
            })

    /// As look, of all cells of the experiment that the folder was registered for. Errors: no grid's folder; as look.
    let ofFolder (out: string) : Result<GridStatus, GlemError> =
        if not (Preregistration.isOf out) then
            Error(InFile(out, "", "no preregistration.json", "a grid's folder, as glem grid makes it"))
        else
            Preregistration.file out
            |> Result.bind ExperimentJson.read
            |> Result.bind (fun experiment ->
                Experiment.cells experiment
                |> Result.bind (fun cells ->
                    // The base, where the gate asks for a run that is none of the cells.
                    let base' =
                        match experiment.Gate, Experiment.gateCell experiment cells with
                        | Some _, cell when not (List.contains cell cells) -> [ cell ]
                        | _ -> []

                    look out experiment (base' @ cells)))

    /// Whether somebody is at it, or will be.
    let isGoingOn (status: GridStatus) =
        status.Cells |> List.exists (fun status -> status.Progress.IsRunning || status.Progress.IsWaiting)

    /// What nobody has and nobody will take: to be run, again where it failed.
    let openCells (status: GridStatus) : Cell list =
        status.Cells
        |> List.filter (fun status -> status.Progress.IsOpen || status.Progress.IsFailed)
        |> List.map _.Cell
