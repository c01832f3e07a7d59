namespace Glem

open System
open System.Diagnostics
open TorchSharp
open Glem.Torch.Extensions

/// Measures a graph network's optimiser step on made-up graphs of 10 edges a node: forward, backward, AdamW.
module StepMeasurement =
    let private width = 128
    let private classes = 10

    let private settings edges = {
        Synthetic.standard with
            Nodes = edges / 10
            Classes = classes
            Degree = 20.0
    }

    let private median (values: float list) = (List.sort values)[values.Length / 2]

    let private fanOuts = [ 10; 10 ]
    let private batch = 1024
    let private key = Key.ofSeed 0 |> Key.named "scaling"

    /// Class logits of a step's nodes and these nodes, from the whole graph, a tenth of whose nodes teaches.
    let private onGraph compute (gnn: Gnn) p (csr: Csr) (graph: GraphTensors) (x: Tensor) =
        let taught = Array.init (csr.NodeCount / 10) (fun i -> i * 10)

        fun number -> GraphTraining.read compute gnn graph (Dense x) (GnnPass(p, Training(int64 number))) taught, taught

    /// The same from sampled neighbours of the next nodes in a random order.
    let private onSamples layers p (csr: Csr) (device: torch.Device) (x: Tensor) =
        let order = Key.shuffle key (Array.init csr.NodeCount id)
        let parts = order |> Array.chunkBySize batch

        fun number ->
            let targets = parts[number % parts.Length]
            let sampled = NeighbourSampler.sample csr fanOuts (Key.at number key) targets
            let rows = x.index_select (0L, torch.tensor (sampled.Nodes |> Array.map int64))
            SampledTraining.forward device layers (GnnPass(p, Training(int64 number))) sampled rows, targets

    /// Trains for some steps and answers each one's processor and wall time, seconds.
    let private train (compute: Compute) (gnn: Gnn) sampled (csr: Csr) (classOf: int[]) (prepared: unit -> unit) steps =
        use graph = GraphTensors.ofCsr compute.Device csr
        use p = Parameters.Create(compute, Gnn.role gnn, GraphModel.initial (Key.ofSeed 1) gnn)
        use optimiser = new Optimiser(Recipes.quickstart.GnnFit.Optimiser, p)
        use x = torch.randn([| int64 csr.NodeCount; int64 width |]).DetachFromDisposeScope()
        use _ = if sampled then null else GraphTraining.givingBack x

        let forward =
            if sampled then
                let layers = Gnn.sampled fanOuts gnn |> Result.orRaise
                onSamples layers p csr compute.Device x
            else
                onGraph compute gnn p csr graph x

        let step number =
            let clock, before = Stopwatch.StartNew(), ProcessCost.processor ()

            Scope.freeingAll (fun () ->
                let logits, nodes = forward number
                let truth = torch.tensor (nodes |> Array.map (fun node -> int64 classOf[node]))
                torch.nn.functional.cross_entropy(logits, truth).backward()
                optimiser.Step 0.01 |> ignore)

            ProcessCost.processor () - before, clock.Elapsed.TotalSeconds

        // The first step makes the graph's forms, the second has their memory back.
        step 1 |> ignore
        prepared ()
        step 2 |> ignore
        [ for number in 3 .. steps + 2 -> step number ]

    /// The cost of an epoch. Peak memory is this process': measure each in one of its own.
    /// Error: a model that is no stack of layers where neighbours are sampled, a size that has no graph.
    let measure
        (model: GnnModel)
        (sampled: bool)
        (hidden: int)
        (edges: int)
        (steps: int)
        : Result<StepCost, GlemError> =
        let compute = {
            Compute.automatic () with
                Device = torch.CPU
                Precision = Precision.Float32
        }

        let gnn =
            GnnConfig.ofRecipe
                {
                    Recipes.quickstart.Gnn with
                        Model = model
                        Hidden = hidden
                }
                width
                0
                classes
            |> GnnConfig.gnn

        let measurable = if sampled then Gnn.sampled fanOuts gnn |> Result.map ignore else Ok()

        measurable
        |> Result.bind (fun () -> Synthetic.graph (settings 10000))
        |> Result.bind (fun (csr, classOf) ->
            // What libraries and threads hold once and for all does not count as the graph's.
            train compute gnn sampled csr classOf ignore 2 |> ignore
            TensorMemory.GiveBack().Dispose()
            let held = ProcessCost.resident ()

            Synthetic.graph (settings edges)
            |> Result.map (fun (csr, classOf) ->
                let prepared () =
                    GC.Collect()
                    ProcessCost.restartPeak ()

                let times = train compute gnn sampled csr classOf prepared steps
                let epoch = if sampled then float ((csr.NodeCount + batch - 1) / batch) else 1.0

                {
                    Model = Settings.show model
                    Sampled = sampled
                    Nodes = csr.NodeCount
                    Edges = csr.EdgeCount / 2
                    Width = width
                    Hidden = hidden
                    Steps = steps
                    Processor = epoch * (times |> List.map fst |> median)
                    Wall = epoch * (times |> List.map snd |> median)
                    Data = StepCost.dataBytes csr.NodeCount (csr.EdgeCount / 2) width
                    // A graph smaller than what the process gave back meanwhile takes nothing.
                    Peak = max 0L (ProcessCost.peak () - held)
                }))
