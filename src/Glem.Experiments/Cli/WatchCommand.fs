namespace Glem

open System
open System.IO
open System.Threading
open Argu
open Spectre.Console
open Spectre.Console.Rendering

/// What is watched, as it was seen last.
type private Watched =
    | Run of output: string * known: Map<string, float> * WatchedRun
    | Grid of output: string * WatchedGrid

/// glem watch. Reads only, and looks again where a file changed under its hands.
module WatchCommand =
    /// A grid may have thousands of cells on a network's disk.
    let private interval watched =
        match watched with
        | Run _ -> TimeSpan.FromSeconds 0.5
        | Grid _ -> TimeSpan.FromSeconds 2.0

    /// Looks that may fail in a row: files are renamed, and runs are given up and removed, while somebody looks.
    let private patience = 20

    /// The output of a run in the making that was named by its own folder.
    let private outputOf (folder: string) =
        match folder.IndexOf ".partial-" with
        | -1 -> folder
        | at -> folder.Substring(0, at)

    let private nothing (folder: string) =
        InFile(folder, "", "no run", "a run's folder, whole or in the making, or a grid's")

    let private lookAtRun (output: string) (known: Map<string, float> option) =
        // What is in the making is looked for first: it becomes the whole one, and not the other way round.
        let folder =
            match WatchedRun.inTheMaking output with
            | latest :: _ -> Some latest
            | [] when Directory.Exists output -> Some output
            | [] -> None

        match folder with
        | None -> Error(nothing output)
        | Some folder ->
            WatchedRun.read folder
            |> Result.map (fun run ->
                let known =
                    match known, run.Info with
                    | Some known, _ -> known
                    | None, Some info -> WatchedRun.known output info
                    | None, None -> Map.empty

                Run(output, known, run))

    let private first (folder: string) =
        let folder = Path.TrimEndingDirectorySeparator folder

        if Preregistration.isOf folder then
            WatchedGrid.read folder None |> Result.map (fun grid -> Grid(folder, grid))
        else
            lookAtRun (outputOf folder) None

    let private again (watched: Watched) =
        match watched with
        | Grid(out, grid) -> WatchedGrid.read out (Some grid) |> Result.map (fun grid -> Grid(out, grid))
        // What other runs took is asked for until this one has said of what recipe it is.
        | Run(output, _, { Info = None }) -> lookAtRun output None
        | Run(output, known, _) -> lookAtRun output (Some known)

    let private picture (watched: Watched) =
        match watched with
        | Run(_, known, run) -> RunWatch.picture known DateTimeOffset.UtcNow run
        | Grid(_, grid) -> GridWatch.picture DateTimeOffset.UtcNow grid

    let private news (before: Watched) (after: Watched) =
        match before, after with
        | Run(_, _, before), Run(_, _, after) -> RunWatch.news before after
        | Grid(_, before), Grid(_, after) -> GridWatch.news before after
        | _ -> []

    let private hasEnded (watched: Watched) =
        match watched with
        | Run(_, _, { State = RunState.Making }) -> false
        | Run _ -> true
        | Grid(_, grid) -> WatchedGrid.hasEnded grid

    let private style tone =
        match tone with
        | Tone.Plain -> Style.Plain
        | Tone.Strong -> Style(decoration = Decoration.Bold)
        | Tone.Good -> Style(foreground = Color.Green)
        | Tone.Bad -> Style(foreground = Color.Red)
        | Tone.Faint -> Style(decoration = Decoration.Dim)

    let private rendered (lines: WatchLine list) : IRenderable =
        Rows [
            for line in lines ->
                // An empty text takes no line.
                let text = if line.Text = "" then " " else line.Text
                Text(text, style line.Tone, Overflow = Overflow.Ellipsis) :> IRenderable
        ]

    let private print (lines: WatchLine list) =
        if Console.isInteractive then
            AnsiConsole.Write(rendered lines)
        else
            lines |> List.iter (_.Text >> Console.line)

    /// Looks until it has ended or the person has seen enough; `show` hears of the look before and the one now.
    let private follow (cancel: CancellationToken) (show: Watched -> Watched -> unit) (start: Watched) : Watched =
        let rec loop (seen: Watched) failures =
            if hasEnded seen || cancel.WaitHandle.WaitOne(interval seen) then
                seen
            else
                match again seen with
                | Ok now ->
                    show seen now
                    loop now 0
                | Error error when failures >= patience -> raise (GlemException error)
                | Error _ -> loop seen (failures + 1)

        loop start 0

    let private live (start: Watched) (cancel: CancellationToken) =
        AnsiConsole
            .Live(rendered (picture start))
            .Overflow(VerticalOverflow.Ellipsis)
            .Start(fun context ->
                let show _ now =
                    context.UpdateTarget(rendered (picture now))
                    context.Refresh()

                context.Refresh()
                follow cancel show start)

    let private inLines (start: Watched) (cancel: CancellationToken) =
        print (picture start)
        follow cancel (fun before now -> news before now |> List.iter Console.line) start

    let private conclude (watched: Watched) =
        match watched with
        | Run(_, _, { State = RunState.Stopped }) -> failwith "the run stopped before it was whole"
        | _ -> ()

    /// Errors: nothing there to watch. Raises where the run stopped before it was whole.
    let run (options: ParseResults<WatchArguments>) : Result<unit, GlemError> =
        first (options.GetResult WatchArguments.Folder)
        |> Result.map (fun start ->
            if options.Contains WatchArguments.Once then
                print (picture start)
            else
                let watch = if Console.isInteractive then live else inLines
                let last = Interruption.ofOnlooker (watch start)

                if not Console.isInteractive && hasEnded last && not (hasEnded start) then
                    match last with
                    | Run _ -> print (picture last)
                    | Grid(_, grid) -> Console.line (GridWatch.summary grid)

                conclude last)
