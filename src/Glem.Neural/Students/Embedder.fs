namespace Glem

open System
open TorchSharp

/// An encoder that turns texts into vectors and learns nothing. Owns its weights' tensors.
///   pooling : how token states become one vector
type Embedder(compute: Compute, encoder: Encoder, weights: Weights, pooling: Pooling) =
    let prefix = Encoder.prefix encoder
    let own = weights |> Seq.filter _.Key.StartsWith(prefix, StringComparison.Ordinal)
    let role = Encoder.role encoder
    let frozen (name: string) = Frozen(role (name.Substring prefix.Length))
    let parameters = Parameters.Create(compute, frozen, Collections.Generic.Dictionary own)

    /// Length of a vector.
    member _.Width = (Encoder.shape encoder).Hidden

    /// Pooled vectors of the texts of one batch, row-major : [b; d].
    member _.Embed(texts: TokenisedTexts) : float32[] =
        use _ = torch.no_grad ()

        Scope.freeingAll (fun () ->
            let packed = PackedBatch.ofSequences compute.Device texts
            let pass = Pass(parameters, prefix, compute.Dtype, Evaluating, ignore)
            Encoder.forward encoder pass packed |> LanguageModel.pool pooling packed |> TextPass.values)

    interface IDisposable with
        member _.Dispose() = (parameters :> IDisposable).Dispose()
