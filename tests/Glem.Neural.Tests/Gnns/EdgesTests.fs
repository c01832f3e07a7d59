/// Edges and propagation matrices against the same thing said plainly, on graphs with parallel edges and self-loops.
module Glem.Neural.Tests.EdgesTests

open FsCheck
open FsCheck.FSharp
open Glem
open TorchSharp
open Xunit

/// An edge: source, target, weight.
type private Listed = (int * int * float32)[]

let private nodes = 6

/// Any direction, or every edge in both.
let private lists: Gen<Listed> =
    let edge =
        Gen.map3
            (fun a b w -> a, b, float32 w)
            (Gen.choose (0, nodes - 1))
            (Gen.choose (0, nodes - 1))
            (Gen.choose (1, 4))

    let both (edges: Listed) : Listed = Array.append edges (edges |> Array.map (fun (a, b, w) -> b, a, w))
    Gen.map2 (fun edges twice -> if twice then both edges else edges) (Gen.arrayOf edge) (Gen.elements [ true; false ])

let private holds (law: Listed -> bool) = Check.QuickThrowOnFailure(Prop.forAll (Arb.fromGen lists) law)

let private edges (listed: Listed) =
    Edges.ofLists
        nodes
        (listed |> Array.map (fun (_, target, _) -> target))
        (listed |> Array.map (fun (source, _, _) -> source))
        (listed |> Array.map (fun (_, _, weight) -> weight))

/// Without weights of their own.
let private plain (edges: Edges) = { edges with Weights = [||] }

let private listed (edges: Edges) : Listed =
    Edges.targets edges |> Array.mapi (fun e target -> edges.Sources[e], target, edges.Weight e)

/// By target and then source; parallel edges stay in their order.
let private sorted (edges: Listed) : Listed =
    edges |> List.ofArray |> List.sortBy (fun (source, target, _) -> target, source) |> Array.ofList

[<Fact>]
let ``edges of lists are the lists by target and then source`` () = holds (fun all -> listed (edges all) = sorted all)

[<Fact>]
let ``new loops take the place of old ones, remaining ones keep the last weight`` () =
    let others (all: Listed) = all |> Array.filter (fun (source, target, _) -> source <> target)
    let loops weight = Array.init nodes (fun i -> i, i, weight i)

    let last (all: Listed) fill i =
        all
        |> Array.tryFindBack (fun (source, target, _) -> source = i && target = i)
        |> Option.map (fun (_, _, weight) -> weight)
        |> Option.defaultValue fill

    holds (fun all ->
        let withLoops weight = sorted (Array.append (others all) (loops weight))

        listed (edges all |> Edges.withNewLoops) = withLoops (fun _ -> 1f)
        && listed (edges all |> Edges.withRemainingLoops 7f) = withLoops (last all 7f)
        && listed (edges all |> plain |> Edges.withRemainingLoops 1f) =
            (withLoops (fun _ -> 1f) |> Array.map (fun (a, b, _) -> a, b, 1f)))

[<Fact>]
let ``a graph is undirected where every edge stands in both directions equally often`` () =
    holds (fun all ->
        let ends = all |> Array.map (fun (a, b, _) -> a, b) |> Array.sort
        let turned = all |> Array.map (fun (a, b, _) -> b, a) |> Array.sort
        Edges.isUndirected (edges all) = (ends = turned))

/// A matrix in compressed rows as [n; n], parallel entries added.
let private dense (rows: Tensor) (columns: Tensor) (values: float32[]) =
    let rows, columns = rows.data<int>().ToArray(), columns.data<int>().ToArray()
    let matrix = Array2D.zeroCreate nodes nodes

    for i in 0 .. nodes - 1 do
        for e in rows[i] .. rows[i + 1] - 1 do
            matrix[i, columns[e]] <- matrix[i, columns[e]] + values[e]

    matrix

let private transposed (matrix: float32[,]) = Array2D.init nodes nodes (fun i j -> matrix[j, i])

[<Fact>]
let ``the transpose that a propagation matrix carries is its own, and an undirected graph's is stored once`` () =
    holds (fun all ->
        let agree (edges: Edges) (make: torch.Device -> Edges -> Propagation) =
            use p = make torch.CPU edges
            let stored, mirrored = p.Values.data<float32>().ToArray(), p.TransposedValues.data<float32>().ToArray()

            let ofEntries, ofMirrored =
                if p.ByRow then
                    Edges.targets edges |> Array.map (fun i -> stored[i]),
                    p.TransposedColumns.data<int>().ToArray() |> Array.map (fun i -> mirrored[i])
                else
                    stored, mirrored

            let values = dense p.RowOffsets p.Columns ofEntries
            let there = dense p.TransposedRowOffsets p.TransposedColumns ofMirrored

            // Parallel entries may add up in another order.
            let isClose (a: float32) (b: float32) = abs (a - b) <= 1e-6f
            Seq.forall2 isClose (Seq.cast<float32>(transposed values)) (Seq.cast<float32> there)

        let weighted = edges all

        let bytes make edges =
            use p: Propagation = make torch.CPU edges
            p.Bytes

        let once = 4L * (int64 nodes + 1L + 2L * int64 all.Length)
        let byRow = 4L * (2L * int64 nodes + 1L + int64 all.Length)

        agree weighted Propagation.normalised
        && agree weighted Propagation.mean
        && agree (plain weighted) Propagation.normalised
        && agree (plain weighted) Propagation.mean
        && (not (Edges.isUndirected weighted)
            || bytes Propagation.normalised (plain weighted) = once
               && bytes Propagation.mean (plain weighted) = byRow))

[<Fact>]
let ``the index of a graph's edges finds each entry of the transpose among its edges`` () =
    holds (fun all ->
        let edges = edges all
        use index = Edges.index torch.CPU edges
        let order = index.Order.data<int>().ToArray()
        let targets = Edges.targets edges
        let rows, columns = index.RowPtrT.data<int>().ToArray(), index.ColT.data<int>().ToArray()

        let entries = [|
            for source in 0 .. nodes - 1 do
                for place in rows[source] .. rows[source + 1] - 1 -> source, columns[place], order[place]
        |]

        Array.sort order = Array.init edges.Count id
        && entries
           |> Array.forall (fun (source, target, e) -> edges.Sources[e] = source && targets[e] = target))

[<Fact>]
let ``a graph without edges has forms too`` () =
    use graph = GraphTensors.ofCsr torch.CPU (Csr.symmetric 3 [])
    Assert.Equal(0L, graph.Mean.Columns.numel ())
    Assert.Equal(3L, graph.Symmetric.Columns.numel ())
    Assert.Equal(0L, graph.Edges.Order.numel ())
