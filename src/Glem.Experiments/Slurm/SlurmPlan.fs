namespace Glem

/// A job of a grid's: an array, whose tasks take some cells each.
type SlurmJob = {
    /// A word, which names its logs.
    Name: string
    /// Jobs of the same plan that come to their end before it begins, well or not.
    After: string list
    Tasks: Cell list list
}

/// Which cells are run when, and with which others in one task. Pure: what is in the store and the queue comes in.
module SlurmPlan =
    /// Runs the base, and nothing after it unless its gate opens.
    let gate = "gate"
    /// Computes what other cells wait for.
    let first = "first"
    /// Waits for nobody.
    let free = "free"
    /// What the first ones have computed something for.
    let rest = "rest"
    /// Writes the table and the page.
    let report = "report"

    type private Sharing =
        | Leads
        | Follows
        | Alone

    /// Cells by what they share: of those that lack the same answers the first one leads, and the others follow.
    let private sharing (wanted: (Cell * StageKey list) list) =
        let counts = wanted |> List.collect snd |> List.countBy id |> Map

        (Set.empty, wanted)
        ||> List.mapFold (fun brought (cell, keys) ->
            match keys |> List.filter (fun key -> counts[key] > 1) with
            | [] -> (Alone, cell), brought
            | shared when shared |> List.exists brought.Contains -> (Follows, cell), brought
            | shared -> (Leads, cell), Set.union brought (Set shared))
        |> fst

    /// The tasks of some cells, the costliest first, so that the last ones to end are short: a cell each, or, where they would
    /// be more than `most`, several cells of about the same cost together.
    let tasks (most: int) (cells: Cell list) : Cell list list =
        let cost = List.sumBy (fun cell -> CellCost.units cell.Recipe)

        if cells.Length <= most then
            cells |> List.map List.singleton
        else
            [ for k in 1..most -> CellCost.shard k most cells ]
        |> List.sortBy (fun cells -> -(cost cells))

    /// The jobs of what is to be run.
    ///   most : tasks of an array, at most
    ///   base' : the gate's run, where it is not there yet; none of the wanted cells
    ///   wanted : cells. Like the base, each with the stages of its language model that the store lacks
    let make (most: int) (base': (Cell * StageKey list) option) (wanted: (Cell * StageKey list) list) : SlurmJob list =
        // What the base computes is there when the others begin.
        let early = base' |> Option.map snd |> Option.defaultValue []
        let shares = wanted |> List.map (fun (cell, keys) -> cell, List.except early keys) |> sharing
        let tasksOf share = shares |> List.filter (fst >> (=) share) |> List.map snd |> tasks most
        let afterGate = if base'.IsSome then [ gate ] else []
        let ahead = tasksOf Leads

        let cells =
            [
                gate, [], base' |> Option.toList |> List.map (fst >> List.singleton)
                first, afterGate, ahead
                free, afterGate, tasksOf Alone
                rest, (if ahead.IsEmpty then afterGate else [ first ]), tasksOf Follows
            ]
            |> List.filter (fun (_, _, tasks) -> not tasks.IsEmpty)

        [
            for name, after, tasks in cells do
                {
                    Name = name
                    After = after
                    Tasks = tasks
                }
            {
                Name = report
                After = cells |> List.map (fun (name, _, _) -> name)
                Tasks = [ [] ]
            }
        ]
