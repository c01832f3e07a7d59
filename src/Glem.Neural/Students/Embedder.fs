namespace Glem

open System
open TorchSharp

/// An encoder that turns texts into vectors and learns nothing. Owns its weights' tensors.
///   pooling : how token states become one vector   batch : texts in a forward pass
type Embedder(compute: Compute, encoder: Encoder, weights: Weights, pooling: Pooling, batch: int) =
    let prefix = Encoder.prefix encoder
    let own = weights |> Seq.filter _.Key.StartsWith(prefix, StringComparison.Ordinal)
    let role = Encoder.role encoder
    let frozen (name: string) = Frozen(role (name.Substring prefix.Length))
    let parameters = Parameters.Create(compute, frozen, Collections.Generic.Dictionary own)

    /// Length of a vector.
    member _.Width = (Encoder.shape encoder).Hidden

    /// Pooled vectors in the texts' order, row-major : [m; d]. Batches hold texts of like length, so the memory that this
    /// takes follows m and the longest text.
    member this.Embed(texts: TokenisedTexts) : float32[] =
        use _ = torch.no_grad ()
        let d = this.Width
        let vectors = Array.zeroCreate<float32>(texts.Length * d)

        for rows in Batches.byLength batch (texts |> Array.map _.Length) do
            Scope.freeingAll (fun () ->
                let packed = PackedBatch.ofSequences compute.Device (rows |> Array.map (fun row -> texts[row]))
                let pass = Pass(parameters, prefix, compute.Dtype, Evaluating, ignore)
                let pooled = Encoder.forward encoder pass packed |> LanguageModel.pool pooling packed
                let values = pooled.``to``(torch.ScalarType.Float32).cpu().contiguous().data<float32>().ToArray()
                rows |> Array.iteri (fun i row -> Array.blit values (i * d) vectors (row * d) d))

        vectors

    interface IDisposable with
        member _.Dispose() = (parameters :> IDisposable).Dispose()
