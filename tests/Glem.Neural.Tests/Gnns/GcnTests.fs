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

[<Theory>]
[<InlineData "undirected">]
[<InlineData "directed">]
[<InlineData "self_loops">]
let ``one convolution and its gradients are PyG's GCNConv`` (graph: string) =
    use _ = torch.NewDisposeScope()
    let golden = Golden.tensors "gnn/gcn.safetensors"
    use propagation = Propagation.symmetric torch.CPU (rows golden[$"%s{graph}/edge_index"])
    let leaf (name: string) = golden[name].requires_grad_ true
    let x, weight, bias = leaf "x", leaf "param.lin.weight", leaf "param.bias"
    let agree name tensor = Golden.agree name 1e-5 1e-5 (Golden.floats golden[$"%s{graph}/%s{name}"]) tensor
    let out = torch.nn.functional.linear(propagation.Propagate x, weight).add bias
    agree "out" (Golden.floats out)
    (out.mul golden["grad_out"]).sum().backward()
    agree "grad.x" (Golden.gradient x)
    agree "grad.param.lin.weight" (Golden.gradient weight)
    agree "grad.param.bias" (Golden.gradient bias)

let private config = GcnConfig.glem 0.0 8 16 5

/// Weights of a golden two-layer model; `buffers` is the prefix of its running statistics.
let private weights (buffers: string) =
    Golden.weights (fun name ->
        if name.StartsWith "param." then Some(name.Substring 6)
        elif name.StartsWith buffers then Some(name.Substring buffers.Length)
        else None)

/// Logits and gradients of a golden run; what gradients are stored under `at`.
let private isPyg mode buffers (path: string) (at: string) =
    let p = Parameters.Create(Golden.cpu Precision.Float32, Gcn.role, weights buffers path)
    let golden = Golden.tensors path
    use propagation = Propagation.symmetric torch.CPU (rows golden[$"%s{at}edge_index"])
    let x = golden["x"].requires_grad_ true
    let out = Gcn.forward config p mode propagation (Dense x)
    let expected name = Golden.floats golden[$"%s{at}%s{name}"]
    Golden.agree "out" 1e-5 1e-5 (expected "out") (Golden.floats out)
    (out.mul golden["grad_out"]).sum().backward()
    Golden.agree "grad.x" 2e-5 1e-5 (expected "grad.x") (Golden.gradient x)

    for name in p.Names do
        if Gcn.role name = Trains then
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
    use p = Parameters.Create(Golden.cpu Precision.Float32, Gcn.role, GraphModel.initial key config)
    use propagation = Propagation.symmetric torch.CPU edges
    Gcn.forward config p Evaluating propagation (Dense x) |> Golden.floats |> Array.chunkBySize 5

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
