namespace Glem

open System
open System.Net.Http
open System.Threading
open Argu

/// glem data list | describe | import | validate | make | fetch.
module DataCommand =
    let private list () =
        Console.line "by name:"

        for name, what in Datasets.known do
            Console.line $"  %s{name}  %s{what}"

        Console.line "to fetch (glem data fetch NAME):"

        for known in PublicData.all do
            let size = known.Files |> List.sumBy _.Size

            Console.line
                $"  %s{known.Name}  about %d{size / 1_000_000L} MB, licence: %s{known.Licence}; %s{known.Source}"

        Console.line "Any data set folder is one too (docs/data.md); glem data import and glem data make make them."

    let private summary (dataset: Dataset) =
        let nodes, edges = dataset.Graph.NodeCount, dataset.Graph.Edges.EdgeCount / 2
        $"%s{dataset.Info.Name}: %d{nodes} nodes, %d{edges} edges, %d{dataset.ClassNames.Length} classes, fingerprint %s{dataset.Fingerprint}"

    let private tell (dataset: Dataset) (changes: string list) =
        Console.line (summary dataset)
        List.iter Console.line changes
        Hygiene.ofDataset dataset |> Hygiene.lines |> List.iter Console.line

    let private tellWhere (out: string) =
        Console.line $"in %s{out}/; run it with: ./glem run --recipe quickstart --dataset %s{out}"

    // ---- import

    let private source (options: ParseResults<ImportArguments>) : Result<ImportSource, GlemError> =
        let format = options.TryGetResult ImportArguments.Format
        let bad found expected = Error(InSetting("data import", found, expected))

        match
            options.TryGetResult ImportArguments.From,
            options.TryGetResult ImportArguments.Nodes,
            options.TryGetResult ImportArguments.Edges
        with
        | None, Some nodes, Some edges when format = None || format = Some "tables" -> Ok(TableFiles(nodes, edges))
        | None, Some _, Some _ ->
            bad $"--format %s{Option.get format} with --nodes and --edges" "--from with a folder or file"
        | Some path, None, None ->
            format
            |> Option.map ImportFormat.ofName
            |> Option.defaultWith (fun () -> ImportFormat.detect path)
            |> Result.map (fun format -> Place(path, format))
        | _ -> bad "neither or both" "--nodes and --edges, or --from"

    let private rules (options: ParseResults<ImportArguments>) =
        (Ok HygieneRules.standard, options.GetResults ImportArguments.Rule)
        ||> List.fold (fun rules text -> rules |> Result.bind (fun rules -> HygieneRules.set rules text))

    let private policy (options: ParseResults<ImportArguments>) =
        let shares = options.Contains ImportArguments.Train || options.Contains ImportArguments.Valid

        match
            options.TryGetResult ImportArguments.Train_Per_Class, options.TryGetResult ImportArguments.Valid_Per_Class
        with
        | None, None when not shares -> Ok None
        | None, None ->
            Ok(
                Some(
                    Fractions(
                        options.GetResult(ImportArguments.Train, 0.6),
                        options.GetResult(ImportArguments.Valid, 0.2)
                    )
                )
            )
        | train, valid when not shares -> Ok(Some(PerClass(defaultArg train 20, defaultArg valid 30)))
        | _ ->
            Error(
                InSetting(
                    "data import",
                    "shares and numbers",
                    "--train and --valid, or --train-per-class and --valid-per-class"
                )
            )

    let private import (options: ParseResults<ImportArguments>) =
        let out = options.GetResult ImportArguments.Out

        // Words are looked at before files.
        match rules options, policy options, source options with
        | Error error, _, _
        | _, Error error, _
        | _, _, Error error -> Error error
        | Ok rules, Ok policy, Ok source ->
            let request = Import.from source out

            Import.run {
                request with
                    Info = {
                        request.Info with
                            Name = options.GetResult(ImportArguments.Name, "")
                            Licence = options.GetResult(ImportArguments.Licence, "")
                            Source = options.GetResult(ImportArguments.Source, "")
                    }
                    Policy = policy
                    Seed = options.GetResult(ImportArguments.Seed, 0)
                    Rules = rules
                    Texts = options.GetResult(ImportArguments.Texts, [])
                    GraphMlKeys = {
                        Texts = options.GetResult(ImportArguments.Text, GraphMl.standardKeys.Texts)
                        Label = options.GetResult(ImportArguments.Label, GraphMl.standardKeys.Label)
                        Split = options.GetResult(ImportArguments.Split, GraphMl.standardKeys.Split)
                    }
            }
            |> Result.map (fun (dataset, report) ->
                tell dataset (ReadReport.lines report)
                tellWhere out)

    // ---- make

    let private makeDebian (options: ParseResults<MakeDebianArguments>) =
        let out = options.GetResult MakeDebianArguments.Out

        Debian.make out
        |> Result.map (fun (dataset, report) ->
            tell dataset (Debian.lines report)
            tellWhere out)

    let private makeSynthetic (options: ParseResults<MakeSyntheticArguments>) =
        let out = options.GetResult MakeSyntheticArguments.Out
        let standard = Synthetic.standard

        Synthetic.build {
            Nodes = options.GetResult(MakeSyntheticArguments.Nodes, standard.Nodes)
            Classes = options.GetResult(MakeSyntheticArguments.Classes, standard.Classes)
            Degree = options.GetResult(MakeSyntheticArguments.Degree, standard.Degree)
            Homophily = options.GetResult(MakeSyntheticArguments.Homophily, standard.Homophily)
            TextNoise = options.GetResult(MakeSyntheticArguments.Text_Noise, standard.TextNoise)
            Words = options.GetResult(MakeSyntheticArguments.Words, standard.Words)
            Vocabulary = options.GetResult(MakeSyntheticArguments.Vocabulary, standard.Vocabulary)
            LabelRate = options.GetResult(MakeSyntheticArguments.Label_Rate, standard.LabelRate)
            Seed = options.GetResult(MakeSyntheticArguments.Seed, standard.Seed)
        }
        |> Result.bind (fun (records, ceiling) ->
            DatasetFolder.write out records
            |> Result.map (fun dataset ->
                tell dataset [
                    $"Bayes accuracy from the text alone %.3f{ceiling.Text}"
                    $"Bayes accuracy from the text and the neighbours' true classes %.3f{ceiling.TextAndNeighbours}"
                ]

                tellWhere out))

    // ---- fetch

    let private fetch (options: ParseResults<FetchArguments>) =
        PublicData.find (options.GetResult FetchArguments.Name)
        |> Result.bind (fun known ->
            let out = options.GetResult(FetchArguments.Out, known.Name)
            // The time limit is for an answer to begin; a transfer may take as long as it takes.
            use client = new HttpClient(Timeout = TimeSpan.FromMinutes 2.0)
            Console.line $"%s{known.Name}: licence %s{known.Licence}; %s{known.Source}"

            Fetch.run client Console.line known out CancellationToken.None
            |> Result.map (fun () -> Console.line $"""next: %s{known.Next.Replace("FOLDER", out)}"""))

    let run (options: ParseResults<DataArguments>) : Result<unit, GlemError> =
        match options.GetSubCommand() with
        | DataArguments.List -> Ok(list ())
        | DataArguments.Describe options ->
            Datasets.find (options.GetResult DescribeArguments.Data)
            |> Result.map (Describe.run >> Describe.render Console.screen)
        | DataArguments.Import options -> import options
        | DataArguments.Validate options ->
            Validate.run (options.GetResult DescribeArguments.Data)
            |> Result.map (fun (dataset, report) -> tell dataset (ReadReport.lines report))
        | DataArguments.Fetch options -> fetch options
        | DataArguments.Make options ->
            match options.GetSubCommand() with
            | MakeArguments.Debian options -> makeDebian options
            | MakeArguments.Synthetic options -> makeSynthetic options
