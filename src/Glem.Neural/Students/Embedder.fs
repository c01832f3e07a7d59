namespace Glem

open System
open TorchSharp

/// An encoder that turns texts into vectors and learns nothing. Owns its weights' tensors.
///   pooling : how token states become one vector   projection : columns that a language model's projection, which is
///   among its weights, makes of it, or 0
type Embedder(compute: Compute, encoder: Encoder, weights: Weights, pooling: Pooling, projection: int) =
    let prefix = Encoder.prefix encoder
    let isEncoder (name: string) = name.StartsWith(prefix, StringComparison.Ordinal)

    let isProjection (name: string) =
        projection > 0 && name.StartsWith($"%s{LanguageModel.projection}.", StringComparison.Ordinal)

    let own = weights |> Seq.filter (fun pair -> isEncoder pair.Key || isProjection pair.Key)
    let role = Encoder.role encoder
    let frozen (name: string) = Frozen(if isEncoder name then role (name.Substring prefix.Length) else Trains)
    let parameters = Parameters.Create(compute, frozen, Collections.Generic.Dictionary own)

    /// Length of a vector.
    member _.Width = if projection > 0 then projection else (Encoder.shape encoder).Hidden

    /// Pooled vectors of the texts of one batch, row-major : [b; d].
    member _.Embed(texts: TokenisedTexts) : float32[] =
        use _ = torch.no_grad ()

        Scope.freeingAll (fun () ->
            let packed = PackedBatch.ofSequences compute.Device texts
            let pass = Pass(parameters, prefix, compute.Dtype, Evaluating, ignore)
            let pooled = Encoder.forward encoder pass packed |> LanguageModel.pool pooling packed
            LanguageModel.project projection parameters pooled |> TextPass.values)

    interface IDisposable with
        member _.Dispose() = (parameters :> IDisposable).Dispose()
