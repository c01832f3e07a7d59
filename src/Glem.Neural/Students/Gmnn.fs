namespace Glem

open System
open TorchSharp

/// Source of a posterior: GMNN's q, the graph network that reads the nodes' features.
[<Sealed; AbstractClass>]
type FeatureGnn = class end

/// Source of a posterior: GMNN's p, the graph network that reads the nodes' labels.
[<Sealed; AbstractClass>]
type LabelGnn = class end

/// How q's posterior becomes the labels that p reads and learns from (the authors' --draw).
type Draw =
    /// The posterior itself (exp).
    | Expectation
    /// One-hot on the likeliest class (max).
    | Likeliest
    /// One-hot on a class drawn from the posterior, once a round (smp).
    | Sampled

/// GMNN's settings; both students share them.
type GmnnRecipe = {
    /// A folder of Planetoid's data.
    Dataset: string
    Hidden: int
    InputDropout: float
    HiddenDropout: float
    /// Steps of q on gold labels; otherwise as Fit.
    PretrainEpochs: float
    /// A student's training in one round.
    Fit: FitRecipe
    Draw: Draw
    /// Of q's softmax before the draw; p teaches at 1.
    Temperature: float
    /// A round is an M-step (p learns from q) and an E-step (q from p).
    Rounds: int
}

module GmnnRecipe =
    /// The authors' run_cora.py.
    let cora = {
        Dataset = "cora"
        Hidden = 16
        InputDropout = 0.5
        HiddenDropout = 0.0
        PretrainEpochs = 100.0
        Fit = {
            Epochs = 100.0
            Batch = 0
            EvaluationsPerEpoch = 1.0
            Patience = 0
            LabelSmoothing = 0.0
            Optimiser = {
                Rule = Rule.RmsProp
                LearningRate = 0.05
                WeightDecay = 5e-4
                Beta1 = 0.0
                Beta2 = 0.99
                Epsilon = 1e-8
                ClipNorm = 0.0
                WarmUp = 0.0
                Decay = false
            }
        }
        Draw = Sampled
        Temperature = 0.1
        Rounds = 1
    }

    /// The authors' run_citeseer.py.
    let citeseer = {
        cora with
            Dataset = "citeseer"
            PretrainEpochs = 200.0
    }

    /// The recipe cut down until it runs in a second: for smoke tests, not for numbers.
    let quick recipe = {
        recipe with
            PretrainEpochs = 5.0
            Fit = { recipe.Fit with Epochs = 5.0 }
    }

/// What GMNN reads. Owns the graph and the features.
type Gmnn = {
    Recipe: GmnnRecipe
    Compute: Compute
    Graph: Propagation
    /// d, width of the features.
    Width: int
    Features: SparseFeatures
    Supervision: Supervision
    Validation: Validation
    /// Sees every training state of every stage.
    Watch: string -> TrainState -> unit
} with

    interface IDisposable with
        member this.Dispose() =
            (this.Graph :> IDisposable).Dispose()
            (this.Features :> IDisposable).Dispose()

/// Graph Markov neural networks (Qu, Bengio & Tang 2019, "W/o attr. in p"): EM over two graph networks. q predicts from the
/// features, p from the labels that q gives the nodes, its own node's included. theta and phi hold the optimiser's memory
/// too: a student's second training continues its first.
module Gmnn =
    let private config (gmnn: Gmnn) inputs =
        let recipe = gmnn.Recipe
        GcnConfig.gmnn recipe.InputDropout recipe.HiddenDropout inputs recipe.Hidden gmnn.Supervision.ClassCount

    let private qConfig (gmnn: Gmnn) = config gmnn gmnn.Width
    let private pConfig (gmnn: Gmnn) = config gmnn gmnn.Supervision.ClassCount

    let private stage (gmnn: Gmnn) name key recipe mix (targets: Targets<'teacher>) : Stage = {
        Name = name
        Recipe = recipe
        Lesson = Lesson.ofTargets GroupMeans mix recipe.LabelSmoothing targets
        Validation = gmnn.Validation
        Key = key
        Watch = gmnn.Watch name
    }

    /// Pseudo labels weigh what their number does, so that the objective is the mean over all nodes, as GMNN's is.
    let private mix (targets: Targets<'teacher>) =
        let pseudo = targets.IsGold |> Array.filter not |> Array.length
        Mix.create "share of pseudo labels" (float pseudo / float targets.Count) |> Result.orRaise

    /// Every node with a target: its gold label, or what the teacher says.
    let private everywhere (gmnn: Gmnn) (teacher: Posterior<'teacher>) =
        Targets.ofTeacher gmnn.Supervision teacher (Pool.unlabelled gmnn.Supervision)

    /// q's posterior as the labels that p sees.
    let private drawn (gmnn: Gmnn) key (q: Posterior<FeatureGnn>) =
        let temperature = Temperature.create "temperature" gmnn.Recipe.Temperature |> Result.orRaise
        let sharpened = Posterior.sharpen temperature q

        match gmnn.Recipe.Draw with
        | Expectation -> sharpened
        | Likeliest -> Posterior.harden sharpened
        | Sampled -> Posterior.sample (Key.named "draw" key) sharpened

    let private initial key config =
        use generator = Generator.ofKey key
        Gcn.initial config generator

    /// q on gold labels: the plain GCN, and EM's first q.
    let pretrain (gmnn: Gmnn) (key: Key) : GraphFit * Posterior<FeatureGnn> =
        let recipe = {
            gmnn.Recipe.Fit with
                Epochs = gmnn.Recipe.PretrainEpochs
        }

        let config = qConfig gmnn
        let targets: Targets<LabelGnn> = Targets.goldOnly gmnn.Supervision
        let stage = stage gmnn "q on gold" (Key.named "pretrain" key) recipe Mix.goldOnly targets
        let start = initial (Key.named "q" key) config |> Anew
        let fit = GraphTraining.toBest gmnn.Compute config stage gmnn.Graph (Sparse gmnn.Features) start
        fit, Posterior.ofLogits config.Classes fit.Logits

    /// EM's two steps.
    let fits (gmnn: Gmnn) : Fits<FeatureGnn, LabelGnn, GraphFit, GraphStart> = {
        FitQ =
            fun turn p theta ->
                let targets = everywhere gmnn p
                let stage = stage gmnn $"E-step %d{turn.Round}" turn.Key gmnn.Recipe.Fit (mix targets) targets
                let config = qConfig gmnn
                let fit = GraphTraining.toBest gmnn.Compute config stage gmnn.Graph (Sparse gmnn.Features) (From theta)
                fit, Posterior.ofLogits config.Classes fit.Logits

        FitP =
            fun turn _ q phi ->
                let targets = drawn gmnn turn.Key q |> everywhere gmnn
                let stage = stage gmnn $"M-step %d{turn.Round}" turn.Key gmnn.Recipe.Fit (mix targets) targets
                let config = pConfig gmnn
                // The labels that p learns are the labels that it reads.
                use labels =
                    Scope.freeing Seq.singleton (fun () ->
                        torch.tensor(targets.Rows.ToArray()).reshape([| -1L; int64 config.Inputs |]).``to``
                            gmnn.Compute.Device)

                let fit = GraphTraining.toBest gmnn.Compute config stage gmnn.Graph (Dense labels) phi
                From fit, Posterior.ofLogits config.Classes fit.Logits
    }

    /// EM from a pre-trained q, a state per step.
    let em (gmnn: Gmnn) (key: Key) (theta: GraphFit, q: Posterior<FeatureGnn>) =
        let phi = pConfig gmnn |> initial (Key.named "p" key) |> Anew
        Em.startWithM (Key.named "em" key) theta phi q |> Em.run gmnn.Recipe.Rounds (fits gmnn)
