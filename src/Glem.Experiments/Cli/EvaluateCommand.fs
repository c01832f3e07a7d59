namespace Glem

open System.Globalization
open System.IO
open Argu
open Spectre.Console

/// glem evaluate.
module EvaluateCommand =
    let private number (value: float) = value.ToString("0.000", CultureInfo.InvariantCulture)

    let private render (console: IAnsiConsole) (rows: LinkRow list) =
        // A file has no edge to wrap at.
        if not console.Profile.Out.IsTerminal then
            console.Profile.Width <- 160

        let table = ConsoleTable.create console
        table.AddColumn(TableColumn("Score")) |> ignore

        for name in [ "MRR"; "95%" ] @ (LinkScore.cutoffs |> List.map (sprintf "Hits@%d")) @ [ "AUROC" ] do
            table.AddColumn(TableColumn(name).RightAligned().NoWrap()) |> ignore

        for row in rows do
            let struct (low, high) = row.Test.MrrInterval

            let cells: string[] = [|
                Markup.Escape row.Name
                number row.Test.Mrr
                $"%s{number low}–%s{number high}"
                for _, share in row.Test.Hits do
                    number share
                number row.Test.Auroc
            |]

            table.AddRow cells |> ignore

        console.Write table

    let private show (report: LinkReport) =
        let parts = report.Split

        Console.line
            $"%s{report.Dataset}, recipe %s{report.Recipe}, seed %d{report.RunSeed}: %d{parts.Train.Length} edges trained, %d{parts.Valid.Length} chose decoders, %d{parts.Test.Length} are scored; %d{report.Stranded} nodes lost their last edge"

        Console.line
            $"Each end of an edge is ranked against %d{report.Count} nodes that it is not joined to; ties share their average rank."

        for kind, name in
            [
                Negatives.Uniform, "Test edges against uniform negatives"
                Negatives.DegreeMatched, "Test edges against negatives as well connected as true ends"
            ] do
            Console.heading name
            report.Rows |> List.filter (fun row -> row.Negatives = kind) |> render Console.screen

    let private students (options: ParseResults<EvaluateArguments>) =
        match options.TryGetResult EvaluateArguments.Model with
        | None -> Ok [ Student.Lm; Student.Gnn ]
        | Some "lm" -> Ok [ Student.Lm ]
        | Some "gnn" -> Ok [ Student.Gnn ]
        | Some other -> Error(InSetting("--model", other, "lm or gnn, or no --model for both"))

    let private task (options: ParseResults<EvaluateArguments>) =
        match options.GetResult EvaluateArguments.Task with
        | "link" -> Ok()
        | other -> Error(InSetting("--task", other, "link; a run's summary.json and report have its scores on nodes"))

    let private count (options: ParseResults<EvaluateArguments>) =
        match options.TryGetResult EvaluateArguments.Negatives with
        | Some count when count < 1 || count > 1_000_000 ->
            Error(InSetting("--negatives", string count, "a whole number from 1 to 1000000"))
        | count -> Ok count

    let private file (options: ParseResults<EvaluateArguments>) =
        match options.TryGetResult EvaluateArguments.Out with
        | Some path when (Path.GetExtension path |> string).ToLowerInvariant() <> ".json" ->
            Error(InSetting("--out", $"a file ending in '%s{string (Path.GetExtension path)}'", ".json"))
        | path -> Ok path

    let private write (path: string option) json =
        match path with
        | Some path -> RunFile.write path json
        | None -> Ok()

    let run (options: ParseResults<EvaluateArguments>) : Result<unit, GlemError> =
        let isJson = options.Contains EvaluateArguments.Json

        let request students count : LinkRequest = {
            Compute = Compute.automatic ()
            Folder = options.GetResult EvaluateArguments.Run
            Students = students
            Count = count
            Seed = options.GetResult(EvaluateArguments.Seed, 0)
        }

        let evaluate request =
            if isJson then
                LinkEvaluation.run request Witness.silent
            else
                ProgressView.Run(LinkEvaluation.run request)

        task options
        |> Result.bind (fun () -> file options)
        |> Result.bind (fun path ->
            students options
            |> Result.bind (fun students -> count options |> Result.map (request students))
            |> Result.bind evaluate
            |> Result.bind (fun report ->
                let json = LinkReport.toJson report |> Json.document

                write path json
                |> Result.map (fun () ->
                    if isJson then
                        System.Console.Out.Write(json: string)
                    else
                        show report
                        path |> Option.iter (fun path -> Console.line $"the same as JSON in %s{path}"))))
