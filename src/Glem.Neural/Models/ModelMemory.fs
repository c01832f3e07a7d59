namespace Glem

/// Bytes that an encoder takes, estimated from its shape. Weights are exact; activations count the tensors that the layers keep,
/// and neither libtorch's own memory nor the program's.
type ModelMemory = {
    Parameters: int64
    /// Weights, gradients, AdamW's two moments, and what the backward pass keeps of a batch.
    Training: int64
    /// The same with gradient checkpointing: one layer's tensors, and every layer's result.
    Checkpointed: int64
    /// Weights, and the largest layer's tensors of a batch.
    Inference: int64
}

module ModelMemory =
    /// Floats that one layer makes of each token, by our layers: products and norms (3d + 5d + 2i of BERT's), and scores of every
    /// pair of tokens where attention is not the packed kernel.
    let private floats encoder (length: int64) =
        let shape = Encoder.shape encoder
        let d, i, h = int64 shape.Hidden, int64 shape.Intermediate, int64 shape.Heads

        match encoder with
        | Encoder.Bert _
        | Encoder.Roberta _
        | Encoder.DistilBert _
        | Encoder.Electra _ -> 8L * d + 2L * i
        // Scores, two terms over twice the length, their sums, probabilities and dropout.
        | Encoder.Deberta _
        | Encoder.DebertaV2 _ -> 12L * d + 2L * i + 10L * h * length
        // A float32 sum beside the products, rotated queries and keys, two gates.
        | Encoder.ModernBert config ->
            let local = if length - 1L > int64 (config.Window / 2) then 4L * h * length else 0L
            14L * d + 5L * i + local

    /// Of `texts` texts of `length` tokens each, computed in a number format.
    let estimate (precision: Precision) encoder (texts: int) (length: int) : ModelMemory =
        let specs = Encoder.specs encoder
        let count kind = specs |> List.filter kind |> List.sumBy WeightSpec.elements
        let all = count (fun _ -> true)
        let matrices = count (fun spec -> spec.Kind = Matrix)
        let shape = Encoder.shape encoder
        let tokens = int64 texts * int64 length
        let isShort = precision = Precision.BFloat16
        let bytes = if isShort then 2L else 4L
        // Under bfloat16 a matrix has a copy of two bytes, and its gradient takes two.
        let copies = if isShort then 2L * matrices else 0L
        let gradients = 4L * (all - matrices) + bytes * matrices
        let layer = tokens * floats encoder (int64 length) * bytes
        let layers = int64 shape.Layers
        let trained = 12L * all + copies + gradients

        {
            Parameters = all
            Training = trained + layers * layer
            Checkpointed = trained + layer + layers * tokens * int64 shape.Hidden * bytes
            Inference = 4L * all + copies + layer
        }
