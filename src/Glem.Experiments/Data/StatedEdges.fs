namespace Glem

open System
open System.Collections.Generic
open System.Runtime.InteropServices

/// Edges as a file states them: pairs of node indices with their direction, loops and repeats. 8 bytes an edge.
[<Sealed>]
type StatedEdges(nodeCount: int) =
    // A pair is packed into one number, and its two directions into one more bit.
    do
        if nodeCount > StatedEdges.MostNodes then
            invalidArg (nameof nodeCount) $"%d{nodeCount} nodes, at most %d{StatedEdges.MostNodes}"

    let keys = List<int64>()
    static member MostNodes = 1 <<< 30
    member _.NodeCount = nodeCount
    member _.Count = keys.Count
    /// Both ends in 0 .. n-1.
    member _.Add(source: int, target: int) = keys.Add(int64 source * int64 nodeCount + int64 target)
    member _.Item(i: int) = struct (int (keys[i] / int64 nodeCount), int (keys[i] % int64 nodeCount))
    member internal _.Keys = keys

/// What making stated edges undirected left out or merged.
type EdgeCounts = {
    SelfLoops: int
    /// Rows that repeat an edge in the same direction.
    DuplicateEdges: int
    /// Edges stated in both directions, each merged into one.
    ReverseEdges: int
    /// Edges stated in one direction only.
    OneWayEdges: int
}

module StatedEdges =
    /// Undirected edges, each once, without loops, from the lower index to the higher, in ascending order.
    ///   mutualOnly : only edges stated in both directions
    /// Uses up what was stated: sorted in place, so that memory stays at 8 bytes a stated edge.
    let undirected (mutualOnly: bool) (stated: StatedEdges) : struct (int * int)[] * EdgeCounts =
        let n = int64 stated.NodeCount
        let keys = stated.Keys
        let mutable loops = 0

        // (lower, higher, direction) in one number.
        for i in 0 .. keys.Count - 1 do
            let source, target = keys[i] / n, keys[i] % n

            keys[i] <-
                if source = target then
                    loops <- loops + 1
                    -1L
                elif source < target then
                    (source * n + target) * 2L
                else
                    (target * n + source) * 2L + 1L

        CollectionsMarshal.AsSpan(keys).Sort()
        let edges = List<struct (int * int)>()
        let mutable duplicates = 0
        let mutable both = 0
        let mutable oneWay = 0
        let mutable i = loops

        while i < keys.Count do
            let pair = keys[i] / 2L
            let mutable forward = 0
            let mutable backward = 0

            while i < keys.Count && keys[i] / 2L = pair do
                if keys[i] % 2L = 0L then forward <- forward + 1 else backward <- backward + 1

                i <- i + 1

            duplicates <- duplicates + max 0 (forward - 1) + max 0 (backward - 1)
            let isMutual = forward > 0 && backward > 0
            if isMutual then both <- both + 1 else oneWay <- oneWay + 1

            if isMutual || not mutualOnly then
                edges.Add(struct (int (pair / n), int (pair % n)))

        keys.Clear()

        edges.ToArray(),
        {
            SelfLoops = loops
            DuplicateEdges = duplicates
            ReverseEdges = both
            OneWayEdges = oneWay
        }
