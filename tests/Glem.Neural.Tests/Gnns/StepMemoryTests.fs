module Glem.Neural.Tests.StepMemoryTests

open Glem
open Glem.Torch.Extensions
open TorchSharp
open Xunit

// So many that no matrix of theirs is small, and left to libtorch whole.
let private n, d, hidden, classes = 70_000, 128, 32, 10

/// Ten undirected edges a node.
let private edges =
    let random = System.Random 1
    Csr.symmetric n (Array.init (10 * n) (fun _ -> struct (random.Next n, random.Next n)))

/// The network that training and measurements have without further settings.
let private gnn model =
    match model with
    | "gcn" -> Gcn.gnn (GcnConfig.glem 0.5 d hidden classes)
    | _ ->
        Sage.gnn {
            Inputs = d
            Hidden = hidden
            Classes = classes
            Layers = 2
            Aggregator = Aggregator.Mean
            Root = true
            Normalise = false
            InputDropout = 0.5
            HiddenDropout = 0.5
            BatchNorm = true
        }

/// The most bytes of tensors that a training step on the whole graph holds, features and graph not counted, once the graph
/// has the form that the layers read.
let private peak model =
    use _ = torch.NewDisposeScope()
    let gnn = gnn model
    let compute = Golden.cpu Precision.Float32
    use p = Parameters.Create(compute, Gnn.role gnn, GraphModel.initial (Key.ofSeed 2) gnn)
    use graph = GraphTensors.ofCsr torch.CPU edges
    let x = torch.randn [| int64 n; int64 d |]
    let taught = [| 0..10 .. n - 1 |]

    let step number =
        Scope.freeingAll (fun () ->
            let logits = GraphTraining.read compute gnn graph (Dense x) (GnnPass(p, Training number)) taught
            logits.logsumexp(1L).mean().backward())

    step 1L
    TensorMemory.Peak(fun () -> step 2L), 4L * x.numel ()

[<Theory>]
[<InlineData "gcn">]
[<InlineData "sage">]
let ``a step on the whole graph holds three hidden matrices at a time, and no copy of the features`` (model: string) =
    let peak, features = peak model
    let matrix width = 4L * int64 n * int64 width
    // Logits with their gradients, and blocks of rows.
    let most = 3L * matrix hidden + 4L * matrix classes + (3L <<< 20)
    Assert.InRange(peak, 2L * matrix hidden, most)
    // What is held beside them, as docs/scale.md counts the data: features, and one matrix in compressed rows.
    let data = features + 4L * int64 (n + 1) + 8L * int64 edges.EdgeCount
    Assert.True(peak < data, $"%d{peak} bytes beside %d{data} of data")
