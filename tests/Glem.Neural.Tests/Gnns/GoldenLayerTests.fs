/// Every layer of shared/fixtures/gnn on every graph of it: outputs and gradients are PyG's.
module Glem.Neural.Tests.GoldenLayerTests

open System.Collections.Generic
open Glem
open Glem.Torch.Extensions
open TorchSharp
open Xunit

let private graphs = [ "undirected"; "directed"; "self_loops"; "duplicates" ]

/// PyG's edge_index, row 0 the sources; an edge's weight is its number, which later steps look up by.
let private edges (golden: IReadOnlyDictionary<string, Tensor>) graph =
    let ends = golden[$"%s{graph}/edge_index"].data<int64>().ToArray() |> Array.map int
    let e = ends.Length / 2
    Edges.ofLists 20 ends[e..] ends[.. e - 1] (Array.init e float32)

let private plain (edges: Edges) = {
    edges with
        Weights = Array.create edges.Count 1f
}

/// A layer's parameters under the names of a network, `at` in front ("convs.0.").
let private parameters at (golden: IReadOnlyDictionary<string, Tensor>) =
    let weights: Weights =
        golden
        |> Seq.filter _.Key.StartsWith("param.")
        |> Seq.map (fun pair -> KeyValuePair(at + pair.Key.Substring 6, Weight.ofTensor pair.Value))
        |> Dictionary
        :> Weights

    Parameters.Create(Golden.cpu Precision.Float32, (fun _ -> Trains), weights)

/// Output and gradients of a layer on every graph.   run : pass, graph, x -> output
let private isPyg name at (run: GnnPass -> GraphTensors -> Tensor -> Tensor) =
    for graph in graphs do
        use _ = torch.NewDisposeScope()
        let golden = Golden.tensors $"gnn/%s{name}.safetensors"
        use p = parameters at golden
        use tensors = new GraphTensors(torch.CPU, plain (edges golden graph))
        let x = golden["x"].requires_grad_ true
        let out = run (GnnPass(p, Training 0L)) tensors x

        let agree what tensor =
            Golden.agree $"%s{name} %s{graph} %s{what}" 1e-5 1e-5 (Golden.floats golden[$"%s{graph}/%s{what}"]) tensor

        agree "out" (Golden.floats out)
        (out.mul golden["grad_out"]).sum().backward()
        agree "grad.x" (Golden.gradient x)

        for parameter in p.Names do
            agree $"grad.param.%s{parameter.Substring at.Length}" (Golden.gradient p[parameter])

/// A network of one layer.
let private oneLayer (gnn: Gnn) : GnnPass -> GraphTensors -> Tensor -> Tensor =
    fun pass graph x -> gnn.Forward pass graph (Dense x)

[<Fact>]
let ``GCN is PyG's GCNConv`` () =
    let gcn = {
        GcnConfig.glem 0.0 8 16 5 with
            Layers = 1
    }

    isPyg "gcn" "conv1." (oneLayer (Gcn.gnn gcn))

let private convolution (propagation: GraphTensors -> Propagation) (pass: GnnPass) graph (x: Tensor) =
    ((propagation graph).Propagate(NodeFeatures.linear pass["lin.weight"] (Dense x))).add pass["bias"]

[<Fact>]
let ``normalisation without loops, and sums, are PyG's`` () =
    isPyg "gcn_no_self_loops" "" (convolution _.SymmetricWithoutLoops)

    isPyg "gcn_no_normalize" "" (fun pass graph x ->
        let e = graph.Edges.Col.shape[0]

        let sums =
            GraphOps.EdgeSpmm(graph.Edges, torch.ones [| e; 1L |], NodeFeatures.linear pass["lin.weight"] (Dense x))

        sums.add pass["bias"])

[<Theory>]
[<InlineData("sage_mean", true, false)>]
[<InlineData("sage_mean_l2norm", true, true)>]
[<InlineData("sage_mean_no_root", false, false)>]
[<InlineData("sage_max", true, false)>]
let ``GraphSAGE is PyG's SAGEConv`` (name: string, root: bool, normalise: bool) =
    isPyg
        name
        "convs.0."
        (oneLayer (
            Sage.gnn {
                Inputs = 8
                Hidden = 16
                Classes = 5
                Layers = 1
                Aggregator = if name = "sage_max" then Aggregator.Max else Aggregator.Mean
                Root = root
                Normalise = normalise
                InputDropout = 0.0
                HiddenDropout = 0.0
                BatchNorm = false
            }
        ))

let private attention: GatConfig = {
    Inputs = 8
    Hidden = 12
    Classes = 4
    Layers = 1
    Heads = 3
    OutputHeads = 3
    InputDropout = 0.0
    HiddenDropout = 0.0
    AttentionDropout = 0.0
}

[<Fact>]
let ``GAT is PyG's GATConv, with heads side by side, averaged, and without loops`` () =
    isPyg "gat" "conv." (fun pass graph x -> Gat.layer "conv" true 0.0 pass graph.LoopedEdges (Dense x))
    isPyg "gat_mean_heads" "convs.0." (oneLayer (Gat.gnn attention))
    isPyg "gat_no_self_loops" "conv." (fun pass graph x -> Gat.layer "conv" true 0.0 pass graph.Edges (Dense x))

[<Fact>]
let ``GATv2 is PyG's GATv2Conv, with heads side by side and averaged`` () =
    isPyg "gatv2" "conv." (fun pass graph x -> Gatv2.layer "conv" true 0.0 pass graph.LoopedEdges (Dense x))
    isPyg "gatv2_mean_heads" "convs.0." (oneLayer (Gatv2.gnn attention))

[<Fact>]
let ``attention weights are PyG's`` () =
    for graph in graphs do
        use _ = torch.NewDisposeScope()
        let golden = Golden.tensors "gnn/gat.safetensors"
        use p = parameters "" golden
        let looped = edges golden graph |> plain |> Edges.withNewLoops
        use index = Edges.index torch.CPU looped
        let x = NodeFeatures.linear p["lin_src.weight"] (Dense golden["x"])
        let part (name: string) = x.reshape([| -1L; 3L; 4L |]).mul(p[name]).sum(-1L)
        let scores = GraphOps.GatScores(index, part "att_src", part "att_dst", Gat.slope)
        let alpha = GraphOps.EdgeSoftmax(index, scores) |> Golden.floats |> Array.chunkBySize 3
        let byEnds = Dictionary<struct (int * int), float32[]>()

        Edges.targets looped
        |> Array.iteri (fun e target -> byEnds[struct (looped.Sources[e], target)] <- alpha[e])

        let ends = golden[$"%s{graph}/alpha_edge_index"].data<int64>().ToArray() |> Array.map int
        let expected = Golden.floats golden[$"%s{graph}/alpha"] |> Array.chunkBySize 3

        for e in 0 .. expected.Length - 1 do
            Golden.agree
                $"%s{graph} edge %d{e}"
                1e-5
                1e-5
                expected[e]
                byEnds[struct (ends[e], ends[expected.Length + e])]

[<Fact>]
let ``APPNP's propagation is PyG's`` () =
    isPyg "appnp_k5_a01" "" (fun _ graph x -> Appnp.propagate 5 0.1 graph.Symmetric x)

[<Fact>]
let ``SGC is PyG's SGConv`` () =
    let sgc: SgcConfig = {
        Inputs = 8
        Classes = 5
        Hops = 2
        InputDropout = 0.0
    }

    isPyg "sgconv_k2" "" (oneLayer (Sgc.gnn sgc))

/// Weights of an edge list in the order of the edges that were made of it, whose weights are numbers in the list; what is no
/// number there, a new loop, weighs `fill`. [e; 1], differentiable.
let private lookedUp (fill: float32) (edges: Edges) (weights: Tensor) =
    let e = weights.shape[0]
    let at = edges.Weights |> Array.map (fun number -> if number < 0f then e else int64 number)
    torch.cat([| weights; torch.tensor [| fill |] |], 0L).index_select(0L, torch.tensor at).unsqueeze 1L

/// As isPyg for a layer under edge weights that have gradients.   run : parameters, edges, their normalised weights, x
let private isPygWeighted name loops fill (run: Parameters -> EdgeIndex -> Tensor -> Tensor -> Tensor) =
    for graph in graphs do
        use _ = torch.NewDisposeScope()
        let golden = Golden.tensors $"gnn/%s{name}.safetensors"
        use p = parameters "" golden
        let edges = edges golden graph |> loops
        use index = Edges.index torch.CPU edges
        let x = golden["x"].requires_grad_ true
        let weights = golden[$"%s{graph}/edge_weight"].requires_grad_ true
        let out = run p index (lookedUp fill edges weights |> EdgeWeights.normalised index) x

        let agree what tensor =
            Golden.agree $"%s{name} %s{graph} %s{what}" 1e-5 1e-5 (Golden.floats golden[$"%s{graph}/%s{what}"]) tensor

        agree "out" (Golden.floats out)
        (out.mul golden["grad_out"]).sum().backward()
        agree "grad.x" (Golden.gradient x)
        agree "grad.edge_weight" (Golden.gradient weights)

        for parameter in p.Names do
            agree $"grad.param.%s{parameter}" (Golden.gradient p[parameter])

[<Theory>]
[<InlineData("gcn_edge_weight", true, 1f)>]
[<InlineData("gcn_edge_weight_no_self_loops", false, 1f)>]
[<InlineData("gcn_improved_edge_weight", true, 2f)>]
let ``GCN under edge weights, and the weights' gradients, are PyG's`` (name: string, loops: bool, fill: float32) =
    isPygWeighted name (if loops then Edges.withRemainingLoops -1f else id) fill (fun p index weights x ->
        GraphOps.EdgeSpmm(index, weights, NodeFeatures.linear p["lin.weight"] (Dense x)).add p["bias"])

[<Fact>]
let ``APPNP's propagation under edge weights, and the weights' gradients, are PyG's`` () =
    isPygWeighted "appnp_k10_a02_edge_weight" (Edges.withRemainingLoops -1f) 1f (fun _ index weights x ->
        [ 1..10 ]
        |> List.fold (fun (z: Tensor) _ -> (GraphOps.EdgeSpmm(index, weights, z) * 0.8).add(x * 0.2)) x)

[<Theory>]
[<InlineData "default">]
[<InlineData "no_self_loops">]
[<InlineData "weighted">]
[<InlineData "improved_weighted">]
let ``normalised weights are those of PyG's gcn_norm`` (case: string) =
    for graph in graphs do
        use _ = torch.NewDisposeScope()
        let golden = Golden.tensors "gnn/gcn_norm.safetensors"
        let numbered = edges golden graph

        let weighted = {
            numbered with
                Weights =
                    if case.EndsWith "weighted" then
                        let weights = Golden.floats golden[$"%s{graph}/edge_weight"]
                        numbered.Weights |> Array.map (fun number -> weights[int number])
                    else
                        (plain numbered).Weights
        }

        let edges =
            match case with
            | "no_self_loops" -> weighted
            | "improved_weighted" -> Edges.withRemainingLoops 2f weighted
            | _ -> Edges.withRemainingLoops 1f weighted

        use propagation = Propagation.normalised torch.CPU edges
        let ends = golden[$"%s{graph}/%s{case}.edge_index"].data<int64>().ToArray() |> Array.map int
        let e = ends.Length / 2
        let expected = Golden.floats golden[$"%s{graph}/%s{case}.norm"]
        // Parallel edges in any order: each pair's values, sorted.
        let sorted pairs = pairs |> Seq.sort |> Seq.toArray
        let target = Edges.targets edges
        let found = Golden.floats propagation.Values
        let expected = sorted (seq { for k in 0 .. e - 1 -> ends[e + k], ends[k], expected[k] })
        let found = sorted (seq { for k in 0 .. edges.Count - 1 -> target[k], edges.Sources[k], found[k] })
        let ends (all: (int * int * float32)[]) = all |> Array.map (fun (i, j, _) -> i, j)
        let values (all: (int * int * float32)[]) = all |> Array.map (fun (_, _, value) -> value)
        Assert.Equal<(int * int)[]>(ends expected, ends found)
        Golden.agree $"%s{case} %s{graph}" 1e-6 1e-6 (values expected) (values found)
