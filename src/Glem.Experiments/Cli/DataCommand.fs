namespace Glem

open Argu

/// glem data list | describe | import | validate.
module DataCommand =
    let private list () =
        for name, what in Datasets.known do
            Console.line $"%s{name}  %s{what}"

        Console.line "Any data set folder is one too (docs/data.md); glem data import makes one."

    let private summary (dataset: Dataset) =
        let nodes, edges = dataset.Graph.NodeCount, dataset.Graph.Edges.EdgeCount / 2
        $"%s{dataset.Info.Name}: %d{nodes} nodes, %d{edges} edges, %d{dataset.ClassNames.Length} classes, fingerprint %s{dataset.Fingerprint}"

    let private report (dataset: Dataset, dropped: ReadReport) =
        Console.line (summary dataset)
        ReadReport.lines dropped |> List.iter Console.line

    let private import (options: ParseResults<ImportArguments>) =
        let out = options.GetResult ImportArguments.Out

        let request =
            Import.ofTables (options.GetResult Nodes) (options.GetResult Edges) out

        let policy =
            if options.Contains Train || options.Contains Valid then
                Some(Fractions(options.GetResult(Train, 0.6), options.GetResult(Valid, 0.2)))
            else
                None

        Import.run
            { request with
                Info =
                    { request.Info with
                        Name = options.GetResult(Name, request.Info.Name)
                        Licence = options.GetResult(Licence, request.Info.Licence)
                        Source = options.GetResult(Source, request.Info.Source) }
                Policy = policy
                Seed = options.GetResult(ImportArguments.Seed, 0) }
        |> Result.map (fun imported ->
            report imported
            Console.line $"in %s{out}/; run it with: ./glem run --recipe quickstart --dataset %s{out}")

    let run (options: ParseResults<DataArguments>) : Result<unit, GlemError> =
        match options.GetSubCommand() with
        | List -> Ok(list ())
        | Describe options ->
            Datasets.find (options.GetResult DescribeArguments.Data) |> Result.map Describe.run |> Result.map (Describe.render Spectre.Console.AnsiConsole.Console)
        | Import options -> import options
        | Validate options -> Validate.run (options.GetResult DescribeArguments.Data) |> Result.map report
