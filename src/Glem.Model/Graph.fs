namespace Glem

/// An index of a node, 0 .. n-1.
[<Measure>]
type node

/// An index of a class, 0 .. c-1.
[<Measure>]
type cls

/// Compressed sparse rows over n nodes: the neighbours of node i are Neighbours[Offsets[i] .. Offsets[i+1]-1],
/// ascending and without duplicates. Offsets : [n+1], Neighbours : [e].
type Csr = private {
    offsets: int[]
    neighbours: int[]
} with

    member this.NodeCount = this.offsets.Length - 1
    member this.EdgeCount = this.neighbours.Length
    member this.Offsets = System.ReadOnlyMemory<int>(this.offsets)
    member this.Neighbours = System.ReadOnlyMemory<int>(this.neighbours)

    /// The neighbours of one node, ascending.
    member this.NeighboursOf(i: int<node>) =
        System.ReadOnlySpan<int>(this.neighbours, this.offsets[int i], this.offsets[int i + 1] - this.offsets[int i])

    member this.Degree(i: int<node>) = this.offsets[int i + 1] - this.offsets[int i]

/// Texts on the nodes of a graph. Holds no labels: those live in Labels, behind the walls of Split.
///   Ids, Texts : [n]   Edges : symmetric, without self-loops or duplicates
type TextAttributedGraph = {
    Ids: string[]
    Texts: string[]
    Edges: Csr
} with

    member this.NodeCount = this.Texts.Length

module Csr =
    /// Sorts a row's neighbours and moves what is left without repeats to `at`. Answers where the row ends there.
    let private settle (neighbours: int[]) (at: int) (first: int) (last: int) =
        System.Array.Sort(neighbours, first, last - first)
        let mutable next = at

        for e in first .. last - 1 do
            if e = first || neighbours[e] <> neighbours[e - 1] then
                neighbours[next] <- neighbours[e]
                next <- next + 1

        next

    /// Rows of the directed pairs (row, neighbour) that `visit` shows, the same ones each time; duplicates collapse. One
    /// visit counts, one fills (a counting sort): nothing but the rows themselves is held, 4 bytes a pair.
    let private ofVisits n (visit: (int -> int -> unit) -> unit) =
        let counts = Array.zeroCreate<int64>(n + 1)

        visit (fun row neighbour ->
            if row < 0 || row >= n || neighbour < 0 || neighbour >= n then
                raise (
                    System.ArgumentOutOfRangeException(
                        "pairs",
                        $"edge (%d{row}, %d{neighbour}) outside 0 .. %d{n - 1}"
                    )
                )

            counts[row + 1] <- counts[row + 1] + 1L)

        let total = Array.sum counts

        if total > int64 System.Array.MaxLength then
            raise (
                System.ArgumentOutOfRangeException("pairs", $"%d{total} pairs, at most %d{System.Array.MaxLength} fit")
            )

        let offsets = Array.zeroCreate<int>(n + 1)

        for row in 0 .. n - 1 do
            offsets[row + 1] <- offsets[row] + int counts[row + 1]

        let neighbours = Array.zeroCreate<int>(int total)
        let next = Array.copy offsets

        visit (fun row neighbour ->
            neighbours[next[row]] <- neighbour
            next[row] <- next[row] + 1)

        // Rows only ever move forward, so one array is enough.
        let mutable count = 0

        for row in 0 .. n - 1 do
            let first = offsets[row]
            offsets[row] <- count
            count <- settle neighbours count first next[row]

        offsets[n] <- count

        {
            offsets = offsets
            neighbours =
                if count = neighbours.Length then
                    neighbours
                else
                    Array.truncate count neighbours
        }

    let private asArray (pairs: seq<'pair>) =
        match pairs with
        | :? ('pair[]) as pairs -> pairs
        | pairs -> Seq.toArray pairs

    /// Rows from directed pairs (row, neighbour) over n nodes; duplicates collapse.
    /// Raises ArgumentOutOfRangeException for an end outside 0 .. n-1, and for more pairs than an array holds.
    let ofPairs (n: int) (pairs: seq<struct (int * int)>) =
        let pairs = asArray pairs

        ofVisits n (fun see ->
            for struct (row, neighbour) in pairs do
                see row neighbour)

    let private visitRows (csr: Csr) (see: int -> int -> unit) =
        for row in 0 .. csr.NodeCount - 1 do
            for e in csr.offsets[row] .. csr.offsets[row + 1] - 1 do
                see row csr.neighbours[e]

    /// Every pair (row, neighbour), in row order.
    let pairs (csr: Csr) =
        let pairs = Array.zeroCreate csr.EdgeCount
        let mutable at = 0

        for row in 0 .. csr.NodeCount - 1 do
            for e in csr.offsets[row] .. csr.offsets[row + 1] - 1 do
                pairs[at] <- struct (row, csr.neighbours[e])
                at <- at + 1

        pairs

    /// The rows of the transposed matrix.
    let transpose (csr: Csr) =
        ofVisits csr.NodeCount (fun see -> visitRows csr (fun row neighbour -> see neighbour row))

    /// Both directions of every edge, no self-loops: what GLEM's graphs are (official code: to_bidirected).
    /// Raises as ofPairs does.
    let symmetric (n: int) (edges: seq<struct (int * int)>) =
        let edges = asArray edges

        ofVisits n (fun see ->
            for struct (a, b) in edges do
                if a <> b then
                    see a b
                    see b a)

module TextAttributedGraph =
    /// A graph whose parts fit: one id and one text a node, ids distinct, no text blank.
    let create (ids: string[]) (texts: string[]) (edges: Csr) =
        let n = edges.NodeCount
        let seen = System.Collections.Generic.HashSet<string>()

        if ids.Length <> n then
            Error(InValue("graph", $"%d{ids.Length} ids", $"%d{n}, one for each node"))
        elif texts.Length <> n then
            Error(InValue("graph", $"%d{texts.Length} texts", $"%d{n}, one for each node"))
        else
            match ids |> Array.tryFind (fun id -> not (seen.Add id)) with
            | Some id -> Error(InValue($"id '%s{id}'", "more than one node", "ids that differ"))
            | None ->
                match texts |> Array.tryFindIndex System.String.IsNullOrWhiteSpace with
                | Some i -> Error(InValue($"node '%s{ids[i]}'", "an empty text", "a text"))
                | None ->
                    Ok {
                        Ids = ids
                        Texts = texts
                        Edges = edges
                    }
