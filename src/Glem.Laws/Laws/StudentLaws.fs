namespace Glem.Laws

open System
open FsCheck.FSharp
open Glem

/// What the neural students keep to in training.
module StudentLaws =
    // Small graphs, on which a network is trained in milliseconds.
    let private problems = Problem.upTo 3 12

    let private on about cost domain law = [
        {
            Instance = about
            Try = Law.tryOn cost domain law
        }
    ]

    let private goldLesson (scene: Scene) : Lesson =
        let targets: Targets<Lm> = Targets.goldOnly (Scene.supervision scene)
        Lesson.ofTargets (Objective.goldOnly 0.0) 1 targets

    let private key (problem: Problem) = Key.ofSeed problem.Setting.Seed

    /// A graph model on a scene's features and the gold labels.
    let private trainGcn recipe watch lesson (problem: Problem) inputs =
        let config = Networks.gcn (inputs: NodeInputs).Columns 0.2 problem.Scene
        let stage = Networks.stage "the law's stage" (key problem) recipe watch problem.Scene lesson

        GraphModel.initial (key problem) (Gcn.gnn config)
        |> Networks.fitGcn config stage problem.Scene inputs

    /// A language model on a scene's texts and the gold labels.
    let private trainLm recipe watch lesson (problem: Problem) =
        let model = Networks.lm 0.2 problem.Scene
        let stage = Networks.stage "the law's stage" (key problem) recipe watch problem.Scene lesson

        let start =
            LanguageModel.initialEncoder (key problem) model |> LanguageModel.withNewHead (key problem) model

        let fit, q = Networks.fitLm model stage problem.Scene start
        fit.Weights, q

    let private values (weights: Weights) = [ for name in Seq.sort weights.Keys -> name, weights[name].Values ]

    // Constant rate, so that a shorter training is the beginning of a longer one.
    let private steady steps evaluations = {
        Networks.recipe true with
            Batch = 0
            Epochs = float steps
            EvaluationsPerEpoch = evaluations
            Optimiser = {
                (Networks.recipe true).Optimiser with
                    Decay = false
            }
    }

    let private students = [
        "GNN",
        2,
        fun recipe watch problem ->
            trainGcn recipe watch (goldLesson problem.Scene) problem (Networks.features problem.Scene)
            |> fun (weights, p) -> values weights, p.Rows.ToArray()
        "LM",
        4,
        fun recipe watch problem ->
            trainLm recipe watch (goldLesson problem.Scene) problem
            |> fun (weights, q) -> values weights, q.Rows.ToArray()
    ]

    let private eachStudent law = [
        for name, cost, train in students do
            yield! on name cost problems (law train)
    ]

    let private onlyTheCheckpoint = {
        Name = "validation labels choose among a student's checkpoints and change none of them"
        Statement =
            "under other validation labels every step has the same loss, and the answer is one of the same checkpoints"
        Source = "checkpoints are chosen on validation; nothing else is"
        Guards = "validation nodes in the loss; a schedule or a stop that reads their scores"
        Mutation = "training that goes back to the best checkpoint after a worse one"
        Cases =
            eachStudent (fun train problem ->
                let steps = 5

                let losses problem =
                    let seen = ResizeArray()
                    let answer = train (steady steps 1.0) (fun state -> seen.Add state.Loss) problem
                    List.ofSeq seen, answer

                let original, _ = losses problem
                let permuted, (chosen, _) = losses (Problem.mapScene (Scene.relabel [ Valid ]) problem)
                // Evaluated at its end alone, a training of k steps answers the checkpoint after step k.
                let checkpoints = [ for k in 1..steps -> train (steady k 0.01) ignore problem |> fst ]
                original = permuted && List.contains chosen checkpoints)
    }

    let private bestOfAlphaZero = {
        Name = "a student keeps the checkpoint that is best on gold validation labels, at alpha = 0 too"
        Statement =
            "the answer's validation accuracy and NLL are the best that an evaluation found: (accuracy, -NLL) is maximal"
        Source = "official quirk: at alpha = 0 its validation loss is alpha * CE = 0, and the first checkpoint stays"
        Guards = "selection on the training mixture"
        Mutation = "the first checkpoint kept"
        Cases =
            eachStudent (fun train problem ->
                let evaluations = ResizeArray<Scores>()

                let _, rows =
                    train (steady 6 1.0) (fun state -> state.Validation |> Option.iter evaluations.Add) problem

                let posterior: Posterior<Lm> = Posterior.ofRows problem.Scene.ClassCount rows |> Result.orRaise
                let scores = Predictions.onValidation (Scene.validation problem.Scene) posterior |> Metrics.scores

                let isWorse (other: Scores) =
                    other.Accuracy < scores.Accuracy + 1e-9
                    && (other.Accuracy < scores.Accuracy - 1e-9 || other.Nll >= scores.Nll - 1e-4)

                evaluations.Count = 6 && Seq.forall isWorse evaluations)
    }

    let private seeds = {
        Name = "a student's key decides its first weights, its dropout and its batches"
        Statement = "seed <> seed': the weights differ before and after training; seed = seed': they do not"
        Source = "against the official code: Trainer's seed is always 42, the head's always 0"
        Guards = "ten runs that share one initialisation"
        Mutation = "initial weights from seed 0"
        Cases =
            eachStudent (fun train problem ->
                // Pre-training alone: no step of the engine hands it a key.
                let next = Problem.mapSetting (fun setting -> { setting with Seed = setting.Seed + 1 }) problem

                let frozen = {
                    steady 1 1.0 with
                        Optimiser = {
                            (steady 1 1.0).Optimiser with
                                LearningRate = 1e-12
                                WeightDecay = 0.0
                        }
                }

                let weights recipe problem = train recipe ignore problem |> fst

                let matrices =
                    List.filter (fun (name: string, _) ->
                        name.EndsWith ".weight" && not (name.Contains "orm") && not (name.StartsWith "bn."))

                weights (steady 2 1.0) problem = weights (steady 2 1.0) problem
                && weights (steady 2 1.0) problem <> weights (steady 2 1.0) next
                && List.forall2 (<>) (weights frozen problem |> matrices) (weights frozen next |> matrices))
    }

    let private nanInFeatures = {
        Name = "a NaN in a feature stops the graph model with its stage's name"
        Statement = "x_nd = NaN: an error that names the stage and the step, or the node; never a posterior"
        Source = "against the official nan0"
        Guards = "one bad embedding that a sum or a ReLU swallows"
        Mutation = "the checks of rows and losses taken out"
        Cases =
            on "GNN" 2 (problems |> Scene.beside (Gen.choose (0, 1000000))) (fun (problem, seed) ->
                let inputs = Networks.features problem.Scene
                let features = inputs.Features.ToArray()
                features[seed % features.Length] <- nanf

                try
                    trainGcn (steady 2 1.0) ignore (goldLesson problem.Scene) problem {
                        inputs with
                            Features = Vectors.ofArray inputs.Width features
                    }
                    |> ignore

                    false
                with GlemException error ->
                    let message = GlemError.message error
                    message.Contains "the law's stage at step" || message.Contains "node ")
    }

    let private labelled kind folds (problem: Problem) : NodeInputs = {
        Networks.features problem.Scene with
            Labels =
                LabelInput.rows kind folds (key problem) (Scene.supervision problem.Scene) (Scene.teacher problem.Scene)
    }

    let private kinds =
        Gen.zip3 (Gen.elements [ GoldAndTeacher; TeacherOnly; GoldOnly ]) (Gen.choose (2, 4)) (Gen.choose (0, 1000000))

    /// The inputs with another label row for one node.
    let private withOtherRow (i: int) (inputs: NodeInputs) =
        match inputs.Labels with
        | None -> inputs
        | Some labels ->
            let rows = Array.copy labels.Rows

            for k in 0 .. labels.Classes - 1 do
                rows[i * labels.Classes + k] <- 3f - rows[i * labels.Classes + k] + float32 k

            {
                inputs with
                    Labels = Some { labels with Rows = rows }
            }

    let private ownLabelInPrediction = {
        Name = "in prediction a node's own label input does not reach its own logits"
        Statement =
            "d logit_n / d y_n = 0, finitely: any other row y_n leaves p_n as it is, bit for bit, and some other node's not"
        Source = "Zhao et al. 2023, equation 6: p(y_n | y_{L \\ n}); Shi et al. 2021 (UniMP)"
        Guards = "the official label_input = T: each training node reads its own label"
        Mutation = "prediction in one pass with every label visible"
        Cases =
            on "GNN with label inputs" 2 (problems |> Scene.beside kinds) (fun (problem, (kind, folds, seed)) ->
                let inputs = labelled kind folds problem
                let config = Networks.gcn inputs.Columns 0.0 problem.Scene
                let weights = GraphModel.initial (key problem) (Gcn.gnn config)
                let say inputs = Networks.predictGcn config problem.Scene inputs weights
                let i = seed % problem.Scene.NodeCount
                let before, after = say inputs, say (withOtherRow i inputs)

                before.Logits.Slice(i * config.Classes, config.Classes).ToArray() =
                    after.Logits.Slice(i * config.Classes, config.Classes).ToArray())
    }

    let private ownLabelInTraining = {
        Name = "in training a node's own label input does not teach the model that node"
        Statement =
            "d loss_n / d y_n = 0, finitely: trained on node n alone, any other row y_n gives the same weights, bit for bit"
        Source = "Zhao et al. 2023, equation 6: p(y_n | y_{L \\ n}); Shi et al. 2021 (UniMP)"
        Guards = "a model that learns to copy a label that prediction will not show it"
        Mutation = "training with every label visible"
        Cases =
            on "GNN with label inputs" 2 (problems |> Scene.beside kinds) (fun (problem, (kind, folds, seed)) ->
                let gold = goldLesson problem.Scene
                let at = seed % gold.Count

                let alone = {
                    gold with
                        Nodes = [| gold.Nodes[at] |]
                        IsGold = [| true |]
                        Targets = Array.sub gold.Targets (at * gold.Classes) gold.Classes
                        Weights = [| 1f |]
                        Epoch = fun _ -> [| 0 |]
                }

                let inputs = labelled kind folds problem
                let train inputs = trainGcn (steady 3 0.01) ignore alone problem inputs |> fst |> values
                train inputs = train (withOtherRow (int gold.Nodes[at]) inputs))
    }

    let private tensorLoss = {
        Name = "what a student minimises is the objective: the tensor loss of a batch is its share of the loss"
        Statement = "loss(B) = m/b sum over B of weight * divergence, m what an epoch teaches, for every setting"
        Source = "Zhao et al. 2023, equations 5 and 6; Objective.batchLoss is the oracle"
        Guards = "tensor code that drifts from the definition: a clamp, a mean instead of a sum, a mask too many"
        Mutation = "the batch's sum without the factor m/b"
        Cases =
            on "lessons" 1 (Problem.upTo 5 40 |> Scene.beside (Gen.choose (0, 1000000))) (fun (problem, seed) ->
                let objective = Problem.eObjective problem

                let turn: Turn = {
                    Round = 1
                    Key = key problem
                    SideKey = key problem
                }

                let student = Scene.student problem.Scene

                let targets =
                    Teaching.targets
                        (Problem.teaching problem)
                        (Scene.supervision problem.Scene)
                        turn
                        (Scene.teacher problem.Scene)
                    |> Targets.weighing objective.Mix.Head

                let lesson = Lesson.ofTargets objective 1 targets
                let rows = Key.shuffle (Key.ofSeed seed) [| 0 .. lesson.Count - 1 |] |> Array.truncate (1 + seed % 8)
                let weights = Objective.nodeWeights objective.Reduction objective.Mix.Head targets

                let expected =
                    Objective.batchLoss
                        objective.Divergence
                        weights
                        (Objective.trainingRows Smoothing.none targets)
                        targets
                        student
                        rows

                let scale = float lesson.PerEpoch / float rows.Length
                // 1e-4: float32 sums.
                Law.close 1e-4 (scale * expected) (Networks.loss lesson rows (student.Logits.ToArray())))
    }

    let private noGradient = {
        Name = "in a training pass no gradient runs from a taught node's logits to its own label input"
        Statement =
            "d logit_nk / d y_n = 0 for every n that the step learns from and every k, by automatic differentiation"
        Source = "Zhao et al. 2023, equation 6: p(y_n | y_{L \\ n}); Shi et al. 2021 (UniMP)"
        Guards = "a label that comes back to its node over a self-loop or a neighbour"
        Mutation = "the mask on label inputs ignored"
        Cases =
            on "GNN with label inputs" 2 (problems |> Scene.beside kinds) (fun (problem, (kind, folds, seed)) ->
                let inputs = labelled kind folds problem
                let config = Networks.gcn inputs.Columns 0.2 problem.Scene
                let weights = GraphModel.initial (key problem) (Gcn.gnn config)

                let stage =
                    Networks.stage "" (key problem) (steady 1 1.0) ignore problem.Scene (goldLesson problem.Scene)

                Networks.labelGradients config stage problem.Scene inputs weights (seed % 5)
                |> List.forall (fun (node, gradient) ->
                    let c = config.Classes
                    Array.sub gradient (node * c) c |> Array.forall (fun g -> g = 0f)))
    }

    let private othersLabels = {
        Name = "other nodes' label inputs do reach a node"
        Statement = "where n has a neighbour m, d logit_n / d y_m <> 0 in some pass"
        Source = "Zhao et al. 2023, equation 6: p(y_n | y_{L \\ n}, y_U)"
        Guards = "label inputs that are hidden from everybody, under which the two laws above hold of nothing"
        Mutation = "every label hidden in prediction"
        Cases =
            on "GNN with label inputs" 4 (problems |> Scene.beside kinds) (fun (problem, (kind, _, _)) ->
                // A star whose centre reads all: with as many folds as this, some leaf is in another fold than the centre.
                let n = problem.Scene.NodeCount

                let star =
                    Problem.mapScene
                        (fun scene -> {
                            scene with
                                Pairs = [| for leaf in 1 .. n - 1 -> 0, leaf |]
                        })
                        problem

                let inputs = labelled kind 64 star
                let config = Networks.gcn inputs.Columns 0.0 star.Scene
                let weights = GraphModel.initial (key problem) (Gcn.gnn config)
                let say inputs = (Networks.predictGcn config star.Scene inputs weights).Logits.ToArray()
                let changed = [ 1 .. n - 1 ] |> List.fold (fun inputs leaf -> withOtherRow leaf inputs) inputs
                say inputs <> say changed)
    }

    let private whatIsRead = {
        Name = "label inputs are what their kind says"
        Statement = "gold+teacher: e_{y_n} on L, p_n on U; teacher: p_n; gold: e_{y_n} on L, 0 on U; off: nothing"
        Source = "official code, label_input; Shi et al. 2021 (UniMP)"
        Guards = "inputs that are certain in training and unsure in prediction, unasked"
        Mutation = "the teacher's row on training nodes"
        Cases =
            Law.on "label inputs" Scene.domain (fun scene ->
                let supervision, teacher = Scene.supervision scene, Scene.teacher scene

                let rows kind =
                    LabelInput.rows kind 2 (Key.ofSeed 1) supervision teacher
                    |> Option.map (fun labels -> Array.chunkBySize scene.ClassCount labels.Rows)

                let says i = teacher.Row(i * 1<node>).ToArray()

                let gold i =
                    match supervision.Gold(i * 1<node>) with
                    | ValueSome k -> Some(Array.init scene.ClassCount (fun j -> if j = int k then 1f else 0f))
                    | ValueNone -> None

                let every row = Array.init scene.NodeCount row |> Some
                let zeros = Array.zeroCreate<float32> scene.ClassCount

                rows Off = None
                && rows TeacherOnly = every says
                && rows GoldAndTeacher = every (fun i -> gold i |> Option.defaultWith (fun () -> says i))
                && rows GoldOnly = every (fun i -> gold i |> Option.defaultValue zeros))
    }

    let private maskedLanguageModel = {
        Name = "masked-language-model pre-training has its own seed, and the same one gives the same bits"
        Statement =
            "encoder(seed) = encoder(seed) and differs from encoder(seed + 1), weights that are no embedding of an unseen token"
        Source = "Devlin et al. 2019; randomness is a key (src/Glem.Model/Key.fs)"
        Guards = "a stage before EM that ignores the seed"
        Mutation = "hidden tokens and dropout from seed 0"
        Cases =
            on "LM" 4 problems (fun problem ->
                let model = Networks.lm 0.2 problem.Scene

                let vocabulary: MaskingVocabulary = {
                    Mask = 4
                    Special = Set [ 0..4 ]
                    Size = (Encoder.shape model.Encoder).VocabularySize
                }

                let play initialSeed seed =
                    LanguageModel.initialEncoder (Key.ofSeed initialSeed) model
                    |> Networks.pretrain model vocabulary (steady 2 1.0) (Key.ofSeed seed) problem.Scene
                    |> values

                let seed = problem.Setting.Seed
                play seed seed = play seed seed && play seed seed <> play seed (seed + 1))
    }

    let chapter = {
        Title = "The students"
        Laws = [
            tensorLoss
            onlyTheCheckpoint
            bestOfAlphaZero
            seeds
            maskedLanguageModel
            nanInFeatures
            whatIsRead
            ownLabelInPrediction
            ownLabelInTraining
            noGradient
            othersLabels
        ]
    }
