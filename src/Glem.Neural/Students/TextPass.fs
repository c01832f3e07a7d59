namespace Glem

open System
open TorchSharp

/// Texts as token ids, special tokens included: slices of arrays, or of a mapped file.
type TokenisedTexts = ReadOnlyMemory<int>[]

/// A pass of a network over many texts that learns nothing. Texts are sorted by length block by block, so what a pass holds
/// beside the network follows the block and not the number of texts.
module TextPass =
    /// Texts of a block. Enough that batches hold texts of like length; at 1,024 floats a text, 64 MiB of vectors.
    let block = 16384

    /// Rows by batches: block after block, and by falling length in each.
    let batches (batch: int) (lengths: int[]) : int[] seq =
        Seq.init ((lengths.Length + block - 1) / block) (fun k ->
            let first = k * block

            Array.sub lengths first (min block (lengths.Length - first))
            |> Batches.byLength batch
            |> Seq.map (Array.map (fun row -> first + row)))
        |> Seq.concat

    /// A tensor's values in float32, row-major.
    let values (tensor: Tensor) = tensor.``to``(torch.ScalarType.Float32).cpu().contiguous().data<float32>().ToArray()

    /// Runs `forward` on batches of texts, and hands each text's part of its answers on.
    ///   forward : texts -> rows of some width, row-major, one list's item for each kind of answer
    ///   receive : a text's row, its answers
    let run device batch (texts: TokenisedTexts) (forward: PackedBatch -> Tensor list) receive =
        use _ = torch.no_grad ()

        for rows in texts |> Array.map _.Length |> batches batch do
            Scope.freeingAll (fun () ->
                let packed = rows |> Array.map (fun row -> texts[row]) |> PackedBatch.ofSequences device
                let answers = forward packed |> List.map values

                let part i (all: float32[]) =
                    ReadOnlyMemory(all, i * (all.Length / rows.Length), all.Length / rows.Length)

                rows |> Array.iteri (fun i row -> receive row (answers |> List.map (part i))))
