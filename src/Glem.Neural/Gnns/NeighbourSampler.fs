namespace Glem

open System
open System.Collections.Generic

/// What a network of L layers reads of a graph to answer for some target nodes, where each layer keeps some of a node's
/// neighbours. Nodes are numbered by their distance: the targets first.
///   Nodes : [m], numbers in the whole graph   Degrees : [m], in-edges there   Within : [L+1], nodes within 0, 1, …, L hops
///   Offsets, Sources : the in-edges that were drawn, of the nodes within L-1 hops, as GraphBlock has them
type SampledGraph = {
    Nodes: int[]
    Degrees: int[]
    Within: int[]
    Offsets: int[]
    Sources: int[]
}

module SampledGraph =
    /// What layer k, from 0, reads: its targets are what the layers behind it read, those of the last the targets.
    let block k (sampled: SampledGraph) : GraphBlock =
        let outer = sampled.Within.Length - 1 - k
        let nodes, targets = sampled.Within[outer], sampled.Within[outer - 1]

        {
            Nodes = Array.truncate nodes sampled.Nodes
            Degrees = Array.truncate nodes sampled.Degrees
            Offsets = Array.truncate (targets + 1) sampled.Offsets
            Sources = Array.truncate sampled.Offsets[targets] sampled.Sources
        }

/// Neighbour sampling (Hamilton, Ying & Leskovec 2017, algorithm 2), as PyG's NeighborLoader does it: each node that is
/// reached draws its neighbours once, for all layers.
module NeighbourSampler =
    /// `count` of 0 .. n-1, ascending, all choices alike (Floyd's algorithm; Bentley & Floyd 1987).
    let private draw (key: Key) (count: int) n =
        let chosen = HashSet<int>(count)

        for last in n - count .. n - 1 do
            let any = int (Key.seed (Key.at last key) % uint64 (last + 1))

            if not (chosen.Add any) then
                chosen.Add last |> ignore

        let ascending = Seq.toArray chosen
        Array.Sort ascending
        ascending

    /// Draws neighbours without replacement. What a node draws depends on the key and the node alone.
    ///   edges : rows of in-edges, without self-loops   fanOuts : in-edges kept of a target, of its neighbours, …; -1 keeps all
    /// Raises ArgumentException where a target is named twice.
    let sample (edges: Csr) (fanOuts: int list) (key: Key) (targets: int[]) : SampledGraph =
        let nodes, numbers = List<int>(targets), Dictionary<int, int>(targets.Length)

        for i in 0 .. targets.Length - 1 do
            if not (numbers.TryAdd(targets[i], i)) then
                invalidArg (nameof targets) $"node %d{targets[i]} is there twice"

        let offsets, sources, within = List<int>([ 0 ]), List<int>(), List<int>([ targets.Length ])

        let add node =
            match numbers.TryGetValue node with
            | true, number -> sources.Add number
            | _ ->
                numbers.Add(node, nodes.Count)
                sources.Add nodes.Count
                nodes.Add node

        for fanOut in fanOuts do
            for at in offsets.Count - 1 .. nodes.Count - 1 do
                let node = nodes[at]
                let neighbours = edges.NeighboursOf(node * 1<node>)

                if fanOut < 0 || neighbours.Length <= fanOut then
                    for neighbour in neighbours do
                        add neighbour
                else
                    for position in draw (Key.at node key) fanOut neighbours.Length do
                        add neighbours[position]

                offsets.Add sources.Count

            within.Add nodes.Count

        let nodes = nodes.ToArray()

        {
            Nodes = nodes
            Degrees = nodes |> Array.map (fun node -> edges.Degree(node * 1<node>))
            Within = within.ToArray()
            Offsets = offsets.ToArray()
            Sources = sources.ToArray()
        }
