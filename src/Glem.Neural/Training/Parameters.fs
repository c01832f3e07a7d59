namespace Glem

open System
open System.Collections.Generic
open TorchSharp

/// One weight's float32 values, row-major, and its shape.
type Weight = { Shape: int64[]; Values: float32[] }

/// A student's weights by name, as Hugging Face or PyG spell it. A value: nothing changes it, the garbage collector owns it.
type Weights = IReadOnlyDictionary<string, Weight>

module Weight =
    /// A copy of a tensor's values, from any device and dtype.
    let ofTensor (tensor: Tensor) =
        use _ = torch.no_grad ()

        Scope.freeingAll (fun () ->
            let plain = tensor.detach().cpu().``to``(torch.ScalarType.Float32).contiguous()

            {
                Shape = Array.copy plain.shape
                Values = plain.data<float32>().ToArray()
            })

    /// A float32 CPU tensor with these values; the caller owns it.
    let toTensor (weight: Weight) : Tensor = torch.tensor(weight.Values).reshape weight.Shape

/// How a student uses one of its weights.
type Role =
    /// A matrix whose products run in the compute dtype.
    | Multiplies
    /// Trained and read in float32: embeddings, biases, norms.
    | Trains
    /// Moved by the forward pass, not by gradients: batch norm's running statistics.
    | Runs
    /// Read as its role says, and moved by nothing: no gradient reaches it, no optimiser remembers it.
    | Frozen of Role

/// Weights under training: for each name a float32 master and the leaf that forward passes read and gradients reach.
/// Under bfloat16 the leaf of a matrix that multiplies is a bfloat16 copy of its master, refreshed by the optimiser in
/// the same pass; every other leaf is its master. Owns its tensors.
type Parameters private (names: string[], masters: Tensor[], leaves: Tensor[]) =
    let index = names |> Seq.mapi (fun i name -> KeyValuePair(name, i)) |> Dictionary

    /// Names in optimiser order.
    member _.Names = names

    /// The float32 masters, in the order of Names.
    member _.Masters = masters

    /// What forward passes read, in the order of Names.
    member _.Leaves = leaves

    /// Where in Names those stand that gradients move.
    member val Trained =
        [|
            for i in 0 .. names.Length - 1 do
                if leaves[i].requires_grad then
                    i
        |]

    /// Whether there is a parameter of this name.
    member _.Has(name: string) = index.ContainsKey name

    /// The leaf of one name. Raises KeyNotFoundException that tells the name.
    member _.Item
        with get (name: string) =
            match index.TryGetValue name with
            | true, i -> leaves[i]
            | _ -> raise (KeyNotFoundException $"no parameter is called '%s{name}'")

    /// Tensors that start with the weights' values.
    static member Create(compute: Compute, role: string -> Role, weights: Weights) =
        use _ = torch.no_grad ()
        let names = weights.Keys |> Seq.sortWith (fun a b -> String.CompareOrdinal(a, b)) |> Seq.toArray

        let master name = Scope.freeing Seq.singleton (fun () -> (Weight.toTensor weights[name]).``to`` compute.Device)

        let rec leaf role (master: Tensor) =
            match role with
            | Multiplies when compute.Precision = Precision.BFloat16 ->
                master.``to``(torch.ScalarType.BFloat16).requires_grad_ true
            | Multiplies
            | Trains -> master.requires_grad_ true
            | Runs -> master
            | Frozen role -> (leaf role master).requires_grad_ false

        let masters = names |> Array.map master
        let leaves = Array.map2 leaf (Array.map role names) masters

        for tensor in Seq.append masters leaves do
            tensor.DetachFromDisposeScope() |> ignore

        new Parameters(names, masters, leaves)

    /// The masters' present values.
    member _.Snapshot() : Weights =
        Array.zip names masters
        |> Seq.map (fun (name, master) -> KeyValuePair(name, Weight.ofTensor master))
        |> Dictionary
        :> Weights

    /// Sets masters and leaves back to a snapshot's values.
    member _.Restore(weights: Weights) =
        use _ = torch.no_grad ()

        Scope.freeingAll (fun () ->
            for i in 0 .. names.Length - 1 do
                masters[i].copy_(Weight.toTensor weights[names[i]]) |> ignore

                if not (obj.ReferenceEquals(masters[i], leaves[i])) then
                    leaves[i].copy_ masters[i] |> ignore)

    interface IDisposable with
        member _.Dispose() =
            for tensor in Seq.append leaves masters do
                tensor.Dispose()
