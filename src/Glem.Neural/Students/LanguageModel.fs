namespace Glem

open System
open System.Collections.Generic
open TorchSharp
open Glem.Torch.Extensions

/// A language model's whole shape: encoder, pooling, projection and head; and how it is trained.
type LanguageModel = {
    Encoder: Encoder
    /// What the head classifies.
    Pooling: Pooling
    /// What the GNN reads.
    Embedding: Pooling
    /// Columns that a linear layer makes of either pooled vector; 0 where there is none.
    Projection: int
    HeadDropout: float
    TokenDropout: float
    /// Id of [MASK], which stands for a dropped token.
    MaskId: int
    Classes: int
    /// Whether training runs every layer twice and keeps its result alone: the same bits in less memory. Not saved.
    GradientCheckpointing: bool
}

/// What a trained language model says of every node: theta's value in EM.
type LmFit = {
    Weights: Weights
    /// Pooled vectors, projected where the model projects, before dropout and head : [n; width]. The GNN's input.
    Embeddings: Vectors
    /// The embeddings of the round before; in round 0 the same.
    PreviousEmbeddings: Vectors
}

/// GLEM's language model: encoder -> pooled vector [-> projection] -> dropout -> linear (Zhao et al. 2023, section 4.1;
/// official BertClassifier). It sees a node's own text and nothing else, which is what makes structure-free inference
/// possible.
module LanguageModel =
    /// Texts per batch in inference.
    let private inferenceBatch = 64

    /// The recipe's head on an encoder that somebody trained, with the recipe's dropout in it.
    let onEncoder (recipe: LmRecipe) (encoder: Encoder) (maskId: int) (classes: int) = {
        Encoder = Encoder.withDropout recipe.Dropout recipe.AttentionDropout encoder
        Pooling = recipe.Pooling
        Embedding = recipe.Embedding
        Projection = recipe.Projection
        HeadDropout = recipe.HeadDropout
        TokenDropout = recipe.TokenDropout
        MaskId = maskId
        Classes = classes
        GradientCheckpointing = recipe.GradientCheckpointing
    }

    /// The recipe's own BERT, which starts from random weights.
    let ofRecipe (recipe: LmRecipe) (vocabulary: int) (maskId: int) (classes: int) =
        let shape = {
            VocabularySize = vocabulary
            Hidden = recipe.Hidden
            Layers = recipe.Layers
            Heads = recipe.Heads
            Intermediate = recipe.Intermediate
            Positions = recipe.MaxTokens
            TokenTypes = 2
            Activation = Gelu
            HiddenDropout = recipe.Dropout
            AttentionDropout = recipe.AttentionDropout
            LayerNormEpsilon = 1e-12
            InitializerRange = 0.02
        }

        onEncoder recipe (Encoder.Bert shape) maskId classes

    /// Columns of the embeddings, and of what the head reads.
    let width (model: LanguageModel) =
        if model.Projection > 0 then
            model.Projection
        else
            (Encoder.shape model.Encoder).Hidden

    /// How the model uses its weight of a name.
    let role (model: LanguageModel) : string -> Role =
        let encoder, prefix = Encoder.role model.Encoder, Encoder.prefix model.Encoder

        fun name ->
            if name.StartsWith prefix then
                encoder (name.Substring prefix.Length)
            else
                Trains

    /// Random encoder weights, named as in Hugging Face's classifier of the family: "bert." before BertModel's names.
    let initialEncoder (key: Key) (model: LanguageModel) : Weights =
        use generator = Generator.ofKey (Key.named "encoder" key)

        let prefix = Encoder.prefix model.Encoder

        Encoder.initial model.Encoder generator
        |> Seq.map (fun pair -> KeyValuePair(prefix + pair.Key, pair.Value))
        |> Dictionary
        :> Weights

    /// The projection's name.
    let internal projection = "projection"

    /// The encoder's weights with a fresh head on them, and a fresh projection where the model has one.
    let withNewHead (key: Key) (model: LanguageModel) (encoder: Weights) : Weights =
        use _ = torch.NewDisposeScope()
        use generator = Generator.ofKey (Key.named "head" key)

        let prefix, encoderShape = Encoder.prefix model.Encoder, Encoder.shape model.Encoder
        let isEncoder (pair: KeyValuePair<string, Weight>) = pair.Key.StartsWith prefix
        let weights = encoder |> Seq.filter isEncoder |> Dictionary

        let addLinear name (outputs: int) (inputs: int) =
            let matrix = torch.randn ([| int64 outputs; int64 inputs |], generator = generator)
            weights[$"%s{name}.weight"] <- Weight.ofTensor (matrix * encoderShape.InitializerRange)
            weights[$"%s{name}.bias"] <- Weight.ofTensor (torch.zeros [| int64 outputs |])

        if model.Projection > 0 then
            addLinear projection model.Projection encoderShape.Hidden

        addLinear (Encoder.head model.Encoder) model.Classes (width model)
        weights

    /// A forward pass of the encoder, and where it trains its backward pass.
    let pass (compute: Compute) (model: LanguageModel) (tuning: Tuning) (p: Parameters) mode =
        Pass(
            p,
            Encoder.prefix model.Encoder,
            compute.Dtype,
            mode,
            ignore,
            ?lora = tuning.Lora,
            recomputes = model.GradientCheckpointing
        )

    let private tunedStates compute model tuning p mode batch =
        Encoder.forward model.Encoder (pass compute model tuning p mode) batch

    /// One vector for each text : [b; d].
    let internal pool pooling (batch: PackedBatch) (states: Tensor) =
        match pooling with
        | Mean -> Ops.SegmentMean(states, batch.Offsets).narrow(0L, 0L, int64 batch.TextCount)
        | Cls ->
            states.index_select (0L, batch.Offsets.narrow(0L, 0L, int64 batch.TextCount).``to`` torch.ScalarType.Int64)
        | Last ->
            let ends = batch.Offsets.narrow(0L, 1L, int64 batch.TextCount).``to`` torch.ScalarType.Int64
            states.index_select (0L, ends - 1L)

    let private linear (p: Parameters) name (x: Tensor) =
        torch.nn.functional.linear (x, p[$"%s{name}.weight"], p[$"%s{name}.bias"])

    /// What the GNN and the head read of pooled vectors, [b; d] : [b; columns] float32, [b; d] where these are 0.
    let internal project (columns: int) (p: Parameters) (vectors: Tensor) =
        let vectors = vectors.``to`` torch.ScalarType.Float32
        if columns > 0 then linear p projection vectors else vectors

    /// Class logits : [b; c] float32, of pooled vectors : [b; d].
    let internal classify (model: LanguageModel) (p: Parameters) mode (vectors: Tensor) =
        let vectors = project model.Projection p vectors

        let vectors =
            match mode with
            | Evaluating -> vectors
            | Training seed -> Ops.Dropout(vectors, model.HeadDropout, seed * 1000003L)

        linear p (Encoder.head model.Encoder) vectors

    /// Class logits, row-major : [m; c], and embeddings : [m; width], of some texts. These keep to the memory budget.
    let private infer (compute: Compute) (model: LanguageModel) tuning p (texts: TokenisedTexts) =
        let c = model.Classes
        let logits = Array.zeroCreate<float32>(texts.Length * c)

        let forward batch =
            let states = tunedStates compute model tuning p Evaluating batch

            [
                pool model.Pooling batch states |> classify model p Evaluating
                pool model.Embedding batch states |> project model.Projection p
            ]

        let vectors =
            Vectors.build compute.Memory texts.Length (width model) (fun write ->
                TextPass.run compute.Device inferenceBatch texts forward (fun row answers ->
                    answers[0].CopyTo(Memory(logits, row * c, c))
                    write row answers[1]))

        logits, vectors

    /// What the model says of texts, in or out of the graph: structure-free inference.
    let predict compute (model: LanguageModel) (weights: Weights) (texts: TokenisedTexts) : Posterior<Lm> =
        use p = Parameters.Create(compute, role model, weights)
        infer compute model Tuning.full p texts |> fst |> Posterior.ofLogits model.Classes

    /// The model's posterior and embeddings on every node.
    let private survey compute (model: LanguageModel) (p: Parameters) (texts: TokenisedTexts) : LmFit * Posterior<Lm> =
        let logits, vectors = infer compute model Tuning.full p texts

        {
            Weights = p.Snapshot()
            Embeddings = vectors
            PreviousEmbeddings = vectors
        },
        Posterior.ofLogits model.Classes logits

    /// The text with a share of its tokens hidden, the first and last (special ones) never.
    let private withTokenDropout model (random: Random) (text: ReadOnlyMemory<int>) =
        if model.TokenDropout = 0.0 then
            text
        else
            let ids = text.ToArray()

            for i in 1 .. ids.Length - 2 do
                if random.NextDouble() < model.TokenDropout then
                    ids[i] <- model.MaskId

            ReadOnlyMemory ids

    /// What a model says of texts, in or out of the graph, and its embeddings of them.
    let read compute (model: LanguageModel) (texts: TokenisedTexts) (weights: Weights) : LmFit * Posterior<Lm> =
        use p = Parameters.Create(compute, role model, weights)
        survey compute model p texts

    /// Trains parameters on a stage's lesson and leaves them at their best checkpoint.
    ///   lengths : of the lesson's texts   answer : a micro-batch's mode, the step's random numbers and rows of the lesson ->
    ///   their logits, [b; c] float32, and what adds a loss's gradients to the leaves   judge : logits of the validation nodes
    let internal teach
        (compute: Compute)
        (model: LanguageModel)
        (stage: Stage)
        (p: Parameters)
        (rateFactor: string -> float)
        (lengths: int[])
        (answer: Mode -> Random -> int[] -> Tensor * (Tensor -> unit))
        (judge: unit -> float32[])
        =
        use optimiser = new Optimiser(stage.Recipe.Optimiser, p, rateFactor = rateFactor)
        let lesson = stage.Lesson
        let plan = FitRecipe.plan lesson.PerEpoch stage.Recipe
        let truth = stage.Validation.Truth
        let rows = Batches.schedule stage.Key stage.Recipe.Batch lengths lesson.Epoch

        let step number =
            Scope.freeingAll (fun () ->
                let rows = rows number
                let random = stage.Key |> Key.named "token dropout" |> Key.at number |> Random.ofKey

                // Gradients add up in the leaves until the optimiser takes them.
                let learn micro (part: int[]) =
                    Scope.freeingAll (fun () ->
                        let logits, backward = answer (Training(Stage.microSeed stage number micro)) random part
                        let loss = Lesson.lossPart compute.Device lesson rows.Length part logits
                        backward loss
                        loss.item<float32>() |> float)

                let loss = rows |> Array.splitInto stage.Recipe.Accumulate |> Array.mapi learn |> Array.sum
                optimiser.Step(Schedule.rate stage.Recipe.Optimiser plan.Steps number) |> ignore
                loss)

        let evaluate () = Predictions.ofLogits model.Classes (judge () |> Array.map float) truth |> Metrics.scores

        let trainee = {
            Name = stage.Name
            Step = step
            Evaluate = Some evaluate
            Parameters = p
        }

        Training.toBest plan trainee stage.Watch |> ignore

    /// Trains what the tuning lets move, from the starting weights, and answers the best checkpoint's survey of all texts.
    /// Adapters begin anew and end inside the weights that they stood beside.
    let fitTuned
        (compute: Compute)
        (model: LanguageModel)
        (tuning: Tuning)
        (stage: Stage)
        (texts: TokenisedTexts)
        (start: Weights)
        : LmFit * Posterior<Lm> =
        let start = Tuning.start stage.Key tuning model.Encoder start
        use p = Parameters.Create(compute, Tuning.role tuning model.Encoder (role model), start)
        let taught = stage.Lesson.Nodes |> Array.map (fun node -> texts[int node])
        let judged = stage.Validation.Nodes |> Array.map (fun node -> texts[int node])

        let answer mode random rows =
            let texts = rows |> Array.map (fun row -> withTokenDropout model random taught[row])
            let batch = PackedBatch.ofSequences compute.Device texts
            let pass = pass compute model tuning p mode
            let states = Encoder.forward model.Encoder pass batch
            states |> pool model.Pooling batch |> classify model p mode, pass.Backward

        teach
            compute
            model
            stage
            p
            (Tuning.rateFactor stage.Recipe.Optimiser.LayerDecay model.Encoder)
            (taught |> Array.map _.Length)
            answer
            (fun () -> infer compute model tuning p judged |> fst)

        match tuning.Lora with
        | None -> survey compute model p texts
        | Some lora -> p.Snapshot() |> Lora.merge lora |> read compute model texts

    /// As fitTuned, and all weights move.
    let fit (compute: Compute) (model: LanguageModel) (stage: Stage) (texts: TokenisedTexts) (start: Weights) =
        fitTuned compute model Tuning.full stage texts start
