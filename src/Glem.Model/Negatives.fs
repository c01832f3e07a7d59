namespace Glem

open System
open System.Collections.Generic

/// Which false answers a true edge has to beat.
[<RequireQualifiedAccess>]
type Negatives =
    /// Every other end is equally likely.
    | Uniform
    /// A node is as likely as it has neighbours, as the ends of true edges are. Against uniform negatives the product of
    /// degrees alone scores high, whatever it knows of the two nodes; against these it does not (Aiyappa et al. 2024,
    /// "Implicit degree bias in the link prediction task").
    | DegreeMatched

module Negatives =
    let name negatives =
        match negatives with
        | Negatives.Uniform -> "uniform"
        | Negatives.DegreeMatched -> "degreeMatched"

    /// Whether a node of the graph could be a negative of the source: one that is neither itself nor its neighbour.
    let exist (edges: Csr) (kind: Negatives) (source: int) =
        let degree i = edges.Degree(i * 1<node>)

        match kind with
        | Negatives.Uniform -> degree source < edges.NodeCount - 1
        | Negatives.DegreeMatched ->
            let mutable nearby = degree source

            for neighbour in edges.NeighboursOf(source * 1<node>) do
                nearby <- nearby + degree neighbour

            nearby < edges.EdgeCount

    /// `count` nodes that no edge of the graph joins to the source, each drawn anew from all of them: a node may come
    /// twice. What is drawn depends on the key, the graph, the kind and the source.
    ///   edges : symmetric, all parts of a link split
    /// Raises ArgumentException where there is no such node.
    let draw (key: Key) (edges: Csr) (kind: Negatives) (count: int) (source: int) : int[] =
        if not (exist edges kind source) then
            invalidArg (nameof source) $"node %d{source} has no negative"

        let key = key |> Key.named (name kind) |> Key.at source
        let ends = edges.Neighbours.Span
        let own = edges.NeighboursOf(source * 1<node>)
        let drawn = Array.zeroCreate count
        let mutable found = 0
        let mutable attempt = 0

        while found < count do
            let number = Key.seed (Key.at attempt key)
            attempt <- attempt + 1

            let node =
                match kind with
                | Negatives.Uniform -> int (number % uint64 edges.NodeCount)
                // The end of a random edge.
                | Negatives.DegreeMatched -> ends[int (number % uint64 edges.EdgeCount)]

            if node <> source && own.BinarySearch(node, Comparer<int>.Default) < 0 then
                drawn[found] <- node
                found <- found + 1

        drawn
