namespace Glem

open System.Collections.Generic
open TorchSharp
open Glem.Torch.Extensions

/// Weights as one safetensors file, under their own names.
module WeightsFile =
    /// In float32, float16 or bfloat16. Raises IOException.
    let saveAs (dtype: torch.ScalarType) (path: string) (weights: Weights) =
        use _ = torch.NewDisposeScope()
        let tensors = Dictionary<string, Tensor>()

        for pair in weights do
            tensors.Add(pair.Key, (Weight.toTensor pair.Value).``to`` dtype)

        Safetensors.Save(path, tensors, dict [ "format", "pt" ])

    /// In float32. Raises IOException.
    let save path weights = saveAs torch.ScalarType.Float32 path weights

    /// Raises InvalidDataException for a damaged file, IOException.
    let load (path: string) : Weights =
        use _ = torch.NewDisposeScope()
        let weights = Dictionary<string, Weight>()

        for pair in Safetensors.Load path do
            weights.Add(pair.Key, Weight.ofTensor pair.Value)

        weights
