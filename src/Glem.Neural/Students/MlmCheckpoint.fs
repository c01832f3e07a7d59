namespace Glem

open System.Collections.Generic
open System.IO
open TorchSharp
open Glem.Torch.Extensions

/// Pre-training on disk while it runs: one file of weights, both moments of each, and the steps done.
module MlmCheckpoint =
    let private parts = [ "weights/"; "means/"; "squares/" ]

    let private plain (prefix: string) (tensors: seq<KeyValuePair<string, Tensor>>) : Weights =
        tensors
        |> Seq.filter _.Key.StartsWith(prefix)
        |> Seq.map (fun pair -> KeyValuePair(pair.Key.Substring prefix.Length, Weight.ofTensor pair.Value))
        |> Dictionary
        :> Weights

    /// Replaces what the file held. Raises IOException.
    let save (path: string) (progress: MlmProgress) =
        use _ = torch.NewDisposeScope()
        let tensors = Dictionary<string, Tensor>()
        tensors.Add("steps", torch.tensor [| int64 progress.Step; int64 progress.Optimiser.Steps |])

        for prefix, weights in List.zip parts [ progress.Weights; progress.Optimiser.Means; progress.Optimiser.Squares ] do
            for pair in weights do
                tensors.Add(prefix + pair.Key, Weight.toTensor pair.Value)

        Safetensors.Save(path, tensors)

    /// Error: a file that is absent, damaged, or not such a file.
    let load (path: string) : Result<MlmProgress, GlemError> =
        use _ = torch.NewDisposeScope()

        try
            let tensors = Safetensors.Load path

            match tensors |> Seq.tryFind (fun pair -> pair.Key = "steps") |> Option.map _.Value with
            | Some steps when steps.shape = [| 2L |] && steps.dtype = torch.ScalarType.Int64 ->
                let steps = steps.data<int64>().ToArray()
                let of' prefix = plain prefix tensors

                Ok {
                    Step = int steps[0]
                    Weights = of' parts[0]
                    Optimiser = {
                        Steps = int steps[1]
                        Means = of' parts[1]
                        Squares = of' parts[2]
                    }
                }
            | _ -> Error(InFile(path, "tensor 'steps'", "nothing, or of another shape", "two whole numbers"))
        with
        | :? InvalidDataException as problem -> Error(InValue(path, problem.Message, "what glem pretrain wrote"))
        | :? IOException as problem -> Error(InFile(path, "", problem.Message, "what glem pretrain wrote"))
