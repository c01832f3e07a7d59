namespace Glem

open System

/// A recipe met with a data set and a seed: everything that GLEM's stages read. Its functions are the method's stages.
type Study = {
    Recipe: Recipe
    Dataset: Dataset
    Seed: int
    Compute: Compute
    Tokenizer: Tokenizer
    Texts: TokenisedTexts
    Graph: Propagation
    Supervision: Supervision
    Validation: Validation
    Lm: LanguageModel
    /// Sees every training state of every stage.
    Watch: string -> TrainState -> unit
} with

    interface IDisposable with
        member this.Dispose() = (this.Graph :> IDisposable).Dispose()

module Study =
    /// Trains the tokenizer on the texts, encodes them, and lays out the graph. The caller owns the study.
    /// Error: a class without training node, no validation node, texts too few for a vocabulary.
    let prepare (compute: Compute) watch (recipe: Recipe) (dataset: Dataset) (seed: int) : Result<Study, GlemError> =
        let training = {
            WordPieceTrainer.defaults with
                VocabularySize = recipe.Lm.Vocabulary
        }

        match
            Supervision.ofSplit dataset.Labels dataset.Split,
            Validation.ofSplit dataset.Labels dataset.Split,
            WordPieceTrainer.train training dataset.Graph.Texts
        with
        | Error error, _, _
        | _, Error error, _
        | _, _, Error error -> Error error
        | Ok supervision, Ok validation, Ok tokenizer ->
            let packed = Tokenizer.encodeAll tokenizer recipe.Lm.MaxTokens dataset.Graph.Texts

            Ok {
                Recipe = recipe
                Dataset = dataset
                Seed = seed
                Compute = compute
                Tokenizer = tokenizer
                Texts = Array.init packed.Count packed.Text
                Graph = Propagation.symmetric compute.Device dataset.Graph.Edges
                Supervision = supervision
                Validation = validation
                Lm =
                    LanguageModel.ofRecipe
                        recipe.Lm
                        tokenizer.VocabularySize
                        tokenizer.Specials.Mask
                        supervision.ClassCount
                Watch = watch
            }

    let private key (study: Study) (purpose: string) = Key.ofSeed study.Seed |> Key.named purpose

    let private stage (study: Study) name key recipe mix (targets: Targets<'teacher>) : Stage = {
        Name = name
        Recipe = recipe
        Lesson = Lesson.ofTargets study.Recipe.Reduction mix recipe.LabelSmoothing targets
        Validation = study.Validation
        Key = key
        Watch = study.Watch name
    }

    /// The encoder before any label: random weights, then the masked-language-model game on the data set's own texts.
    let pretrainEncoder (study: Study) : Weights =
        let recipe = study.Recipe.Mlm
        let key = key study "encoder"
        let encoder = LanguageModel.initialEncoder key study.Lm

        if recipe.Fit.Epochs = 0.0 then
            encoder
        else
            let specials = study.Tokenizer.Specials

            let vocabulary = {
                Mask = specials.Mask
                Special = Set [ specials.Pad; specials.Unknown; specials.Cls; specials.Sep; specials.Mask ]
                Size = study.Tokenizer.VocabularySize
            }

            let watch = study.Watch "masked-language model"

            MaskedLanguageModel.pretrain
                study.Compute
                study.Lm
                vocabulary
                recipe.Hidden
                recipe.Fit
                key
                watch
                study.Texts
                encoder

    /// The LM on gold labels: the ladder's "LM alone", and EM's first q.
    let lmOnGold (study: Study) (encoder: Weights) : LmFit * Posterior<Lm> =
        let key = key study "lm"

        let stage =
            stage
                study
                "LM on gold"
                key
                study.Recipe.LmFit
                Mix.goldOnly
                (Targets.goldOnly study.Supervision: Targets<Lm>)

        encoder
        |> LanguageModel.withNewHead key study.Lm
        |> LanguageModel.fit study.Compute study.Lm stage study.Texts

    let private gnnOnGold study name key (width: int) (features: float32[]) =
        let config = GraphModel.ofRecipe study.Recipe.Gnn width study.Supervision.ClassCount

        let stage =
            stage study name key study.Recipe.GnnFit Mix.goldOnly (Targets.goldOnly study.Supervision: Targets<Gnn>)

        GraphModel.initial key config |> GraphModel.fit study.Compute config stage study.Graph features

    /// The GNN on the frozen LM's embeddings and gold labels: the ladder's "static two-stage", and EM's first p.
    let gnnOnEmbeddings (study: Study) (lm: LmFit) : Weights * Posterior<Gnn> =
        gnnOnGold study "GNN on embeddings" (key study "gnn") study.Recipe.Lm.Hidden lm.Embeddings

    /// The GNN on features that no language model made: the ladder's "GCN on TF-IDF".   features : [n; width] row-major
    let gnnOnFeatures (study: Study) (width: int) (features: float32[]) : Weights * Posterior<Gnn> =
        gnnOnGold study "GNN on TF-IDF" (key study "gnn-raw") width features

    let private teaching (step: StepRecipe) name =
        match
            Temperature.create $"%s{name}.temperature" step.Temperature,
            Fraction.create $"%s{name}.topFraction" step.TopFraction,
            Mix.create $"%s{name}.pseudoWeight" step.PseudoWeight
        with
        | Ok temperature, Ok fraction, Ok mix ->
            {
                Softness = Soft temperature
                TopFraction = fraction
            },
            mix
        | Error error, _, _
        | _, Error error, _
        | _, _, Error error -> raise (GlemException error)

    /// EM's two steps. Each student starts from where its recipe says: the unsupervised encoder, its gold-trained self,
    /// or the previous round.
    let fits
        (study: Study)
        (encoder: Weights)
        (pretrainedLm: LmFit)
        (pretrainedGnn: Weights)
        : Fits<Lm, Gnn, LmFit, Weights> =
        let eStep, mStep = study.Recipe.EStep, study.Recipe.MStep

        {
            FitQ =
                fun turn p theta ->
                    let teaching, alpha = teaching eStep "eStep"
                    let targets = Teaching.targets teaching study.Supervision p
                    let stage = stage study $"E-step %d{turn.Round}" turn.Key eStep.Fit alpha targets

                    let start =
                        match eStep.Start with
                        | Scratch -> LanguageModel.withNewHead turn.Key study.Lm encoder
                        | Pretrained -> pretrainedLm.Weights
                        | Previous -> theta.Weights

                    LanguageModel.fit study.Compute study.Lm stage study.Texts start

            FitP =
                fun turn theta q phi ->
                    let teaching, beta = teaching mStep "mStep"
                    let targets = Teaching.targets teaching study.Supervision q
                    let stage = stage study $"M-step %d{turn.Round}" turn.Key mStep.Fit beta targets

                    let config =
                        GraphModel.ofRecipe study.Recipe.Gnn study.Recipe.Lm.Hidden study.Supervision.ClassCount

                    let start =
                        match mStep.Start with
                        | Scratch -> GraphModel.initial turn.Key config
                        | Pretrained -> pretrainedGnn
                        | Previous -> phi

                    GraphModel.fit study.Compute config stage study.Graph theta.Embeddings start
        }

    /// EM from the two students trained on gold labels, a state per step.
    let em (study: Study) (encoder: Weights) (lm: LmFit, q: Posterior<Lm>) (gnn: Weights, p: Posterior<Gnn>) =
        let key = key study "em"

        match study.Recipe.Order with
        | LmFirst -> Em.startWithE key lm gnn p
        | GnnFirst -> Em.startWithM key lm gnn q
        |> Em.run study.Recipe.Rounds (fits study encoder lm gnn)
