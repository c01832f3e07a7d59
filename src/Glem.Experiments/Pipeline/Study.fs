namespace Glem

open System

/// Features that no language model made: Values : [n; Width] row-major.
type RawFeatures = { Values: float32[]; Width: int }

/// A language model, and what it says of every node.
type TrainedLm = LmFit * Posterior<Lm>

/// A graph model's weights, and what it says of every node.
type TrainedGnn = Weights * Posterior<Gnn>

/// A recipe met with a data set and a seed: everything that GLEM's stages read. Its functions are the method's stages.
type Study = {
    Recipe: Recipe
    /// What training sees of the data set.
    Dataset: Dataset
    Seed: int
    Compute: Compute
    LmSource: LmSource
    Tokenizer: Tokenizer
    Texts: TokenisedTexts
    Graph: GraphTensors
    Supervision: Supervision
    Validation: Validation
    /// The graph network for some inputs. A script may put one of its own in.
    Gnn: NodeInputs -> Gnn
    Lm: LanguageModel
    /// What labels move of it.
    Tuning: Tuning
    /// What its encoder makes of the texts, where the recipe freezes all of it.
    Frozen: FrozenEncoder option
    /// TF-IDF of the texts : [n; terms].
    Tfidf: Lazy<SparseRows>
    /// What makes few dense columns of texts.
    TextFeatures: Lazy<TextFeatures>
    /// The texts in these columns: what a GNN reads that reads no language model.
    Raw: Lazy<RawFeatures>
    /// Sees every training state of every stage.
    Watch: string -> TrainState -> unit
    /// What students answer for, where the recipe's protocol hides nodes from training.
    Everything: Everything option
} with

    interface IDisposable with
        member this.Dispose() =
            (this.Graph :> IDisposable).Dispose()
            this.Everything |> Option.iter (fun all -> (all.Study :> IDisposable).Dispose())

/// All nodes, with the tokenizer and the TF-IDF of those that train.
and Everything = {
    Study: Study
    /// Where the nodes that train stand among all, ascending : [m].
    Seen: int[]
    /// Where the others stand, ascending : [n - m].
    Unseen: int[]
    /// What a frozen encoder makes of their texts.
    UnseenFrozen: FrozenEncoder option
}

module Study =
    /// Most columns of the dense TF-IDF features.
    let private rawWidth = 256

    let private gnn (recipe: Recipe) (supervision: Supervision) inputs =
        GraphModel.ofRecipe recipe.Gnn inputs supervision.ClassCount |> GnnConfig.gnn

    /// Learns the tokenizer from the texts that training sees, encodes the texts (both once, see TokenStore), and lays out the graph. The caller owns
    /// the study.
    /// Error: a model that is not built yet, a protocol that removes nothing, too few edges to hold any out, a class without
    /// training node, no validation node, texts too few for a vocabulary.
    let prepare (compute: Compute) watch (recipe: Recipe) (dataset: Dataset) (seed: int) : Result<Study, GlemError> =
        try
            Recipe.runnable recipe |> Result.orRaise |> ignore
            let dataset = HeldOutLinks.withhold recipe.Links dataset |> Result.orRaise
            let exposure = Protocol.expose recipe.Protocol dataset |> Result.orRaise
            let seen = exposure.Training
            let supervision = Supervision.ofSplit seen.Labels seen.Split |> Result.orRaise
            Steps.ofRecipe recipe seen supervision |> Result.orRaise |> ignore
            let validation = Validation.ofSplit seen.Labels seen.Split |> Result.orRaise
            let store = TokenStore.standard ()
            let source = LmSource.ofRecipe store recipe.Lm seen.Graph.Texts |> Result.orRaise
            let words = lazy (Tfidf.fit seen.Graph.Texts)
            let tfidf (dataset: Dataset) = lazy (Tfidf.apply words.Value dataset.Graph.Texts)
            let seenTfidf = tfidf seen

            let textFeatures =
                lazy
                    ({
                        Words = words.Value
                        Projection = DenseFeatures.fit rawWidth seed seenTfidf.Value
                    })

            let raw (tfidf: Lazy<SparseRows>) =
                lazy
                    ({
                        Values = DenseFeatures.apply textFeatures.Value.Projection tfidf.Value
                        Width = textFeatures.Value.Width
                    })

            let lm = LmSource.model recipe.Lm supervision.ClassCount source
            let tuning = Tuning.ofRecipe recipe.Lm lm.Encoder |> Result.orRaise
            let texts = LmSource.encode store source seen.Graph.Texts
            let frozen texts = if tuning.Freeze.Encoder then Some(FrozenEncoder(compute, lm, texts)) else None

            let study = {
                Recipe = recipe
                Dataset = seen
                Seed = seed
                Compute = compute
                LmSource = source
                Tokenizer = source.Tokenizer
                Texts = texts
                Graph = GraphTensors.ofCsr compute.Device seen.Graph.Edges
                Supervision = supervision
                Validation = validation
                Gnn = gnn recipe supervision
                Lm = lm
                Tuning = tuning
                Frozen = frozen texts
                Tfidf = seenTfidf
                TextFeatures = textFeatures
                Raw = raw seenTfidf
                Watch = watch
                Everything = None
            }

            let all = exposure.Everything

            if exposure.Seen.Length = all.Graph.NodeCount then
                Ok study
            else
                let tfidf = tfidf all
                let texts = LmSource.encode store source all.Graph.Texts
                let unseen = Array.init all.Graph.NodeCount id |> Array.except exposure.Seen

                Ok {
                    study with
                        Everything =
                            Some {
                                Study = {
                                    study with
                                        Dataset = all
                                        Texts = texts
                                        Graph = GraphTensors.ofCsr compute.Device all.Graph.Edges
                                        Supervision = Supervision.ofSplit all.Labels all.Split |> Result.orRaise
                                        Validation = Validation.ofSplit all.Labels all.Split |> Result.orRaise
                                        Tfidf = tfidf
                                        Raw = raw tfidf
                                }
                                Seen = exposure.Seen
                                Unseen = unseen
                                UnseenFrozen = unseen |> Array.map (fun i -> texts[i]) |> frozen
                            }
                }
        with GlemException error ->
            Error error

    /// The study of every node that students answer for.
    let whole (study: Study) = study.Everything |> Option.map _.Study |> Option.defaultValue study

    let private key (study: Study) (purpose: string) = Key.ofSeed study.Seed |> Key.named purpose

    let private stage (study: Study) name key recipe lesson : Stage = {
        Name = name
        Recipe = recipe
        Lesson = lesson
        Validation = study.Validation
        Key = key
        Watch = study.Watch name
    }

    /// The encoder before any label: random or pre-trained weights, then the masked-language-model game on the data set's own texts.
    let pretrainEncoder (study: Study) : Weights =
        let recipe = study.Recipe.Mlm
        let key = key study "encoder"
        let encoder = LmSource.encoder key study.Lm study.LmSource

        if recipe.Fit.Epochs = 0.0 then
            encoder
        else
            let watch = study.Watch "masked-language model"

            MaskedLanguageModel.pretrain
                study.Compute
                study.Lm
                (MaskingVocabulary.ofTokenizer study.Tokenizer)
                recipe.Hidden
                recipe.Fit
                key
                watch
                study.Texts
                encoder

    let private goldLesson (study: Study) (recipe: FitRecipe) =
        let targets: Targets<Lm> = Targets.goldOnly study.Supervision
        Lesson.ofTargets (Objective.goldOnly recipe.LabelSmoothing) 1 targets

    /// The LM taught a stage's lesson.
    let private fitLm (study: Study) stage (start: Weights) =
        match study.Frozen with
        | Some frozen -> frozen.Fit(stage, start)
        | None -> LanguageModel.fitTuned study.Compute study.Lm study.Tuning stage study.Texts start

    /// What an LM says of texts.   frozen : of the same texts
    let readLm (study: Study) (frozen: FrozenEncoder option) texts (weights: Weights) =
        match frozen with
        | Some frozen -> frozen.Read weights
        | None -> LanguageModel.read study.Compute study.Lm texts weights

    /// The LM on gold labels: the ladder's "LM alone", and EM's first q. Where `lmFit.epochs` is 0, the encoder under a
    /// head that nothing has taught.
    let lmOnGold (study: Study) (encoder: Weights) : TrainedLm =
        let key = key study "lm"
        let start = LanguageModel.withNewHead key study.Lm encoder

        if study.Recipe.LmFit.Epochs = 0.0 then
            readLm study study.Frozen study.Texts start
        else
            let stage = stage study "LM on gold" key study.Recipe.LmFit (goldLesson study study.Recipe.LmFit)
            fitLm study stage start

    /// Who teaches how in the recipe's two steps. A script may put its own masks and functions in.
    let steps (study: Study) = Steps.ofRecipe study.Recipe study.Dataset study.Supervision |> Result.orRaise

    /// What the recipe's GNN reads, given an LM and what it says, softened as the M-step's pseudo labels are.
    let nodeInputs (study: Study) (steps: Steps) round (lm: LmFit) (q: Posterior<Lm>) : NodeInputs =
        let gnn, hidden = study.Recipe.Gnn, LanguageModel.width study.Lm

        let features =
            match gnn.Features with
            | Embeddings -> lm.Embeddings
            | PreviousEmbeddings -> lm.PreviousEmbeddings
            | Raw -> Vectors.ofArray study.Raw.Value.Width study.Raw.Value.Values
            | Both ->
                let raw = study.Raw.Value
                let nodes, row = study.Dataset.Graph.NodeCount, Array.zeroCreate (hidden + raw.Width)

                Vectors.build study.Compute.Memory nodes row.Length (fun write ->
                    for i in 0 .. nodes - 1 do
                        lm.Embeddings.Row(i).CopyTo(Span(row, 0, hidden))
                        Array.blit raw.Values (i * raw.Width) row hidden raw.Width
                        write i (ReadOnlyMemory row))

        let soften q =
            match PerRound.at round steps.M.Teaching.Softness with
            | Soft temperature
            | Sampled temperature -> Posterior.sharpen temperature q
            | Hard -> Posterior.harden q

        {
            Features = features
            Labels = LabelInput.rows gnn.LabelInput gnn.LabelFolds (key study "gnn") study.Supervision (soften q)
        }

    /// The recipe's consistency regularisation.
    let private consistency (study: Study) =
        study.Recipe.Gnn.Consistency |> Option.map (Consistency.ofRecipe study.Supervision)

    /// The graph model taught a stage's lesson, on the whole graph or on samples of it.
    let private fitGnn (study: Study) gnn stage inputs (start: Weights) =
        let consistency = consistency study

        match study.Recipe.Gnn.FanOuts with
        | None -> GraphModel.fitWith consistency study.Compute gnn stage study.Graph inputs start
        | Some fanOuts ->
            SampledTraining.fitWith consistency study.Compute gnn fanOuts stage study.Dataset.Graph.Edges inputs start

    /// What a graph model says of every node of a study.   inputs : of these nodes
    let readGnn (study: Study) gnn inputs (weights: Weights) : Posterior<Gnn> =
        match study.Recipe.Gnn.FanOuts with
        | None -> GraphModel.predict study.Compute gnn study.Graph inputs weights
        | Some _ -> LayerwiseInference.predict study.Compute gnn study.Dataset.Graph.Edges inputs weights

    /// The GNN on gold labels and some inputs; stage after stage where the recipe says so, each from new weights. Answers what
    /// the last one read, and the last one.
    ///   purpose : tells this training's randomness from other trainings'
    let gnnOnGold (study: Study) name (purpose: string) (inputs: NodeInputs) : NodeInputs * TrainedGnn =
        let recipe = study.Recipe.GnnFit

        let train name key lesson inputs =
            let gnn = study.Gnn inputs
            GraphModel.initial key gnn |> fitGnn study gnn (stage study name key recipe lesson) inputs

        let key = key study purpose
        let first = inputs, train name key (goldLesson study recipe) inputs

        match study.Recipe.Gnn.ReliableLabels with
        | None -> first
        | Some reliable ->
            let train number = train $"%s{name}, stage %d{number}" (key |> Key.named "stage" |> Key.at number)

            ReliableLabels.stages reliable recipe.LabelSmoothing study.Supervision train first

    /// The GNN on gold labels and what the frozen LM offers, and what it read at last.
    let staticGnn (study: Study) (lm: LmFit, q: Posterior<Lm>) : NodeInputs * TrainedGnn =
        nodeInputs study (steps study) 1 lm q |> gnnOnGold study "GNN on embeddings" "gnn"

    /// The GNN on gold labels and what the frozen LM offers: the ladder's "static two-stage", and EM's first p.
    let gnnOnEmbeddings (study: Study) lm : TrainedGnn = staticGnn study lm |> snd

    /// Features that no language model made, and nothing else.
    let featureInputs (features: RawFeatures) : NodeInputs = {
        Features = Vectors.ofArray features.Width features.Values
        Labels = None
    }

    /// The GNN on features that no language model made: the ladder's "GCN on TF-IDF".
    let gnnOnFeatures (study: Study) (features: RawFeatures) : TrainedGnn =
        featureInputs features |> gnnOnGold study "GNN on TF-IDF" "gnn-raw" |> snd

    /// What a step teaches: its teacher's rows, and the lesson's targets.
    let private lecture (study: Study) (step: Step) (turn: Turn) own other =
        let teacher = Teacher.says step.Teacher turn.Key step.Teaching.Pool own other
        teacher, Teaching.targets step.Teaching study.Supervision turn teacher

    /// The nodes that get pseudo labels in a step, and the teacher that they get them from.
    ///   own : what the taught student says before the step   other : what the other one says
    let taught (study: Study) (step: Step) turn (own: Posterior<'own>) (other: Posterior<'other>) =
        let teacher, targets = lecture study step turn own other
        targets.Nodes |> Array.filter (fun i -> study.Supervision.Gold(i).IsNone), teacher

    let private lesson (study: Study) (step: Step) turn own other =
        lecture study step turn own other |> snd |> Lesson.ofTargets step.Objective turn.Round

    /// EM's two steps. Each student starts from where its recipe says: the unsupervised encoder, its gold-trained self,
    /// or the previous round.
    let fits
        (study: Study)
        (steps: Steps)
        (encoder: Weights)
        (pretrainedLm: LmFit)
        (pretrainedGnn: Weights)
        : Fits<Lm, Gnn, TrainedLm, TrainedGnn> =
        let eStep, mStep = study.Recipe.EStep, study.Recipe.MStep

        {
            FitQ =
                fun (turn: Turn) _ p (theta, q) ->
                    let lesson = lesson study steps.E turn q p
                    let stage = stage study $"E-step %d{turn.Round}" turn.Key eStep.Fit lesson

                    let start =
                        match eStep.Start with
                        | Scratch -> LanguageModel.withNewHead turn.Key study.Lm encoder
                        | Pretrained -> pretrainedLm.Weights
                        | Previous -> theta.Weights

                    let fit, q = fitLm study stage start

                    let fit = {
                        fit with
                            PreviousEmbeddings = theta.Embeddings
                    }

                    (fit, q), q

            FitP =
                fun (turn: Turn) (theta, _) q (phi, p) ->
                    let lesson = lesson study steps.M turn p q
                    let stage = stage study $"M-step %d{turn.Round}" turn.Key mStep.Fit lesson

                    let inputs = nodeInputs study steps turn.Round theta q
                    let gnn = study.Gnn inputs

                    let start =
                        match mStep.Start with
                        | Scratch -> GraphModel.initial turn.Key gnn
                        | Pretrained -> pretrainedGnn
                        | Previous -> phi

                    let phi, p = fitGnn study gnn stage inputs start
                    (phi, p), p
        }

    let private stopRule (recipe: Recipe) = {
        Rounds = recipe.Rounds
        Epsilon = recipe.Convergence.Epsilon
        Patience = recipe.Convergence.Patience
    }

    /// The state that EM starts from: two students trained on gold labels.
    let start (study: Study) (lm: TrainedLm) (gnn: TrainedGnn) =
        let key = key study "em"

        match study.Recipe.Order with
        | LmFirst -> Em.startWithE key lm gnn (snd gnn)
        | GnnFirst -> Em.startWithM key lm gnn (snd lm)

    /// EM from the two students trained on gold labels, a state per step, with fits of the caller's own.
    let emBy (fits: Fits<Lm, Gnn, TrainedLm, TrainedGnn>) (study: Study) lm gnn =
        start study lm gnn
        |> Convergence.start study.Validation
        |> Convergence.run (stopRule study.Recipe) study.Validation fits
        |> Seq.map _.State

    /// The same with steps of the caller's own.
    let emWith (steps: Steps) (study: Study) (encoder: Weights) (lm: TrainedLm) (gnn: TrainedGnn) =
        emBy (fits study steps encoder (fst lm) (fst gnn)) study lm gnn

    /// The same as the recipe says.
    let em (study: Study) encoder lm gnn = emWith (steps study) study encoder lm gnn
