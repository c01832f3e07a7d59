namespace Glem.Laws

open System
open Glem
open TorchSharp

/// The engine's neural instances, small enough to be run by the hundred: their steps are the product's own.
module Networks =
    let private compute = {
        Device = torch.CPU
        Precision = Precision.Float32
        Memory = MemoryBudget.standard ()
    }

    /// Two epochs and a last evaluation.
    let recipe isNoisy : FitRecipe = {
        Epochs = 2.0
        Batch = if isNoisy then 4 else 0
        Accumulate = 1
        // Rounding may choose another of two equal checkpoints: a still training has one, its last.
        EvaluationsPerEpoch = if isNoisy then 1.0 else 0.01
        Patience = 0
        LabelSmoothing = 0.0
        Optimiser = {
            Rule = Rule.AdamW
            LearningRate = 0.05
            WeightDecay = 0.01
            Beta1 = 0.9
            Beta2 = 0.999
            // Adam divides by a gradient's size: where that is rounding noise, renamed nodes would part ways.
            Epsilon = if isNoisy then 1e-8 else 0.1
            ClipNorm = 1.0
            WarmUp = 0.0
            Decay = true
            LayerDecay = 1.0
        }
    }

    /// A stage of a scene.
    let stage name key recipe watch (scene: Scene) lesson : Stage = {
        Name = name
        Recipe = recipe
        Lesson = lesson
        Validation = Scene.validation scene
        Key = key
        Watch = watch
    }

    let private dropout (problem: Problem) = if problem.Setting.IsNoisy then 0.2 else 0.0

    /// A graph model of `inputs` columns.
    let gcn inputs dropout (scene: Scene) = GcnConfig.glem dropout inputs 8 scene.ClassCount

    // Where every node's neighbourhood is the whole graph, batch norm divides rounding noise by a spread of 0: a still model
    // does without.
    let private gcnOf inputs (problem: Problem) = {
        gcn inputs (dropout problem) problem.Scene with
            BatchNorm = problem.Setting.IsNoisy
    }

    /// What the scene's student thinks of the nodes, as their features : [n; c].
    let features (scene: Scene) : NodeInputs = {
        Features = (Scene.student scene).Rows.ToArray() |> Vectors.ofArray scene.ClassCount
        Labels = None
    }

    /// Trains a graph model on a scene's graph.
    let fitGcn config stage (scene: Scene) inputs start =
        use graph = GraphTensors.ofCsr compute.Device (Scene.edges scene)
        GraphModel.fit compute (Gcn.gnn config) stage graph inputs start

    /// What a graph model says.
    let predictGcn config (scene: Scene) inputs weights =
        use graph = GraphTensors.ofCsr compute.Device (Scene.edges scene)
        GraphModel.predict compute (Gcn.gnn config) graph inputs weights

    /// d (sum of node n's logits) / d label inputs, for each node n that a training step learns from : n, [nodes; c].
    let labelGradients config stage (scene: Scene) inputs weights number =
        use _ = torch.NewDisposeScope()
        use graph = GraphTensors.ofCsr compute.Device (Scene.edges scene)
        use p = Parameters.Create(compute, Gnn.role (Gcn.gnn config), weights)
        use x = GraphModel.tensors compute inputs
        let nodes = GraphModel.taught stage inputs number |> Array.map (fun at -> int stage.Lesson.Nodes[at])
        let labels = (Option.get x.Labels).requires_grad_ true
        let seen = GraphModel.visible compute x (fun i -> Array.contains i nodes)
        let logits = Gnn.forward (Gcn.gnn config) p (Training 1L) graph (Dense seen)

        [
            for node in nodes do
                labels.grad <- null
                // A weight for each class, so that their gradients do not cancel.
                let one = torch.tensor [| int64 node |]
                let weights = torch.tensor (Array.init config.Classes (fun k -> float32 (k + 1)))
                (logits.index_select(0L, one).mul(weights).sum()).backward(retain_graph = true)

                match labels.grad with
                | null -> ()
                | gradient -> node, gradient.contiguous().data<float32>().ToArray()
        ]

    let private vocabulary = 5 + 8 * 5

    /// A text for each node: [CLS], a token for each class that the scene's student does not rule out, [SEP].
    let texts (scene: Scene) : TokenisedTexts =
        let token k (z: float32) = 5 + 8 * k + (int z + 4 |> max 0 |> min 7)

        scene.Actors
        |> Array.map (fun actor ->
            let best = Array.max actor.Student

            ReadOnlyMemory [|
                2
                for k in 0 .. scene.ClassCount - 1 do
                    if actor.Student[k] >= 0f || actor.Student[k] = best then
                        token k actor.Student[k]
                3
            |])

    /// A BERT of one layer of width 8.
    let lm dropout (scene: Scene) : LanguageModel = {
        Encoder =
            Encoder.Bert {
                VocabularySize = vocabulary
                Hidden = 8
                Layers = 1
                Heads = 2
                Intermediate = 16
                Positions = 8
                TokenTypes = 2
                Activation = Gelu
                HiddenDropout = dropout
                AttentionDropout = dropout
                LayerNormEpsilon = 1e-12
                InitializerRange = 0.2
            }
        Pooling = Mean
        Embedding = Cls
        Projection = 0
        HeadDropout = dropout
        TokenDropout = dropout
        MaskId = 4
        Classes = scene.ClassCount
        GradientCheckpointing = false
    }

    /// Trains a language model on a scene's texts.
    let fitLm model stage scene start = LanguageModel.fit compute model stage (texts scene) start

    /// What an untrained language model says.
    let untrainedLm model scene weights = LanguageModel.read compute model (texts scene) weights

    /// Plays the masked-language-model game on a scene's texts.
    let pretrain model vocabulary recipe key scene encoder =
        MaskedLanguageModel.pretrain compute model vocabulary 0.3 recipe key ignore (texts scene) encoder

    /// The lesson of a step.
    let lesson objective (problem: Problem) turn teacher =
        Teaching.targets (Problem.teaching problem) (Scene.supervision problem.Scene) turn teacher
        |> Lesson.ofTargets objective turn.Round

    /// The tensor loss of a batch of a lesson's rows, given the logits of all nodes, row-major : [n; c].
    let loss (lesson: Lesson) (rows: int[]) (logits: float32[]) =
        use _ = torch.NewDisposeScope()
        let nodes = torch.tensor (rows |> Array.map (fun row -> int64 lesson.Nodes[row]))
        let all = torch.tensor(logits).reshape [| -1L; int64 lesson.Classes |]
        (Lesson.loss compute.Device lesson rows (all.index_select (0L, nodes))).item<float32>() |> float

    let private eStage (problem: Problem) turn p =
        lesson (Problem.eObjective problem) problem turn p
        |> stage $"E-step %d{turn.Round}" turn.Key (recipe problem.Setting.IsNoisy) ignore problem.Scene

    let private mStage (problem: Problem) turn q =
        lesson (Problem.mObjective problem) problem turn q
        |> stage $"M-step %d{turn.Round}" turn.Key (recipe problem.Setting.IsNoisy) ignore problem.Scene

    let private spoil name (weights: Weights) : Weights =
        weights
        |> Seq.map (fun pair ->
            if pair.Key = name then
                pair.Key,
                {
                    pair.Value with
                        Values = pair.Value.Values |> Array.map (fun _ -> nanf)
                }
            else
                pair.Key, pair.Value)
        |> Map.ofSeq
        :> Weights

    let private numbers (weights: Weights) =
        weights.Keys
        |> Seq.sort
        |> Seq.toArray
        |> Array.collect (fun name -> weights[name].Values |> Array.map float)

    let private fitNumbers (fit: LmFit) =
        Array.concat [
            numbers fit.Weights
            Array.map float (fit.Embeddings.ToArray())
            Array.map float (fit.PreviousEmbeddings.ToArray())
        ]

    let private rootKey (problem: Problem) = Key.ofSeed problem.Setting.Seed

    /// The graph's posterior as the text side's: in GMNN q is a graph network too.
    let private asQ (p: Posterior<Gnn>) : Posterior<Lm> = Posterior.ofLogits p.ClassCount (p.Logits.ToArray())

    /// Two graph networks on the same features, under GLEM's objective.
    let twoGnns: Instance =
        let config (problem: Problem) = gcnOf problem.Scene.ClassCount problem

        let fits (problem: Problem) : Fits<Lm, Gnn, Weights, Weights> =
            let fit stage start = fitGcn (config problem) stage problem.Scene (features problem.Scene) start

            {
                FitQ =
                    fun turn _ p theta ->
                        let theta, q = fit (eStage problem turn p) theta
                        theta, asQ q
                FitP = fun turn _ q phi -> fit (mStage problem turn q) phi
            }

        let start change (problem: Problem) =
            let weights side = GraphModel.initial (rootKey problem |> Key.named side) (Gcn.gnn (config problem))
            let predict weights = predictGcn (config problem) problem.Scene (features problem.Scene) weights
            let theta, phi = weights "q", weights "p"

            Instance.start numbers numbers problem (change theta, predict theta |> asQ) (change phi, predict phi)

        {
            Name = "two GNNs"
            Cost = 2
            Classes = 3
            Nodes = 12
            HasMix = true
            IsRandom = true
            Start = start id
            Spoilt = start (spoil "conv2.bias")
            Steps = fits >> Instance.steps numbers numbers
        }

    /// A language model and a graph network that reads its embeddings: GLEM.
    let lmAndGnn: Instance =
        let model (problem: Problem) = lm (dropout problem) problem.Scene
        let config = gcnOf 8

        let inputs (theta: LmFit) : NodeInputs = {
            Features = theta.Embeddings
            Labels = None
        }

        let fits (problem: Problem) : Fits<Lm, Gnn, LmFit, Weights> = {
            FitQ = fun turn _ p theta -> fitLm (model problem) (eStage problem turn p) problem.Scene theta.Weights
            FitP =
                fun turn theta q phi -> fitGcn (config problem) (mStage problem turn q) problem.Scene (inputs theta) phi
        }

        let start changeLm changeGnn (problem: Problem) =
            let key = rootKey problem

            let theta, q =
                LanguageModel.initialEncoder key (model problem)
                |> LanguageModel.withNewHead key (model problem)
                |> untrainedLm (model problem) problem.Scene

            let phi = GraphModel.initial key (Gcn.gnn (config problem))
            let p = predictGcn (config problem) problem.Scene (inputs theta) phi

            let theta = {
                theta with
                    Weights = changeLm theta.Weights
            }

            Instance.start fitNumbers numbers problem (theta, q) (changeGnn phi, p)

        {
            Name = "LM and GNN"
            Cost = 4
            Classes = 3
            Nodes = 12
            HasMix = true
            IsRandom = true
            Start = start id id
            Spoilt = start (spoil "classifier.bias") (spoil "conv2.bias")
            Steps = fits >> Instance.steps fitNumbers numbers
        }

    // The optimisers' memories are part of GMNN's parameters.
    let private graphNumbers (fit: GraphFit) =
        Array.concat [
            numbers fit.Weights
            numbers fit.Optimiser.Means
            numbers fit.Optimiser.Squares
            Array.map float fit.Logits
        ]

    let private startNumbers start =
        match start with
        | Anew weights -> numbers weights
        | From fit -> graphNumbers fit

    /// GMNN as it reproduces its paper: q reads features, p the labels that q gives, both optimisers remember.
    let gmnn: Instance =
        let make (problem: Problem) : Gmnn =
            let scene = problem.Scene
            let n, c = scene.NodeCount, scene.ClassCount
            let dropout = dropout problem

            {
                Compute = compute
                Graph = GraphTensors.ofCsr compute.Device (Scene.edges scene)
                Features =
                    SparseFeatures.ofRows
                        compute.Device
                        c
                        (Array.init (n + 1) (fun i -> i * c))
                        (Array.init (n * c) (fun cell -> cell % c))
                        ((Scene.student scene).Rows.ToArray())
                Q = GcnConfig.gmnn dropout dropout c 8 c |> Gcn.gnn
                P = GcnConfig.gmnn dropout dropout c 8 c |> Gcn.gnn
                Pretraining = recipe problem.Setting.IsNoisy
                Fit = recipe problem.Setting.IsNoisy
                Draw = problem.Setting.Softness
                Rounds = 2
                Supervision = Scene.supervision scene
                Validation = Scene.validation scene
                Watch = fun _ _ -> ()
            }

        let fits (problem: Problem) : Fits<FeatureGnn, LabelGnn, GraphFit, GraphStart> = {
            FitQ =
                fun turn phi p theta ->
                    use gmnn = make problem
                    (Gmnn.fits gmnn).FitQ turn phi p theta
            FitP =
                fun turn theta q phi ->
                    use gmnn = make problem
                    (Gmnn.fits gmnn).FitP turn theta q phi
        }

        let start change (problem: Problem) =
            use gmnn = make problem
            let theta, q = Gmnn.pretrain gmnn (rootKey problem)

            let theta = {
                theta with
                    Weights = change theta.Weights
            }

            let phi = GraphModel.initial (rootKey problem) gmnn.P |> change |> Anew
            // Before its first step p has said nothing yet.
            let p: Posterior<LabelGnn> = Posterior.uniform problem.Scene.NodeCount problem.Scene.ClassCount
            Instance.start graphNumbers startNumbers problem (theta, q) (phi, p)

        {
            Name = "GMNN"
            Cost = 2
            Classes = 3
            Nodes = 12
            HasMix = false
            IsRandom = true
            Start = start id
            Spoilt = start (spoil "conv2.lin.weight")
            Steps = fits >> Instance.steps graphNumbers startNumbers
        }
