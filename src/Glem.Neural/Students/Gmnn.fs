namespace Glem

open System
open TorchSharp

/// Source of a posterior: GMNN's q, the graph network that reads the nodes' features.
[<Sealed; AbstractClass>]
type FeatureGnn = class end

/// Source of a posterior: GMNN's p, the graph network that reads the nodes' labels.
[<Sealed; AbstractClass>]
type LabelGnn = class end

/// What GMNN reads, and its settings. Owns the graph and the features.
type Gmnn = {
    Compute: Compute
    Graph: GraphTensors
    /// Bags of words : [n; d].
    Features: SparseFeatures
    /// q, on d features, and p, on c labels.
    Q: Gnn
    P: Gnn
    /// q's training on gold labels.
    Pretraining: FitRecipe
    /// A student's training in one round.
    Fit: FitRecipe
    /// How q's posterior becomes the labels that p reads and learns: Soft, Hard and Sampled are the authors' --draw exp,
    /// max and smp, their temperature is --tau. p always teaches softly at temperature 1.
    Draw: Softness
    /// A round is an M-step (p learns from q) and an E-step (q from p).
    Rounds: int
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
    let private stage (gmnn: Gmnn) name key recipe lesson : Stage = {
        Name = name
        Recipe = recipe
        Lesson = lesson
        Validation = gmnn.Validation
        Key = key
        Watch = gmnn.Watch name
    }

    let private posterior (gnn: Gnn) (fit: GraphFit) = Posterior.ofLogits gnn.Classes fit.Logits

    /// Every node with its gold label, or what the teacher says.
    let private targets (gmnn: Gmnn) softness turn (teacher: Posterior<'teacher>) =
        let teaching = {
            Pool = Pool.unlabelled gmnn.Supervision
            Filter = Everyone
            Sureness = Sureness.confidence
            Sampling = All
            Softness = [ softness ]
        }

        Teaching.targets teaching gmnn.Supervision turn teacher

    /// GMNN's objective, the mean over all nodes: each group weighs what its number does.
    let private lesson (fit: FitRecipe) (turn: Turn) (targets: Targets<'teacher>) =
        let share = float targets.PseudoPerEpoch / float targets.Count

        let objective = {
            Objective.goldOnly fit.LabelSmoothing with
                Mix = [ Mix.create "share of pseudo labels" share |> Result.orRaise ]
        }

        Lesson.ofTargets objective turn.Round targets

    let private initial key gnn =
        use generator = Generator.ofKey key
        Gnn.initial gnn generator

    let private fitQ (gmnn: Gmnn) (stage: Stage) start : GraphFit * Posterior<FeatureGnn> =
        let view = GraphView.all stage.Lesson (Sparse gmnn.Features)
        let fit = GraphTraining.toBest gmnn.Compute gmnn.Q stage gmnn.Graph view start
        fit, posterior gmnn.Q fit

    /// q on gold labels: the plain GCN, and EM's first q.
    let pretrain (gmnn: Gmnn) (key: Key) =
        let gold: Targets<LabelGnn> = Targets.goldOnly gmnn.Supervision
        let lesson = Lesson.ofTargets (Objective.goldOnly gmnn.Pretraining.LabelSmoothing) 1 gold
        let stage = stage gmnn "q on gold" (Key.named "pretrain" key) gmnn.Pretraining lesson
        initial (Key.named "q" key) gmnn.Q |> Anew |> fitQ gmnn stage

    /// EM's two steps.
    let fits (gmnn: Gmnn) : Fits<FeatureGnn, LabelGnn, GraphFit, GraphStart> = {
        FitQ =
            fun turn _ p theta ->
                let lesson = targets gmnn (Soft Temperature.one) turn p |> lesson gmnn.Fit turn
                fitQ gmnn (stage gmnn $"E-step %d{turn.Round}" turn.Key gmnn.Fit lesson) (From theta)

        FitP =
            fun turn _ q phi ->
                // One draw: the labels that p learns are the labels that it reads.
                let targets = targets gmnn gmnn.Draw turn q
                let stage = lesson gmnn.Fit turn targets |> stage gmnn $"M-step %d{turn.Round}" turn.Key gmnn.Fit

                use labels =
                    Scope.freeing Seq.singleton (fun () ->
                        torch.tensor(targets.Rows.ToArray()).reshape([| -1L; int64 gmnn.P.Classes |]).``to``
                            gmnn.Compute.Device)

                let view = GraphView.all stage.Lesson (Dense labels)
                let fit = GraphTraining.toBest gmnn.Compute gmnn.P stage gmnn.Graph view phi
                From fit, posterior gmnn.P fit
    }

    /// EM from a pre-trained q, a state per step.
    let em (gmnn: Gmnn) (key: Key) (theta: GraphFit, q: Posterior<FeatureGnn>) =
        let phi = initial (Key.named "p" key) gmnn.P |> Anew
        Em.startWithM (Key.named "em" key) theta phi q |> Em.run gmnn.Rounds (fits gmnn)
