namespace Glem

open System
open System.Collections.Generic
open TorchSharp

/// A student's weights by name, as Hugging Face or PyG spell it, on the CPU in float32. Immutable, opaque to the core.
type Weights = IReadOnlyDictionary<string, Tensor>

module Weights =
    let dispose (weights: Weights) =
        for tensor in weights.Values do
            tensor.Dispose()

/// How a student uses one of its weights.
type Role =
    /// A matrix whose products run in the compute dtype.
    | Multiplies
    /// Trained and read in float32: embeddings, biases, norms.
    | Trains
    /// Moved by the forward pass, not by gradients: batch norm's running statistics.
    | Runs

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

    /// The leaf of one name. Raises KeyNotFoundException that tells the name.
    member _.Item
        with get (name: string) =
            match index.TryGetValue name with
            | true, i -> leaves[i]
            | _ -> raise (KeyNotFoundException $"no parameter is called '%s{name}'")

    /// Trainable copies of the weights; the weights stay the caller's.
    static member Create(compute: Compute, role: string -> Role, weights: Weights) =
        let names = weights.Keys |> Seq.sortWith (fun a b -> String.CompareOrdinal(a, b)) |> Seq.toArray
        use _ = torch.no_grad ()

        // Every master is a copy of its own, also where dtype and device agree already.
        let master name =
            Scope.freeing Seq.singleton (fun () ->
                weights[name].``to``(torch.ScalarType.Float32).``to``(compute.Device).clone ())

        let leaf name (master: Tensor) =
            match role name with
            | Multiplies when compute.Precision = BFloat16 ->
                master.``to``(torch.ScalarType.BFloat16).requires_grad_ true
            | Multiplies
            | Trains -> master.requires_grad_ true
            | Runs -> master

        let masters = names |> Array.map master
        let leaves = Array.map2 leaf names masters

        for tensor in Seq.append masters leaves do
            tensor.DetachFromDisposeScope() |> ignore

        new Parameters(names, masters, leaves)

    /// A copy of the masters on the CPU that later steps leave alone; the caller owns it.
    member _.Snapshot() : Weights =
        use _ = torch.no_grad ()
        let copy = Dictionary()

        for name, master in Array.zip names masters do
            let tensor = master.detach().cpu().clone ()
            copy.Add(name, tensor.DetachFromDisposeScope())

        copy

    /// Sets masters and leaves back to a snapshot's values.
    member _.Restore(weights: Weights) =
        use _ = torch.no_grad ()

        Scope.freeingAll (fun () ->
            for i in 0 .. names.Length - 1 do
                masters[i].copy_ weights[names[i]] |> ignore

                if not (obj.ReferenceEquals(masters[i], leaves[i])) then
                    leaves[i].copy_ masters[i] |> ignore)

    interface IDisposable with
        member _.Dispose() =
            for tensor in Seq.append leaves masters do
                tensor.Dispose()
