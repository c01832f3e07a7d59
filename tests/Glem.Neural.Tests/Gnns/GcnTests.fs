module Glem.Neural.Tests.GcnTests

open FsCheck
open FsCheck.FSharp
open Glem
open TorchSharp
open Xunit

let private nodes = 20

/// PyG's edge_index as rows: node i gathers from the sources of its in-edges.
let private rows (edgeIndex: Tensor) =
    let ends = edgeIndex.data<int64>().ToArray()
    let count = ends.Length / 2
    Csr.ofPairs nodes (seq { for k in 0 .. count - 1 -> struct (int ends[count + k], int ends[k]) })

let private config = GcnConfig.glem 0.0 8 16 5
let private gcn = Gcn.gnn config

/// Weights of a golden two-layer model; `buffers` is the prefix of its running statistics.
let private weights (buffers: string) =
    Golden.weights (fun name ->
        if name.StartsWith "param." then Some(name.Substring 6)
        elif name.StartsWith buffers then Some(name.Substring buffers.Length)
        else None)

/// Logits and gradients of a golden run; what gradients are stored under `at`.
let private isPyg mode buffers (path: string) (at: string) =
    let p = Parameters.Create(Golden.cpu Precision.Float32, Gnn.role gcn, weights buffers path)
    let golden = Golden.tensors path
    use graph = GraphTensors.ofCsr torch.CPU (rows golden[$"%s{at}edge_index"])
    let x = golden["x"].requires_grad_ true
    let out = Gnn.forward gcn p mode graph (Dense x)
    let expected name = Golden.floats golden[$"%s{at}%s{name}"]
    Golden.agree "out" 1e-5 1e-5 (expected "out") (Golden.floats out)
    (out.mul golden["grad_out"]).sum().backward()
    Golden.agree "grad.x" 2e-5 1e-5 (expected "grad.x") (Golden.gradient x)

    for name in p.Names do
        if Gnn.role gcn name = Trains then
            // Batch norm in training undoes conv1's bias: its gradient is 0 but for rounding.
            Golden.agreeToLargest name 1e-5 1.0 (expected $"grad.param.%s{name}") (Golden.gradient p[name])

    p, golden

[<Theory>]
[<InlineData "undirected/">]
[<InlineData "directed/">]
[<InlineData "self_loops/">]
let ``the two-layer model with batch norm is PyG's in evaluation`` (at: string) =
    use _ = torch.NewDisposeScope()
    let p, _ = isPyg Evaluating "buffer." "gnn/gcn2_batchnorm_eval.safetensors" at
    (p :> System.IDisposable).Dispose()

[<Fact>]
let ``a training step is PyG's and moves the running statistics as PyTorch does`` () =
    use _ = torch.NewDisposeScope()
    let p, golden = isPyg (Training 0L) "buffer_before." "gnn/gcn2_batchnorm_train.safetensors" ""

    for name in [ "bn.running_mean"; "bn.running_var" ] do
        Golden.agree name 1e-5 1e-5 (Golden.floats golden[$"buffer_after.%s{name}"]) (Golden.floats p[name])

    (p :> System.IDisposable).Dispose()

let private key = Key.ofSeed 3

let private random (shape: int64[]) =
    use generator = Generator.ofKey key
    torch.randn (shape, generator = generator)

/// Logits of a fresh model : [n; 5] row-major, of x : [n; 8].
let private logits (edges: Csr) (x: Tensor) =
    use _ = torch.NewDisposeScope()
    use p = Parameters.Create(Golden.cpu Precision.Float32, Gnn.role gcn, GraphModel.initial key gcn)
    use graph = GraphTensors.ofCsr torch.CPU edges
    Gnn.forward gcn p Evaluating graph (Dense x) |> Golden.floats |> Array.chunkBySize 5

[<Fact>]
let ``renaming the nodes renames the logits`` () =
    let graph = gen {
        let! n = Gen.choose (1, 30)
        let! pairs = Gen.listOf (Gen.zip (Gen.choose (0, n - 1)) (Gen.choose (0, n - 1)))
        let! seed = Gen.choose (0, 1000000)
        return n, pairs, seed
    }

    let law (n, pairs, seed) =
        use _ = torch.NewDisposeScope()
        let newName = Key.shuffle (Key.ofSeed seed) [| 0 .. n - 1 |]
        let oldName = Array.init n (fun i -> System.Array.IndexOf(newName, i) |> int64)
        let csr rename = pairs |> Seq.map (fun (a, b) -> struct (rename a, rename b)) |> Csr.symmetric n
        let x = random [| int64 n; 8L |]
        let before = logits (csr id) x
        let after = logits (csr (fun i -> newName[i])) (x.index_select (0L, torch.tensor oldName))

        for i in 0 .. n - 1 do
            Golden.agree $"node %d{i}" 1e-5 1e-5 before[i] after[newName[i]]

    Check.One(Config.QuickThrowOnFailure.WithMaxTest(50).WithQuietOnSuccess true, Prop.forAll (Arb.fromGen graph) law)

[<Fact>]
let ``a node's logits depend on the nodes within two hops and on no other`` () =
    use _ = torch.NewDisposeScope()
    let path = Csr.symmetric 7 (seq { for i in 0..5 -> struct (i, i + 1) })
    let x = random [| 7L; 8L |]
    let lastChanged = x.clone ()
    lastChanged.narrow(0L, 6L, 1L).add_(torch.ones [| 1L; 8L |]) |> ignore
    let before, after = logits path x, logits path lastChanged
    Assert.Equal<bool>([| true; true; true; true; false; false; false |], Array.map2 (=) before after)

let private plain = GcnConfig.gmnn 0.5 0.0 8 16 5

let private weightsOf (config: GcnConfig) =
    use generator = Generator.ofKey key
    Gnn.initial (Gcn.gnn config) generator

[<Fact>]
let ``GMNN's network is two matrices, uniform within one over the root of their outputs`` () =
    let weights = weightsOf plain

    for name, outputs, inputs in [ "conv1.lin.weight", 16, 8; "conv2.lin.weight", 5, 16 ] do
        Assert.Equal<int64>([| int64 outputs; int64 inputs |], weights[name].Shape)
        let largest = weights[name].Values |> Array.map abs |> Array.max
        // Of 80 draws and more, the largest is all but surely in the upper fifth.
        Assert.InRange(float largest * sqrt (float outputs), 0.8, 1.0)

    Assert.Equal(2, weights.Count)

[<Fact>]
let ``GMNN's network in evaluation is P relu(P x W1) W2`` () =
    use _ = torch.NewDisposeScope()
    let weights = weightsOf plain
    use p = Parameters.Create(Golden.cpu Precision.Float32, Gnn.role (Gcn.gnn plain), weights)

    use graph = GraphTensors.ofCsr torch.CPU (Csr.symmetric 7 (seq { for i in 0..5 -> struct (i, i + 1) }))

    let x = random [| 7L; 8L |]
    let times (name: string) (x: Tensor) = x.matmul (p[name].t())
    let hidden = (x |> times "conv1.lin.weight" |> graph.Symmetric.Propagate).relu()
    let expected = hidden |> times "conv2.lin.weight" |> graph.Symmetric.Propagate
    let actual = Gnn.forward (Gcn.gnn plain) p Evaluating graph (Dense x)
    Golden.agree "logits" 1e-5 1e-5 (Golden.floats expected) (Golden.floats actual)

/// Five nodes' bags over eight words, the last node's empty, and the same as a dense matrix.
let private bags () =
    let offsets, columns = [| 0; 3; 4; 6; 8; 8 |], [| 0; 2; 7; 2; 1; 5; 0; 6 |]
    let values = [| 0.5f; 1f; -2f; 3f; 0.25f; 1.5f; -1f; 2f |]
    let dense = Array.zeroCreate<float32>(5 * 8)

    for row in 0..4 do
        for at in offsets[row] .. offsets[row + 1] - 1 do
            dense[row * 8 + columns[at]] <- values[at]

    SparseFeatures.ofRows torch.CPU 8 offsets columns values, torch.tensor(dense).reshape([| 5L; 8L |])

[<Fact>]
let ``bags of words give the logits and gradients of the dense matrix that they stand for`` () =
    use _ = torch.NewDisposeScope()
    let sparse, dense = bags ()
    use _ = sparse

    use graph =
        GraphTensors.ofCsr torch.CPU (Csr.symmetric 5 [ struct (0, 1); struct (1, 2); struct (3, 4) ])

    let pass (config: GcnConfig) (x: NodeFeatures) =
        let gnn = Gcn.gnn config
        use p = Parameters.Create(Golden.cpu Precision.Float32, Gnn.role gnn, weightsOf config)
        let out = Gnn.forward gnn p (Training 3L) graph x
        (out.mul out).sum().backward()
        Golden.floats out, Golden.gradient p["conv1.lin.weight"]

    for config in
        [
            GcnConfig.gmnn 0.0 0.0 8 16 5
            GcnConfig.glem 0.0 8 16 5
            GcnConfig.gmnn 0.0 0.0 8 3 5
        ] do
        let out, gradient = pass config (Sparse sparse)
        let denseOut, denseGradient = pass config (Dense dense)
        Golden.agree "logits" 1e-5 1e-5 denseOut out
        Golden.agree "gradient" 1e-5 1e-4 denseGradient gradient

[<Fact>]
let ``dropout of bags of words drops the same entries forward and backward`` () =
    use _ = torch.NewDisposeScope()
    let sparse, _ = bags ()
    use _ = sparse
    let weight = (random [| 3L; 8L |]).requires_grad_ true

    match NodeFeatures.dropout 0.5 11L (Sparse sparse) with
    | Sparse dropped ->
        let kept = Golden.floats dropped.Values
        Assert.Contains(0f, kept)
        Assert.Contains(kept, (fun x -> x <> 0f))
        (NodeFeatures.linear weight (Sparse dropped)).sum().backward()
        // d/dW of the sum of X W^T: each word's column holds the sum of what was kept of it.
        let columns = dropped.Columns.data<int>().ToArray()
        let expected = Array.zeroCreate<float32> 8
        Array.iter2 (fun column value -> expected[column] <- expected[column] + value) columns kept
        Golden.agree "gradient" 1e-6 1e-6 (Array.concat (Array.replicate 3 expected)) (Golden.gradient weight)
    | Dense _
    | Dropped _ -> Assert.Fail "dropout made a sparse matrix dense"
