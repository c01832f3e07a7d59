namespace Glem

open System.IO

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

/// Vectors for other tools.
module Embed =
    /// Texts that are read, sorted by length and written together: what bounds the memory.
    let private window = 4096

    /// Writes the vectors of all items in their order: float32 [n; d], and the ids beside. A text of blanks is the vector of
    /// its special tokens. `watch` sees the count of texts done. Answers it.
    /// Error: what the items raise, an ending other than .safetensors and .npy, a place that cannot be written to. A file
    /// that was there stays as it was.
    let toFile compute (source: EmbeddingSource) batch (path: string) (watch: int64 -> unit) (items: NewNode seq) =
        EmbeddingFormat.ofPath path
        |> Result.bind (fun format ->
            RunFile.guard path "a file in a folder that can be written to" (fun () ->
                use embedder =
                    new Embedder(compute, source.Encoder, source.Weights, source.Pooling, source.Projection, batch)

                use file = new EmbeddingFile(Path.GetFullPath path, format, embedder.Width)

                for items in Seq.chunkBySize window items do
                    let packed = items |> Array.map _.Text |> Tokenizer.encodeAll source.Tokenizer source.MaxTokens

                    let vectors = embedder.Embed(Array.init packed.Count packed.Text)
                    file.Append(items |> Array.map _.Id, vectors)
                    watch file.Rows

                file.Complete()
                file.Rows))
