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
            Import.ofTables (options.GetResult ImportArguments.Nodes) (options.GetResult ImportArguments.Edges) out

        let policy =
            if options.Contains ImportArguments.Train || options.Contains ImportArguments.Valid then
                Some(
                    Fractions(
                        options.GetResult(ImportArguments.Train, 0.6),
                        options.GetResult(ImportArguments.Valid, 0.2)
                    )
                )
            else
                None

        Import.run {
            request with
                Info = {
                    request.Info with
                        Name = options.GetResult(ImportArguments.Name, request.Info.Name)
                        Licence = options.GetResult(ImportArguments.Licence, request.Info.Licence)
                        Source = options.GetResult(ImportArguments.Source, request.Info.Source)
                }
                Policy = policy
                Seed = options.GetResult(ImportArguments.Seed, 0)
        }
        |> Result.map (fun imported ->
            report imported
            Console.line $"in %s{out}/; run it with: ./glem run --recipe quickstart --dataset %s{out}")

    let run (options: ParseResults<DataArguments>) : Result<unit, GlemError> =
        match options.GetSubCommand() with
        | DataArguments.List -> Ok(list ())
        | DataArguments.Describe options ->
            Datasets.find (options.GetResult DescribeArguments.Data)
            |> Result.map (Describe.run >> Describe.render Console.screen)
        | DataArguments.Import options -> import options
        | DataArguments.Validate options -> Validate.run (options.GetResult DescribeArguments.Data) |> Result.map report
