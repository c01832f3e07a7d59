namespace Glem

open System
open System.Diagnostics
open System.IO
open Argu

/// glem embed.
module EmbedCommand =
    let private source (options: ParseResults<EmbedArguments>) =
        match options.TryGetResult EmbedArguments.Lm, options.TryGetResult EmbedArguments.Run with
        | Some folder, None -> EmbeddingSource.ofFolder folder
        | None, Some folder -> EmbeddingSource.ofRun folder
        | _ -> Error(InSetting("embed", "neither or both of --lm and --run", "one of them"))

    /// The texts, and about how many there are.
    let private items (options: ParseResults<EmbedArguments>) : Result<NewNode seq * (unit -> int64), GlemError> =
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
                    dataset.Graph.Texts,
                fun () -> int64 dataset.Graph.NodeCount)
        | None, Some path ->
            TextTable.stream path |> Result.map (fun items -> items, (fun () -> TextTable.countLines path))
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

    let private number (options: ParseResults<EmbedArguments>) format =
        match options.GetResult(EmbedArguments.Dtype, "float32") with
        | "float32" -> Ok EmbeddingType.Float32
        | "float16" -> Ok EmbeddingType.Float16
        | "bfloat16" -> Ok EmbeddingType.BFloat16
        | other -> Error(InSetting("--dtype", other, "float32, float16 or bfloat16"))
        |> Result.bind (fun number -> EmbeddingFormat.holds format number |> Result.map (fun () -> number))

    let private embed (request: EmbedRequest) (items: NewNode seq, count: unit -> int64) =
        let clock = Stopwatch.StartNew()

        Interruption.during false (fun cancel ->
            EmbedProgressView.Run(count, fun view -> Embed.toFile request cancel view.Watch items))
        |> Result.map (fun progress ->
            let width = EmbeddingSource.width request.Source
            let path, seconds = request.Path, clock.Elapsed.TotalSeconds

            if progress.Resumed > 0L then
                Console.line $"went on after %s{Console.thousands progress.Resumed} vectors of an interrupted pass"

            Console.line $"%s{Console.thousands progress.Texts} vectors of %d{width} in %s{path}, %.1f{seconds} s"
            Console.line $"their ids in %s{path}.ids.txt")

    let run (options: ParseResults<EmbedArguments>) : Result<unit, GlemError> =
        let path = options.GetResult EmbedArguments.Out

        // What costs nothing is looked at first.
        batch options
        |> Result.bind (fun batch ->
            EmbeddingFormat.ofPath path
            |> Result.bind (number options)
            |> Result.bind (fun number -> folder path |> Result.map (fun () -> number))
            |> Result.bind (fun number ->
                ComputeOptions.precision (options.TryGetResult EmbedArguments.Precision)
                |> Result.bind (fun compute ->
                    items options
                    |> Result.bind (fun items ->
                        source options
                        |> Result.bind (pooling options)
                        |> Result.bind (tokens options)
                        |> Result.bind (fun source ->
                            embed
                                {
                                    Compute = compute
                                    Source = source
                                    Batch = batch
                                    Path = path
                                    Number = number
                                }
                                items)))))
