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
    /// Rows from directed pairs (row, neighbour) over n nodes; duplicates collapse.
    /// Raises ArgumentOutOfRangeException for an end outside 0 .. n-1.
    let ofPairs (n: int) (pairs: seq<struct (int * int)>) =
        let pairs = Seq.toArray pairs

        for struct (row, neighbour) in pairs do
            if row < 0 || row >= n || neighbour < 0 || neighbour >= n then
                raise (
                    System.ArgumentOutOfRangeException("pairs", $"edge (%d{row}, %d{neighbour}) outside 0 .. %d{n - 1}")
                )

        // One sort of packed pairs, then one pass: equal pairs lie side by side.
        let keys = pairs |> Array.map (fun (struct (row, neighbour)) -> int64 row * int64 n + int64 neighbour)
        System.Array.Sort keys
        let offsets = Array.zeroCreate (n + 1)
        let neighbours = Array.zeroCreate keys.Length
        let mutable count = 0

        for i in 0 .. keys.Length - 1 do
            if i = 0 || keys[i] <> keys[i - 1] then
                neighbours[count] <- int (keys[i] % int64 n)
                count <- count + 1
                offsets[int (keys[i] / int64 n) + 1] <- count

        // A row without neighbours begins and ends where the row before it ends.
        for row in 1..n do
            offsets[row] <- max offsets[row] offsets[row - 1]

        {
            offsets = offsets
            neighbours = Array.truncate count neighbours
        }

    /// Every pair (row, neighbour), in row order.
    let pairs (csr: Csr) = [|
        for row in 0 .. csr.NodeCount - 1 do
            for neighbour in csr.NeighboursOf(row * 1<node>).ToArray() do
                struct (row, neighbour)
    |]

    /// The rows of the transposed matrix.
    let transpose (csr: Csr) =
        pairs csr
        |> Seq.map (fun (struct (row, neighbour)) -> struct (neighbour, row))
        |> ofPairs csr.NodeCount

    /// Both directions of every edge, no self-loops: what GLEM's graphs are (official code: to_bidirected).
    let symmetric (n: int) (edges: seq<struct (int * int)>) =
        edges
        |> Seq.collect (fun (struct (a, b)) -> [ struct (a, b); struct (b, a) ])
        |> Seq.filter (fun (struct (a, b)) -> a <> b)
        |> ofPairs n

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
