namespace Glem

open System
open System.Globalization
open System.IO
open System.Runtime.InteropServices
open System.Security.Cryptography
open System.Threading
open Glem.Torch.Extensions

/// An encoder with its tokenizer, and how it makes one vector of a text.
type EmbeddingSource = {
    Encoder: Encoder
    Weights: Weights
    Tokenizer: Tokenizer
    Pooling: Pooling
    /// Columns that a projection among the weights makes of the pooled vector; 0 where there is none.
    Projection: int
    /// Tokens read of a text, special ones included.
    MaxTokens: int
}

module EmbeddingSource =
    /// Tokens read of a text where nobody says how many: the paper's.
    let private usualTokens = 512

    /// A Hugging Face folder; the mean over tokens. Error: a folder that does not load.
    let ofFolder (folder: string) : Result<EmbeddingSource, GlemError> =
        PretrainedModel.load folder
        |> Result.bind (fun model ->
            LmSource.tokenizer model
            |> Result.map (fun tokenizer -> {
                Encoder = model.Encoder
                Weights = model.Weights
                Tokenizer = tokenizer
                Pooling = Mean
                Projection = 0
                MaxTokens = min usualTokens (Encoder.capacity model.Encoder)
            }))

    /// A run directory's language model, as its GNN reads it. Error: a checkpoint that is absent or damaged.
    let ofRun (runFolder: string) : Result<EmbeddingSource, GlemError> =
        Checkpoint.loadLm (RunFolder.checkpoint Student.Lm runFolder)
        |> Result.map (fun saved -> {
            Encoder = saved.Model.Encoder
            Weights = saved.Weights
            Tokenizer = saved.Tokenizer
            Pooling = saved.Model.Embedding
            Projection = saved.Model.Projection
            MaxTokens = saved.MaxTokens
        })

    /// Columns of the vectors.
    let width (source: EmbeddingSource) =
        if source.Projection > 0 then
            source.Projection
        else
            (Encoder.shape source.Encoder).Hidden

/// What to embed with, and where to.
type EmbedRequest = {
    Compute: Compute
    Source: EmbeddingSource
    /// Texts in a forward pass.
    Batch: int
    /// .safetensors or .npy.
    Path: string
    Number: EmbeddingType
}

/// How far a pass over texts has come.
type EmbedProgress = {
    Texts: int64
    /// Of them, those that an interrupted pass had done.
    Resumed: int64
    /// Tokens of the others.
    Tokens: int64
}

/// Vectors for other tools: a pass over texts in blocks, in memory that does not grow with them, which may be interrupted.
module Embed =
    /// Texts between two notes in the journal: what a crash costs at most.
    let private noted = 1024

    let private journal (request: EmbedRequest) = $"%s{request.Path}.journal"

    /// A digest of all that decides the file's numbers but the texts.
    let private key (request: EmbedRequest) : byte[] =
        use hash = IncrementalHash.CreateHash HashAlgorithmName.SHA256
        let source = request.Source
        use tokenizer = new MemoryStream()
        TokenizerJsonWriter.writeTo tokenizer source.Tokenizer

        let text =
            String.concat "\n" [
                string (typeof<Encoder>.Assembly.ManifestModule.ModuleVersionId)
                $"%s{Engine.Version}, %s{Engine.Blas} %s{Engine.OpenBlasCore}, %d{Engine.Threads} threads"
                Compute.describe request.Compute
                (Encoder.toNode source.Encoder).ToJsonString()
                $"%A{source.Pooling}, %d{source.Projection} columns, %d{source.MaxTokens} tokens, %d{request.Batch} texts, %A{request.Number}"
                string (Path.GetExtension request.Path)
            ]

        hash.AppendData(Text.Encoding.UTF8.GetBytes text)
        hash.AppendData(tokenizer.ToArray())

        for pair in source.Weights |> Seq.sortBy _.Key do
            hash.AppendData(Text.Encoding.UTF8.GetBytes pair.Key)
            hash.AppendData(MemoryMarshal.AsBytes(ReadOnlySpan pair.Value.Values))

        hash.GetHashAndReset()

    let private run
        (request: EmbedRequest)
        (embedder: Embedder)
        (file: EmbeddingFile)
        (journal: PassJournal)
        cancel
        watch
        items
        =
        let (cancel: CancellationToken), batch = cancel, request.Batch

        let mutable progress = {
            Texts = 0L
            Resumed = 0L
            Tokens = 0L
        }

        for block, (items: NewNode[]) in items |> Seq.chunkBySize TextPass.block |> Seq.indexed do
            let first = file.Rows
            let texts = items |> Array.map _.Text
            let digest = TextDigest.ofTexts texts
            let hadRoom = items |> Array.map _.Id |> file.Extend
            let finished = if hadRoom then journal.Finished(block, digest) else 0L
            let batches = (items.Length + batch - 1) / batch
            let resumed = min (finished * int64 batch) (int64 items.Length)

            progress <- {
                progress with
                    Texts = progress.Texts + resumed
                    Resumed = progress.Resumed + resumed
            }

            if int finished < batches then
                let packed = Tokenizer.encodeAll request.Source.Tokenizer request.Source.MaxTokens texts
                let sequences = Array.init packed.Count packed.Text
                let order = sequences |> Array.map _.Length |> Batches.byLength batch
                let mutable unnoted = 0

                let note count =
                    file.Flush()
                    journal.Note(block, digest, int64 count)
                    unnoted <- 0

                for k in int finished .. batches - 1 do
                    let rows = order[k]
                    let sequences = rows |> Array.map (fun row -> sequences[row])
                    let vectors = embedder.Embed sequences
                    let width = embedder.Width

                    rows
                    |> Array.iteri (fun i row -> file.Write(first + int64 row, ReadOnlySpan(vectors, i * width, width)))

                    unnoted <- unnoted + rows.Length

                    progress <- {
                        progress with
                            Texts = progress.Texts + int64 rows.Length
                            Tokens = progress.Tokens + (sequences |> Array.sumBy (fun text -> int64 text.Length))
                    }

                    watch progress
                    let isOver = cancel.IsCancellationRequested

                    if unnoted >= noted || k = batches - 1 || isOver then
                        note (k + 1)

                    if isOver then
                        let count = progress.Texts.ToString("N0", CultureInfo.InvariantCulture)
                        let message = $"stopped after %s{count} texts; the same command goes on from there"
                        raise (OperationCanceledException(message, cancel))

        file.Complete()
        progress

    /// Writes the vectors of all items in their order, [n; d], and the ids beside. A text of blanks is the vector of its
    /// special tokens. Where an earlier call with the same request was interrupted, it goes on from there, and ends with the
    /// same bytes as one that was not; where only some of the texts are still the same, with the first block that is not.
    /// `watch` sees every batch. Answers how far it came: all texts.
    /// Error: what the items raise, an ending other than .safetensors and .npy or one that does not know the number format,
    /// a place that cannot be written to, or that another process is writing to. A file that was there stays as it was.
    /// Raises OperationCanceledException after the batch in which `cancel` is asked for.
    let toFile (request: EmbedRequest) (cancel: CancellationToken) (watch: EmbedProgress -> unit) (items: NewNode seq) =
        EmbeddingFormat.ofPath request.Path
        |> Result.bind (fun format -> EmbeddingFormat.holds format request.Number |> Result.map (fun () -> format))
        |> Result.bind (fun format ->
            RunFile.guard request.Path "a file in a folder that can be written to" (fun () ->
                let request = {
                    request with
                        Path = Path.GetFullPath request.Path
                }

                let source = request.Source

                use embedder =
                    new Embedder(request.Compute, source.Encoder, source.Weights, source.Pooling, source.Projection)

                use journal = PassJournal.Open(journal request, key request)
                use file = new EmbeddingFile(request.Path, format, request.Number, embedder.Width)
                let mutable isComplete = false

                try
                    let progress = run request embedder file journal cancel watch items
                    isComplete <- true
                    progress
                finally
                    if isComplete then
                        journal.Delete()
                    elif journal.IsEmpty then
                        journal.Delete()
                        file.Discard()))
