namespace Glem

open TorchSharp
open Glem.Torch.Extensions

/// Directed edges as arrays, by target and then source; parallel edges and self-loops are as they came.
///   Offsets : [n+1], target i's are Offsets[i] .. Offsets[i+1]-1   Sources : [e]   Weights : [e]
type Edges = {
    Offsets: int[]
    Sources: int[]
    Weights: float32[]
} with

    member this.NodeCount = this.Offsets.Length - 1
    member this.Count = this.Sources.Length

module Edges =
    /// Where the edges of each of n nodes begin once they are sorted by `ends` : [n+1].
    let private offsets n (ends: int[]) =
        let offsets = Array.zeroCreate (n + 1)

        for node in ends do
            offsets[node + 1] <- offsets[node + 1] + 1

        for node in 1..n do
            offsets[node] <- offsets[node] + offsets[node - 1]

        offsets

    /// The edges' numbers in the order of `ends`, equal ones in the order of `numbers`: a counting sort.
    let private sortedBy n (ends: int[]) (numbers: int[]) =
        let next = offsets n ends
        let sorted = Array.zeroCreate numbers.Length

        for number in numbers do
            sorted[next[ends[number]]] <- number
            next[ends[number]] <- next[ends[number]] + 1

        sorted

    /// From lists in any order.   targets, sources, weights : [e]
    let ofLists n (targets: int[]) (sources: int[]) (weights: float32[]) : Edges =
        let order = Array.init targets.Length id |> sortedBy n sources |> sortedBy n targets

        {
            Offsets = offsets n targets
            Sources = order |> Array.map (fun e -> sources[e])
            Weights = order |> Array.map (fun e -> weights[e])
        }

    /// A graph's own: a row's neighbours are the sources of its in-edges, each of weight 1.
    let ofCsr (csr: Csr) : Edges = {
        Offsets = csr.Offsets.ToArray()
        Sources = csr.Neighbours.ToArray()
        Weights = Array.create csr.EdgeCount 1f
    }

    /// Every edge's target : [e].
    let targets (edges: Edges) =
        let targets = Array.zeroCreate edges.Count

        for i in 0 .. edges.NodeCount - 1 do
            for e in edges.Offsets[i] .. edges.Offsets[i + 1] - 1 do
                targets[e] <- i

        targets

    /// Loops taken out, and one put in for every node, of a weight that may look at those taken out.
    let private replacingLoops (weight: float32[] -> float32) (edges: Edges) =
        let n, targets = edges.NodeCount, targets edges
        let loops = Array.create n []

        for e in edges.Count - 1 .. -1 .. 0 do
            if edges.Sources[e] = targets[e] then
                loops[targets[e]] <- edges.Weights[e] :: loops[targets[e]]

        let kept = [| 0 .. edges.Count - 1 |] |> Array.filter (fun e -> edges.Sources[e] <> targets[e])
        let nodes = Array.init n id
        let of' (values: 'a[]) = kept |> Array.map (fun e -> values[e])

        ofLists
            n
            (Array.append (of' targets) nodes)
            (Array.append (of' edges.Sources) nodes)
            (Array.append (of' edges.Weights) (loops |> Array.map (Array.ofList >> weight)))

    /// One self-loop a node: one that is there keeps its weight (of parallel ones the last), a new one gets `fill` (PyG's
    /// add_remaining_self_loops, for GCN; there 1).
    let withRemainingLoops fill edges =
        replacingLoops (fun loops -> if loops.Length > 0 then Array.last loops else fill) edges

    /// One self-loop of weight 1 a node, whatever was there (PyG's GATConv).
    let withNewLoops edges = replacingLoops (fun _ -> 1f) edges

    /// Where the entries of the transpose, by source and then target, lie among the edges : [e].
    let transposedOrder (edges: Edges) = Array.init edges.Count id |> sortedBy edges.NodeCount edges.Sources

    /// Offsets of the transpose : [n+1].
    let transposedOffsets (edges: Edges) = offsets edges.NodeCount edges.Sources

    /// As tensors on a device, without weights. The caller owns them.
    let index (device: torch.Device) (edges: Edges) : EdgeIndex =
        let targets, order = targets edges, transposedOrder edges

        let keep (values: int[]) =
            (Scope.freeing Seq.singleton (fun () -> torch.tensor(values).``to`` device)).DetachFromDisposeScope()

        new EdgeIndex(
            keep edges.Offsets,
            keep edges.Sources,
            keep (transposedOffsets edges),
            order |> Array.map (fun e -> targets[e]) |> keep,
            keep order
        )
