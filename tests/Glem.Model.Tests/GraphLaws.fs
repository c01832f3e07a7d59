module Glem.Model.Tests.GraphLaws

open Glem
open Glem.Laws
open Xunit

[<Fact>]
let ``a symmetric graph has each edge in both directions once, and no loops`` () =
    Law.holds Scene.domain (fun scene ->
        let pairs = Csr.pairs (Scene.edges scene)

        let expected =
            scene.Pairs
            |> Seq.filter (fun (a, b) -> a <> b)
            |> Seq.collect (fun (a, b) -> [ struct (a, b); struct (b, a) ])
            |> Seq.distinct

        pairs = (expected |> Seq.sort |> Seq.toArray))

[<Fact>]
let ``rows keep every directed pair, and transposing twice gives them back`` () =
    Law.holds Scene.domain (fun scene ->
        let directed = scene.Pairs |> Array.map (fun (a, b) -> struct (a, b)) |> Csr.ofPairs scene.NodeCount

        Csr.pairs directed = (scene.Pairs |> Array.map (fun (a, b) -> struct (a, b)) |> Array.distinct |> Array.sort)
        && Csr.transpose (Csr.transpose directed) = directed)

[<Fact>]
let ``a symmetric graph is its own transpose`` () =
    Law.holds Scene.domain (fun scene -> Csr.transpose (Scene.edges scene) = Scene.edges scene)

[<Fact>]
let ``an end outside the graph is refused and named`` () =
    let refused =
        Assert.Throws<System.ArgumentOutOfRangeException>(fun () -> Csr.ofPairs 3 [ struct (0, 3) ] |> ignore)

    Assert.Contains("(0, 3)", refused.Message)

[<Fact>]
let ``degrees add up to the directed edges`` () =
    Law.holds Scene.domain (fun scene ->
        let edges = Scene.edges scene
        let degrees = Degrees.ofGraph edges

        Law.close 1e-9 (float edges.EdgeCount) (degrees.Mean * float scene.NodeCount)
        && degrees.Largest = (Seq.init scene.NodeCount (fun i -> edges.Degree(i * 1<node>)) |> Seq.max)
        && degrees.Isolated =
            (Seq.init scene.NodeCount (fun i -> edges.Degree(i * 1<node>)) |> Seq.filter ((=) 0) |> Seq.length))

[<Fact>]
let ``degrees of a star of 4 leaves`` () =
    let star = Csr.symmetric 6 [ for leaf in 1..4 -> struct (0, leaf) ]

    Assert.Equal(
        {
            Mean = 8.0 / 6.0
            Median = 1.0
            Largest = 4
            Isolated = 1
        },
        Degrees.ofGraph star
    )

[<Fact>]
let ``edge homophily is 1 where all labels agree, and does not depend on names`` () =
    Law.holds Scene.withSeed (fun (scene, seed) ->
        let order = Scene.nodeOrder seed scene
        let homophily scene = Audit.edgeHomophily (Scene.edges scene) (Scene.audit scene)
        homophily scene = homophily (Scene.renameNodes order scene))

    let labels = Labels.ofIndices [| "a"; "b" |] [| 0; 0; 1; -1 |] |> Result.orRaise
    let audit = Audit.ofSplit labels (Split.ofParts [| Train; Test; Train; Unassigned |]) |> Result.orRaise
    // 0-1 agrees, 1-2 does not, 2-3 has an end without a label.
    let path = Csr.symmetric 4 [ struct (0, 1); struct (1, 2); struct (2, 3) ]
    Assert.Equal(ValueSome 0.5, Audit.edgeHomophily path audit)
    Assert.Equal(ValueNone, Audit.edgeHomophily (Csr.symmetric 4 []) audit)

[<Fact>]
let ``a graph takes one text and one distinct id a node`` () =
    let edges = Csr.symmetric 2 [ struct (0, 1) ]
    let create ids texts = TextAttributedGraph.create ids texts edges

    let messageOf result =
        match result with
        | Ok _ -> failwith "expected an error"
        | Error error -> GlemError.message error

    Assert.True((create [| "a"; "b" |] [| "x"; "y" |]).IsOk)
    Assert.Contains("'a'", create [| "a"; "a" |] [| "x"; "y" |] |> messageOf)
    Assert.Contains("1 texts", create [| "a"; "b" |] [| "x" |] |> messageOf)
    Assert.Contains("3 ids", create [| "a"; "b"; "c" |] [| "x"; "y" |] |> messageOf)
    Assert.Contains("node 'b'", create [| "a"; "b" |] [| "x"; "  " |] |> messageOf)
