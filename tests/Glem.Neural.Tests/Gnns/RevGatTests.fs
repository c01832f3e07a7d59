module Glem.Neural.Tests.RevGatTests

open Glem
open TorchSharp
open Xunit

let private key = Key.ofSeed 5

let private config layers recompute : RevGatConfig = {
    Inputs = 6
    Hidden = 4
    Classes = 3
    Layers = layers
    Heads = 3
    InputDropout = 0.1
    HiddenDropout = 0.3
    AttentionDropout = 0.2
    EdgeDropout = 0.3
    TargetAttention = true
    InputNorm = true
    Recompute = recompute
}

let private n = 40

let private edges =
    let random = System.Random 3
    Csr.symmetric n (Array.init 90 (fun _ -> struct (random.Next n, random.Next n)))

/// Logits, the gradients of x and of every weight, and the running statistics after one training step.
let private step layers recompute =
    use _ = torch.NewDisposeScope()
    let gnn = RevGat.gnn (config layers recompute)
    use generator = Generator.ofKey key
    use p = Parameters.Create(Golden.cpu Precision.Float32, Gnn.role gnn, GraphModel.initial key gnn)
    use graph = GraphTensors.ofCsr torch.CPU edges
    let x = torch.randn([| int64 n; 6L |], generator = generator).requires_grad_ true
    let out = Gnn.forward gnn p (Training 7L) graph (Dense x)
    (out.mul out).sum().backward()

    [
        "out", Golden.floats out
        "x", Golden.gradient x
        for name in p.Names do
            name,
            (if Gnn.role gnn name = Trains then
                 Golden.gradient p[name]
             else
                 Golden.floats p[name])
    ]

[<Theory>]
[<InlineData 2>]
[<InlineData 3>]
[<InlineData 6>]
let ``a backward pass that makes the blocks' inputs again gives the gradients of the tape that kept them``
    (layers: int)
    =
    for (name, kept), (_, again) in List.zip (step layers false) (step layers true) do
        Golden.agreeToLargest name 1e-4 1e-2 kept again

[<Fact>]
let ``in evaluation nothing is dropped, and running statistics stay`` () =
    use _ = torch.NewDisposeScope()
    let gnn = RevGat.gnn (config 4 true)
    use p = Parameters.Create(Golden.cpu Precision.Float32, Gnn.role gnn, GraphModel.initial key gnn)
    use graph = GraphTensors.ofCsr torch.CPU edges
    let x = torch.ones [| int64 n; 6L |]
    let before = p.Snapshot()
    let logits () = Gnn.forward gnn p Evaluating graph (Dense x) |> Golden.floats
    Assert.Equal<float32[]>(logits (), logits ())

    for pair in p.Snapshot() do
        Assert.Equal<float32[]>(before[pair.Key].Values, pair.Value.Values)
