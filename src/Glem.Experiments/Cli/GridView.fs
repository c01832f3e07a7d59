namespace Glem

open System
open System.Collections.Generic
open System.Globalization
open Spectre.Console

/// How far a grid is, and about how long it still takes: on a terminal one line that changes, with a line above it for each
/// finished cell; elsewhere these lines alone. Hears of cells as Watch, and of what goes on in one as a witness.
type GridView private (plan: GridPlan, status: (string -> unit) option) =
    let missing = HashSet(GridPlan.missing plan |> List.map (fun cell -> Cell.name cell, cell.Seed))
    let cells = plan.Cells |> List.map fst
    let measured = ResizeArray<Recipe * float>()
    let mutable at = ""

    let title (cell: Cell) = $"%s{Cell.name cell} seed %d{cell.Seed}"

    let ahead () =
        let rate = CellCost.rate (List.ofSeq measured) |> Option.orElse plan.Rate

        let units =
            cells
            |> List.filter (fun cell -> missing.Contains((Cell.name cell, cell.Seed)))
            |> List.sumBy (fun cell -> CellCost.units cell.Recipe)

        match rate with
        | Some rate when missing.Count > 0 -> $", about %s{GridView.Duration(rate * units)} of work left"
        | _ -> ""

    let progress () = $"%d{cells.Length - missing.Count} of %d{cells.Length} runs%s{ahead ()}"

    let say (text: string) =
        match status with
        | Some _ -> AnsiConsole.MarkupLine(Markup.Escape text)
        | None -> Console.line text

    let show (stage: string) = status |> Option.iter (fun show -> show $"%s{progress ()}  %s{at}  %s{stage}")

    let percent (score: Score option) =
        match score with
        | Some score -> (100.0 * score.Valid).ToString("0.0", CultureInfo.InvariantCulture)
        | None -> "-"

    /// "41 s", "6 min", "2 h 10 min".
    static member Duration(seconds: float) =
        let time = TimeSpan.FromSeconds(Math.Min(seconds, 1e9))

        if time.TotalMinutes < 1.5 then $"%.0f{seconds} s"
        elif time.TotalMinutes < 90.0 then $"%.0f{time.TotalMinutes} min"
        else $"%d{int (Math.Floor time.TotalHours)} h %d{time.Minutes} min"

    member _.Watch(event: GridEvent) =
        match event with
        | GridEvent.Began cell ->
            at <- title cell
            show ""
        | GridEvent.Finished(cell, summary, seconds) ->
            missing.Remove((Cell.name cell, cell.Seed)) |> ignore
            measured.Add((cell.Recipe, seconds))
            let lm, gnn = CellScore.ofSummary Student.Lm summary, CellScore.ofSummary Student.Gnn summary

            say
                $"%s{title cell}: %s{GridView.Duration seconds}, valid LM %s{percent lm} GNN %s{percent gnn}; %s{progress ()}"
        | GridEvent.Failed(cell, problem) -> say $"%s{title cell} failed: %s{problem}"

        show ""

    interface IWitness with
        member _.During(name, work) =
            show name
            work ()

        member _.Kept(_, _) = ()

        member _.Watch name state =
            if state.Step = 1 || state.Step % 10 = 0 then
                show $"%s{name} %d{100 * state.Step / max 1 state.Steps} %%"

    /// Runs the work with a view on it.
    static member Run(plan: GridPlan, work: GridView -> 'r) : 'r =
        if Console.isInteractive then
            AnsiConsole
                .Status()
                .Start(
                    "looking",
                    fun context -> GridView(plan, Some(fun text -> context.Status <- Markup.Escape text)) |> work
                )
        else
            GridView(plan, None) |> work
