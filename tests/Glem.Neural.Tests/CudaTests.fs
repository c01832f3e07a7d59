namespace Glem.Neural.Tests

open System
open Glem
open Glem.Torch.Extensions
open TorchSharp
open Xunit

/// A GPU gives the CPU's numbers, with the same units dropped: the masks are functions of seed and place on both.
/// Skipped where there is no GPU.
module CudaTests =
    let private on device : Compute = {
        Device = device
        Precision = Precision.Float32
        Memory = MemoryBudget.standard ()
    }

    let private bothDevices () =
        Engine.Initialize()

        if not (torch.cuda.is_available ()) then
            Assert.Skip "there is no CUDA device"

        on torch.CPU, on torch.CUDA

    let private norm (values: float32[]) = values |> Array.sumBy (fun x -> float x * float x) |> sqrt

    /// ||found - expected|| <= 1e-4 ||expected||, for each name. A gradient that is nothing but rounding (a key's bias has
    /// none) is measured against the largest of all instead.
    let private close (expected: Map<string, float32[]>) (found: Map<string, float32[]>) =
        let floor = 1e-3 * (expected.Values |> Seq.map norm |> Seq.max)

        for KeyValue(name, values) in expected do
            let error = norm (Array.map2 (-) found[name] values) / max floor (norm values)
            Assert.True(error <= 1e-4, $"%s{name}: relative error %g{error}")

    /// What `forward` answers, and the gradients of its product with fixed numbers of both signs.
    let private pass (p: Parameters) (forward: unit -> Tensor) =
        Scope.freeingAll (fun () ->
            let answer = forward ()
            let count = int (answer.numel ())

            let probe =
                torch.tensor(Array.init count (fun i -> sin (float32 i))).reshape(answer.shape).``to`` answer.device

            answer.mul(probe).sum().backward()

            let gradients = [
                for i in 0 .. p.Names.Length - 1 do
                    match p.Leaves[i].grad with
                    | null -> ()
                    | gradient -> p.Names[i], (Weight.ofTensor gradient).Values
            ]

            Map.ofList gradients, Weight.ofTensor answer)

    let private bert =
        Encoder.Bert {
            VocabularySize = 50
            Hidden = 64
            Layers = 2
            Heads = 4
            Intermediate = 128
            Positions = 40
            TokenTypes = 2
            Activation = Gelu
            HiddenDropout = 0.1
            AttentionDropout = 0.1
            LayerNormEpsilon = 1e-12
            InitializerRange = 0.1
        }

    let private texts =
        [| 7; 1; 40; 12 |]
        |> Array.map (fun length -> ReadOnlyMemory(Array.init length (fun i -> (i * i + length) % 50)))

    let private encoderPass compute =
        use generator = Generator.ofKey (Key.ofSeed 1)
        use p = Parameters.Create(compute, Encoder.role bert, Encoder.initial bert generator)

        let gradients, answer =
            pass p (fun () ->
                let pass = Pass(p, "", compute.Dtype, Training 3L, ignore)
                Encoder.forward bert pass (PackedBatch.ofSequences compute.Device texts))

        gradients.Add("last hidden states", answer.Values)

    [<Fact>]
    let ``an encoder's states and gradients are the CPU's`` () =
        let cpu, gpu = bothDevices ()
        close (encoderPass cpu) (encoderPass gpu)

    let private gcn = GcnConfig.glem 0.5 24 48 5 |> Gcn.gnn

    let private runningVariance (p: Parameters) =
        let weights = p.Snapshot()
        weights["bn.running_var"].Values

    let private graphPass compute =
        let n = 200
        use generator = Generator.ofKey (Key.ofSeed 2)

        let ring = seq {
            for i in 0 .. n - 1 do
                yield! [ struct (i, (i + 1) % n); struct (i, i * i % n) ]
        }

        use graph = Csr.symmetric n ring |> GraphTensors.ofCsr compute.Device
        use p = Parameters.Create(compute, Gnn.role gcn, Gnn.initial gcn generator)

        let gradients, answer =
            pass p (fun () ->
                let x = torch.tensor (Array.init (n * 24) (fun i -> cos (float32 (i % 1013))))
                Gnn.forward gcn p (Training 5L) graph (Dense(x.reshape([| int64 n; -1L |]).``to`` compute.Device)))

        gradients.Add("logits", answer.Values).Add("running variance", runningVariance p)

    [<Fact>]
    let ``a graph convolutional network's logits, gradients and running statistics are the CPU's`` () =
        let cpu, gpu = bothDevices ()
        close (graphPass cpu) (graphPass gpu)

    let private recipe: OptimiserRecipe = {
        Rule = Rule.AdamW
        LearningRate = 0.01
        WeightDecay = 0.1
        Beta1 = 0.9
        Beta2 = 0.999
        Epsilon = 1e-8
        ClipNorm = 1.0
        WarmUp = 0.0
        Decay = false
        LayerDecay = 1.0
    }

    let private optimised compute =
        use generator = Generator.ofKey (Key.ofSeed 4)
        use p = Parameters.Create(compute, Encoder.role bert, Encoder.initial bert generator)
        use optimiser = new Optimiser(recipe, p)

        for step in 0..2 do
            for i in 0 .. p.Leaves.Length - 1 do
                // Gradients far from 0: the first steps divide each by its own size, rounding and all.
                let values = Array.init (int (p.Leaves[i].numel())) (fun k -> sin (float32 (k + i + step)) + 1.5f)
                p.Leaves[i].grad <- torch.tensor(values).reshape(p.Leaves[i].shape).``to`` compute.Device

            optimiser.Step recipe.LearningRate |> ignore

        p.Snapshot() |> Seq.map (fun pair -> pair.Key, pair.Value.Values) |> Map.ofSeq

    [<Fact>]
    let ``three clipped AdamW steps end at the CPU's weights`` () =
        let cpu, gpu = bothDevices ()
        close (optimised cpu) (optimised gpu)
