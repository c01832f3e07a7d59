namespace Glem

open System

/// What there is to see of a grid.
module GridWatch =
    let private title (cell: Cell) = $"%s{Cell.name cell} seed %d{cell.Seed}"

    let private count grid (is: WatchedCell -> bool) = grid.Cells |> List.filter (snd >> is) |> List.length

    /// "12 of 30 runs done, 1 failed, 2 running; about 70 min of work left, 35 min with 2 at a time".
    let summary (grid: WatchedGrid) : string =
        let finished = count grid _.IsDone
        let running = count grid _.IsRunning

        let others = [
            for number, what in
                [
                    count grid _.IsFailed, "failed"
                    running, "running"
                    count grid _.IsStopped, "stopped on the way"
                    count grid _.IsWaiting, "waiting"
                ] do
                if number > 0 then
                    $", %d{number} %s{what}"
        ]

        let left =
            match WatchedGrid.workLeft grid with
            | Some seconds when seconds > 0.0 ->
                let together =
                    if running > 1 then
                        $", %s{GridView.Duration(seconds / float running)} with %d{running} at a time"
                    else
                        ""

                $"; about %s{GridView.Duration seconds} of work left%s{together}"
            | _ -> ""

        $"""%d{finished} of %d{grid.Cells.Length} runs done%s{String.concat "" others}%s{left}"""

    let private score student (summaries: Summary list) =
        match summaries |> List.choose (CellScore.ofSummary student) with
        | [] -> "-"
        | scores -> scores |> List.averageBy _.Valid |> RunWatch.percent

    /// Each cell over its seeds: how many are done, and what validation says on average.
    let private table (grid: WatchedGrid) =
        let rows = [
            for name, cells in grid.Cells |> List.groupBy (fst >> GridMatter.shown) ->
                let summaries =
                    cells
                    |> List.choose (function
                        | _, WatchedCell.Done(summary, _) -> Some summary
                        | _ -> None)

                name, $"%d{summaries.Length}/%d{cells.Length}", score Student.Lm summaries, score Student.Gnn summaries
        ]

        let width = rows |> List.map (fun (name, _, _, _) -> name.Length) |> List.fold max 4

        [
            ""
            $"""  %s{"cell".PadRight width}   done  valid LM     GNN"""
            for name, seeds, lm, gnn in rows do
                $"  %s{name.PadRight width}  %5s{seeds}  %8s{lm}  %6s{gnn}"
        ]
        |> List.map WatchLine.plain

    /// The whole picture. What runs stands above the cells, which may be more than a screen holds.
    let picture (now: DateTimeOffset) (grid: WatchedGrid) : WatchLine list = [
        WatchLine.strong $"%s{grid.Experiment.Name}: %s{grid.Experiment.Question}"
        WatchLine.plain (summary grid)

        for cell, state in grid.Cells do
            match state with
            | WatchedCell.Running run -> WatchLine.strong $"> %s{title cell}: %s{RunWatch.present now run}"
            | WatchedCell.Stopped -> WatchLine.bad $"  %s{title cell}: stopped before it was whole"
            | WatchedCell.Failed problem -> WatchLine.bad $"  %s{title cell} failed: %s{problem}"
            | WatchedCell.Waiting
            | WatchedCell.Done _ -> ()

        yield! table grid

        if WatchedGrid.hasEnded grid then
            WatchLine.plain ""
            WatchLine.good "Finished."
    ]

    /// What has changed since an earlier look, a line each.
    let news (before: WatchedGrid) (after: WatchedGrid) : string list =
        let earlier = Map before.Cells

        [
            for cell, state in after.Cells do
                match earlier.TryFind cell, state with
                | Some(WatchedCell.Done _), WatchedCell.Done _
                | Some(WatchedCell.Failed _), WatchedCell.Failed _
                | Some(WatchedCell.Running _), WatchedCell.Running _ -> ()
                | _, WatchedCell.Done(result, seconds) ->
                    let valid student = score student [ result ]

                    $"%s{title cell}: %s{GridView.Duration seconds}, valid LM %s{valid Student.Lm} GNN %s{valid Student.Gnn}; %s{summary after}"
                | _, WatchedCell.Failed problem -> $"%s{title cell} failed: %s{problem}"
                | _, WatchedCell.Running _ -> $"%s{title cell} runs"
                | Some(WatchedCell.Running _), WatchedCell.Stopped -> $"%s{title cell} stopped before it was whole"
                | _ -> ()
        ]
