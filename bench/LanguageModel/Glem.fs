namespace Glem.Bench

open System
open Glem

/// Glem's side: its own language model, trained and asked as the stages of a run do.
type GlemSide(shape: Shape) =
    let classes = 40

    let recipe: LmRecipe = {
        Pretrained = None
        Layers = shape.Layers
        Hidden = shape.Hidden
        Heads = shape.Heads
        Intermediate = shape.Intermediate
        Dropout = 0.1
        AttentionDropout = 0.1
        Pooling = Mean
        Embedding = Mean
        HeadDropout = 0.1
        Projection = 0
        TokenDropout = 0.0
        MaxTokens = shape.Longest
        Vocabulary = shape.Vocabulary
        SplitIdentifiers = false
        GradientCheckpointing = false
        Freeze = {
            Embeddings = false
            Layers = 0
            Encoder = false
        }
        Lora = {
            Rank = 0
            Alpha = 16.0
            Dropout = 0.0
            Targets = []
        }
    }

    let fit: FitRecipe = {
        Epochs = 1.0
        Batch = shape.Batch
        Accumulate = 1
        EvaluationsPerEpoch = 0.001
        Patience = 0
        LabelSmoothing = 0.0
        Optimiser = {
            Rule = Rule.AdamW
            LearningRate = 1e-4
            WeightDecay = 0.01
            Beta1 = 0.9
            Beta2 = 0.999
            Epsilon = 1e-8
            ClipNorm = 1.0
            WarmUp = 0.0
            Decay = false
            LayerDecay = 1.0
        }
    }

    let texts = Shape.texts shape
    let compute = Compute.automatic ()
    let model = LanguageModel.ofRecipe recipe shape.Vocabulary 4 classes

    let start =
        LanguageModel.initialEncoder (Key.ofSeed 0) model |> LanguageModel.withNewHead (Key.ofSeed 1) model

    // A labelled split of the texts whose one validation node costs nothing to speak of.
    let lesson, validation =
        let random = Random 2
        let n = texts.Length

        let labels =
            Array.init n (fun i -> if i < classes then i else random.Next classes)
            |> Labels.ofIndices (Array.init classes string)
            |> Result.orRaise

        let split = Split.ofParts (Array.init n (fun i -> if i = n - 1 then Valid else Train))
        let targets: Targets<Gnn> = Supervision.ofSplit labels split |> Result.orRaise |> Targets.goldOnly
        Lesson.ofTargets (Objective.goldOnly 0.0) 1 targets, Validation.ofSplit labels split |> Result.orRaise

    member _.Compute = compute

    /// Training over as many steps as the shape has, after two that nobody counts.
    member _.Train() : Work =
        let first, last = 2, 2 + shape.Steps
        let marks = ResizeArray<Cost>()

        let stage: Stage = {
            Name = "bench"
            // One step more: the last is followed by the evaluation.
            Recipe = {
                fit with
                    Epochs = float (last + 1) / float shape.Steps
            }
            Lesson = lesson
            Validation = validation
            Key = Key.ofSeed 2
            Watch = fun _ -> marks.Add(Cost.now ())
        }

        LanguageModel.fit compute model stage texts start |> ignore
        let taught = lesson.Nodes |> Array.map (fun node -> texts[int node].Length)
        let rows = Batches.schedule stage.Key shape.Batch taught lesson.Epoch
        let lengths = [| first .. last - 1 |] |> Array.collect rows |> Array.map (fun row -> taught[row])

        {
            Tokens = Array.sum lengths
            Flops = 3.0 * Shape.forwardFlops shape lengths
            Cost = Cost.between marks[first - 1] marks[last - 1]
        }

    /// Logits and embeddings of all texts.
    member _.Infer() : Work =
        let lengths = Shape.lengths shape
        let first = Cost.now ()
        LanguageModel.predict compute model start texts |> ignore

        {
            Tokens = Array.sum lengths
            Flops = Shape.forwardFlops shape lengths
            Cost = Cost.between first (Cost.now ())
        }
