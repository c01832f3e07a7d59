namespace Glem

open System
open System.Diagnostics
open TorchSharp

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

    /// Trains for some steps and answers each one's processor and wall time, seconds.
    let private train (compute: Compute) (gnn: Gnn) (csr: Csr) (classOf: int[]) (prepared: unit -> unit) steps =
        use graph = GraphTensors.ofCsr compute.Device csr
        use p = Parameters.Create(compute, Gnn.role gnn, GraphModel.initial (Key.ofSeed 1) gnn)
        use optimiser = new Optimiser(Recipes.quickstart.GnnFit.Optimiser, p)
        let n = csr.NodeCount
        use x = torch.randn([| int64 n; int64 width |]).DetachFromDisposeScope()
        // A tenth of the nodes teaches.
        let taught = Array.init (n / 10) (fun i -> int64 i * 10L)
        use nodes = torch.tensor(taught).DetachFromDisposeScope()
        use truth = torch.tensor(taught |> Array.map (fun i -> int64 classOf[int i])).DetachFromDisposeScope()

        let step number =
            let clock, before = Stopwatch.StartNew(), ProcessCost.processor ()

            Scope.freeingAll (fun () ->
                let logits = Gnn.forward gnn p (Training(int64 number)) graph (Dense x)
                let loss = torch.nn.functional.cross_entropy (logits.index_select (0L, nodes), truth)
                loss.backward ()
                optimiser.Step 0.01 |> ignore)

            ProcessCost.processor () - before, clock.Elapsed.TotalSeconds

        // The first step makes the graph's forms, the second has their memory back.
        step 1 |> ignore
        prepared ()
        step 2 |> ignore
        [ for number in 3 .. steps + 2 -> step number ]

    /// The cost of a step. Peak memory is this process': measure each in one of its own.
    let measure (model: GnnModel) (hidden: int) (edges: int) (steps: int) : Result<StepCost, GlemError> =
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

        let small = Synthetic.graph (settings 10000)

        match small, Synthetic.check (settings edges) with
        | Error error, _
        | _, Error error -> Error error
        | Ok(csr, classOf), Ok _ ->
            // What libraries and threads hold once and for all does not count as the graph's.
            train compute gnn csr classOf ignore 2 |> ignore
            GC.Collect()
            let held = ProcessCost.resident ()

            Synthetic.graph (settings edges)
            |> Result.map (fun (csr, classOf) ->
                let prepared () =
                    GC.Collect()
                    ProcessCost.restartPeak ()

                let times = train compute gnn csr classOf prepared steps

                {
                    Model = Settings.show model
                    Nodes = csr.NodeCount
                    Edges = csr.EdgeCount / 2
                    Width = width
                    Hidden = hidden
                    Steps = steps
                    Processor = times |> List.map fst |> median
                    Wall = times |> List.map snd |> median
                    Data = StepCost.dataBytes csr.NodeCount (csr.EdgeCount / 2) width
                    // A graph smaller than what the process gave back meanwhile takes nothing.
                    Peak = max 0L (ProcessCost.peak () - held)
                })
