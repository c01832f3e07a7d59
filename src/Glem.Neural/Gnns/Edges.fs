namespace Glem

open System
open System.Runtime.InteropServices
open TorchSharp
open Glem.Torch.Extensions

/// Directed edges as arrays, by target and then source; parallel edges and self-loops are as they came.
///   Offsets : [n+1], target i's are Offsets[i] .. Offsets[i+1]-1   Sources : [e]   Weights : [e]; empty: all 1
type Edges = {
    Offsets: int[]
    Sources: int[]
    Weights: float32[]
} with

    member this.NodeCount = this.Offsets.Length - 1
    member this.Count = this.Sources.Length
    /// Of one edge.
    member this.Weight(e: int) = if this.Weights.Length = 0 then 1f else this.Weights[e]

module Edges =
    /// Where the edges of each of n nodes begin once they are sorted by `ends` : [n+1].
    let internal offsets n (ends: int[]) =
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

    /// The array that a memory is, or a copy where it is a part of one.
    let private whole (memory: ReadOnlyMemory<int>) =
        match MemoryMarshal.TryGetArray memory with
        | true, segment when segment.Count = (nonNull segment.Array).Length -> nonNull segment.Array
        | _ -> memory.ToArray()

    /// A graph's own: a row's neighbours are the sources of its in-edges, each of weight 1. Shares the graph's memory.
    let ofCsr (csr: Csr) : Edges = {
        Offsets = whole csr.Offsets
        Sources = whole csr.Neighbours
        Weights = [||]
    }

    /// Every edge's target : [e].
    let targets (edges: Edges) =
        let targets = Array.zeroCreate edges.Count

        for i in 0 .. edges.NodeCount - 1 do
            for e in edges.Offsets[i] .. edges.Offsets[i + 1] - 1 do
                targets[e] <- i

        targets

    /// Loops taken out, and one put in for every node in its place among the sources. Its weight may look at the last of
    /// those taken out.
    let private replacingLoops (weight: float32 voption -> float32) (edges: Edges) =
        let n = edges.NodeCount
        let offsets = Array.zeroCreate (n + 1)

        for i in 0 .. n - 1 do
            let mutable loops = 0

            for e in edges.Offsets[i] .. edges.Offsets[i + 1] - 1 do
                if edges.Sources[e] = i then
                    loops <- loops + 1

            offsets[i + 1] <- offsets[i] + (edges.Offsets[i + 1] - edges.Offsets[i]) - loops + 1

        let isPlain = edges.Weights.Length = 0 && weight ValueNone = 1f
        let sources = Array.zeroCreate offsets[n]
        let weights = if isPlain then [||] else Array.zeroCreate offsets[n]

        for i in 0 .. n - 1 do
            let mutable at = offsets[i]
            let mutable loop = ValueNone
            // The loop's place is after the sources below i.
            let mutable place = at

            for e in edges.Offsets[i] .. edges.Offsets[i + 1] - 1 do
                let source = edges.Sources[e]

                if source = i then
                    loop <- ValueSome(edges.Weight e)
                else
                    if source < i then
                        place <- at + 1

                    let behindLoop = if source < i then at else at + 1
                    sources[behindLoop] <- source

                    if not isPlain then
                        weights[behindLoop] <- edges.Weight e

                    at <- at + 1

            sources[place] <- i

            if not isPlain then
                weights[place] <- weight loop

        {
            Offsets = offsets
            Sources = sources
            Weights = weights
        }

    /// One self-loop a node: one that is there keeps its weight (of parallel ones the last), a new one gets `fill` (PyG's
    /// add_remaining_self_loops, for GCN; there 1).
    let withRemainingLoops fill edges = replacingLoops (ValueOption.defaultValue fill) edges

    /// One self-loop of weight 1 a node, whatever was there (PyG's GATConv).
    let withNewLoops edges = replacingLoops (fun _ -> 1f) edges

    /// Offsets of the transpose : [n+1].
    let transposedOffsets (edges: Edges) = offsets edges.NodeCount edges.Sources

    /// Shows for every edge, by target and then source, its target, its number, and its place in the transpose, whose
    /// entries are by source and then target.   see : target -> e -> place
    let visitTransposed (edges: Edges) (see: int -> int -> int -> unit) =
        let next = transposedOffsets edges

        for i in 0 .. edges.NodeCount - 1 do
            for e in edges.Offsets[i] .. edges.Offsets[i + 1] - 1 do
                let source = edges.Sources[e]
                see i e next[source]
                next[source] <- next[source] + 1

    /// Whether every edge stands there in both directions, equally often: the rows of the transpose are then the rows.
    let isUndirected (edges: Edges) =
        let mutable same = transposedOffsets edges |> Array.forall2 (=) edges.Offsets

        if same then
            let next = Array.copy edges.Offsets
            let mutable i = 0

            while same && i < edges.NodeCount do
                for e in edges.Offsets[i] .. edges.Offsets[i + 1] - 1 do
                    let source = edges.Sources[e]
                    same <- same && edges.Sources[next[source]] = i
                    next[source] <- next[source] + 1

                i <- i + 1

        same

    /// As tensors on a device, without weights; those of an undirected graph are their own transpose. The caller owns them.
    let index (device: torch.Device) (edges: Edges) : EdgeIndex =
        let keep (values: int[]) = Scope.kept device (fun () -> torch.tensor values)

        let order = Array.zeroCreate edges.Count
        visitTransposed edges (fun _ e place -> order[place] <- e)
        let rows, sources = keep edges.Offsets, keep edges.Sources

        if isUndirected edges then
            new EdgeIndex(rows, sources, rows, sources, keep order)
        else
            let targets = Array.zeroCreate edges.Count
            visitTransposed edges (fun target _ place -> targets[place] <- target)
            new EdgeIndex(rows, sources, keep (transposedOffsets edges), keep targets, keep order)
