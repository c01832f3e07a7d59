namespace Glem

/// Cells that run so many rounds before it is decided which of them go on.
type HalvingRung = {
    Rounds: int
    /// Over all seeds; whole on the last rung.
    Cells: Cell list
    /// Names of the cells that the rung's runs leave in; None until all of them have ended.
    Kept: string list option
}

/// Successive halving over EM rounds. Runs of one cell share the stages of their common rounds, so what a rung costs is the
/// rounds that the one before did not have. Controls and the baseline do not compete: they run whole.
module Halving =
    /// Whether a cell has to earn its later rounds.
    let competes (experiment: Experiment) (cell: Cell) =
        let isBaseline =
            match experiment.Baseline |> Option.map (CellName.parse "baseline") with
            | Some(Ok(arm, levels)) ->
                cell.Arm = arm && levels |> List.forall (fun level -> List.contains level cell.Levels)
            | _ -> false

        cell.Control.IsNone && Cell.isWhole cell && not isBaseline

    /// The cell with its first rounds alone; itself where it has no more.
    let private first rounds (cell: Cell) =
        if cell.Recipe.Rounds <= rounds then
            cell
        else
            {
                cell with
                    Part = CellPart.Rung rounds
                    Recipe = { cell.Recipe with Rounds = rounds }
            }

    /// The best of these by mean validation accuracy; of equals the earlier. Cells without a finished run are out.
    let private best (rule: HalvingRule) (state: Cell -> CellState) (cells: Cell list) =
        let score (cell: Cell) =
            match state cell with
            | CellState.Done(summary, _) -> CellScore.ofSummary rule.Student summary |> Option.map _.Valid
            | _ -> None

        let scored =
            cells
            |> List.groupBy (Cell.whole >> Cell.name)
            |> List.choose (fun (name, runs) ->
                match List.choose score runs with
                | [] -> None
                | scores -> Some(name, List.average scores))

        let count = ceil (rule.Keep * float scored.Length - 1e-9) |> int
        scored |> List.sortByDescending snd |> List.truncate count |> List.map fst

    /// The rungs as far as they are known: the last one is whole, or not yet decided.
    ///   cells : the experiment's   state : what became of a run so far
    let rungs (experiment: Experiment) (state: Cell -> CellState) (cells: Cell list) : HalvingRung list =
        let isSettled cell = state cell <> CellState.Missing

        let rec climb rule rounds (competing: Cell list) =
            let cells = competing |> List.map (first rounds)
            let isLast = cells |> List.forall Cell.isWhole

            if isLast || not (List.forall isSettled cells) then
                [
                    {
                        Rounds = rounds
                        Cells = cells
                        Kept = None
                    }
                ]
            else
                let kept = best rule state cells
                let stay = competing |> List.filter (fun cell -> List.contains (Cell.name cell) kept)

                let rung = {
                    Rounds = rounds
                    Cells = cells
                    Kept = Some kept
                }

                rung :: (if stay.IsEmpty then [] else climb rule (2 * rounds) stay)

        match experiment.Halving with
        | None -> []
        | Some rule ->
            match List.filter (competes experiment) cells with
            | [] -> []
            | competing -> climb rule rule.FirstRounds competing

    /// Whether a rung waits for runs before it can be said who goes on.
    let isOpen (rungs: HalvingRung list) =
        match List.tryLast rungs with
        | Some rung -> rung.Kept.IsNone && not (List.forall Cell.isWhole rung.Cells)
        | None -> false

    /// All runs that the experiment asks for so far, in order: what does not compete, then rung by rung. Without halving: the
    /// cells.
    let asked (experiment: Experiment) (state: Cell -> CellState) (cells: Cell list) : Cell list =
        if experiment.Halving.IsNone then
            cells
        else
            let others = cells |> List.filter (competes experiment >> not)
            others @ (rungs experiment state cells |> List.collect _.Cells) |> List.distinct
