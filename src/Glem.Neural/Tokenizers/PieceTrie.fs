namespace Glem

open System

/// A set of strings, each with an id, that finds the longest one at the start of a span, or all of them, in one walk.
///
/// Nodes are numbers; all their edges live in one open-addressing hash table keyed by (node, unit), which stays in the
/// processor's second-level cache for a vocabulary of 30,000.
[<Sealed>]
type internal PieceTrie(pieces: struct (string * int)[]) =
    let edgeBound = pieces |> Array.sumBy (fun (struct (piece, _)) -> piece.Length)
    let bits = max 4 (1 + int (Math.Ceiling(Math.Log2(float (edgeBound + 1)))))
    let mask = (1 <<< bits) - 1
    let keys: int64[] = Array.create (mask + 1) -1L
    let targets: int[] = Array.zeroCreate (mask + 1)
    let ids: int[] = Array.create (edgeBound + 1) -1
    let mutable nodes = 1

    /// Where the edge is, or the empty slot where it would be (Fibonacci hashing, linear probing).
    let slot (node: int) (unit: char) =
        let key = (int64 node <<< 16) ||| int64 unit
        let mutable at = int ((uint64 key * 0x9E3779B97F4A7C15UL) >>> (64 - bits))

        while keys[at] <> key && keys[at] <> -1L do
            at <- (at + 1) &&& mask

        struct (at, key)

    do
        for struct (piece, id) in pieces do
            let mutable node = 0

            for unit in piece do
                let struct (at, key) = slot node unit

                if keys[at] = -1L then
                    keys[at] <- key
                    targets[at] <- nodes
                    nodes <- nodes + 1

                node <- targets[at]

            ids[node] <- id

    /// The node of the empty string.
    member _.Root = 0

    /// The node one unit further; -1 when no piece continues so.
    member _.Step(node: int, unit: char) =
        let struct (at, _) = slot node unit
        if keys[at] = -1L then -1 else targets[at]

    /// The piece that ends at a node; -1 when none does.
    member _.IdAt(node: int) = ids[node]

    /// The longest piece that `text` starts with, as its id and length in units; id -1 when there is none.
    member _.Longest(text: ReadOnlySpan<char>) : struct (int * int) =
        let mutable node = 0
        let mutable best = -1
        let mutable length = 0
        let mutable i = 0

        while i < text.Length do
            let struct (at, _) = slot node text[i]

            if keys[at] = -1L then
                i <- text.Length
            else
                node <- targets[at]
                i <- i + 1

                if ids[node] >= 0 then
                    best <- ids[node]
                    length <- i

        struct (best, length)
