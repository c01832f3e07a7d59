namespace Glem

open System
open System.Diagnostics
open System.Globalization
open System.IO
open Argu
open Spectre.Console

/// glem embed.
module EmbedCommand =
    let private thousands (number: int64) = number.ToString("N0", CultureInfo.InvariantCulture)

    let private source (options: ParseResults<EmbedArguments>) =
        match options.TryGetResult EmbedArguments.Lm, options.TryGetResult EmbedArguments.Run with
        | Some folder, None -> EmbeddingSource.ofFolder folder
        | None, Some folder -> EmbeddingSource.ofRun folder
        | _ -> Error(InSetting("embed", "neither or both of --lm and --run", "one of them"))

    let private items (options: ParseResults<EmbedArguments>) : Result<NewNode seq, GlemError> =
        match options.TryGetResult EmbedArguments.Dataset, options.TryGetResult EmbedArguments.Input with
        | Some dataset, None ->
            Datasets.find dataset
            |> Result.map (fun dataset ->
                Seq.map2
                    (fun id text -> {
                        Id = id
                        Text = text
                        Neighbours = []
                    })
                    dataset.Graph.Ids
                    dataset.Graph.Texts)
        | None, Some path -> TextTable.stream path
        | _ -> Error(InSetting("embed", "neither or both of --dataset and --input", "one of them"))

    let private pooling (options: ParseResults<EmbedArguments>) (source: EmbeddingSource) =
        match options.TryGetResult EmbedArguments.Pooling with
        | None -> Ok source
        | Some name ->
            match Pooling.tryParse name with
            | Some pooling -> Ok { source with Pooling = pooling }
            | None -> Error(InSetting("--pooling", name, Pooling.names))

    /// The least is a text's two special tokens and one of its own.
    let private tokens (options: ParseResults<EmbedArguments>) (source: EmbeddingSource) =
        let most = Encoder.capacity source.Encoder

        match options.GetResult(EmbedArguments.Tokens, source.MaxTokens) with
        | tokens when tokens >= 3 && tokens <= most -> Ok { source with MaxTokens = tokens }
        | other ->
            Error(InSetting("--tokens", string other, $"a whole number from 3 to %d{most}, which the encoder reads"))

    let private batch (options: ParseResults<EmbedArguments>) =
        match options.GetResult(EmbedArguments.Batch, 64) with
        | batch when batch >= 1 -> Ok batch
        | other -> Error(InSetting("--batch", string other, "a whole number from 1 on"))

    let private folder (path: string) =
        let folder = Path.GetFullPath path |> Path.GetDirectoryName |> string

        if Directory.Exists folder then
            Ok()
        else
            Error(InFile(path, "", "no such folder to write into", "a file in a folder that is there"))

    /// Runs the work with the count of texts done on a terminal's line.
    let private watched (work: (int64 -> unit) -> 'r) : 'r =
        if Console.isInteractive then
            AnsiConsole
                .Status()
                .Start(
                    "reading texts",
                    fun context -> work (fun count -> context.Status <- $"%s{thousands count} texts")
                )
        else
            work ignore

    let run (options: ParseResults<EmbedArguments>) : Result<unit, GlemError> =
        let path = options.GetResult EmbedArguments.Out

        // What costs nothing is looked at first.
        batch options
        |> Result.bind (fun batch ->
            EmbeddingFormat.ofPath path
            |> Result.bind (fun _ -> folder path)
            |> Result.bind (fun () -> items options)
            |> Result.bind (fun items ->
                source options
                |> Result.bind (pooling options)
                |> Result.bind (tokens options)
                |> Result.bind (fun source ->
                    let clock = Stopwatch.StartNew()
                    let embed watch = Embed.toFile (Compute.automatic ()) source batch path watch items

                    watched embed
                    |> Result.map (fun count ->
                        let hidden = (Encoder.shape source.Encoder).Hidden
                        let width = if source.Projection > 0 then source.Projection else hidden
                        let seconds = clock.Elapsed.TotalSeconds
                        Console.line $"%s{thousands count} vectors of %d{width} in %s{path}, %.1f{seconds} s"
                        Console.line $"their ids in %s{path}.ids.txt"))))
