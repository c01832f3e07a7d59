namespace Glem.Neural.Tests

open System
open Glem

/// Thirty nodes of three classes, each with a text of its class's tokens, and edges within classes: seconds of training
/// learn it.
module TinyTask =
    let classes = 3
    let nodes = 30
    let key = Key.ofSeed 11
    let private labelOf i = i % classes
    let private special = [| 0..4 |] // [PAD] [UNK] [CLS] [SEP] [MASK]
    let vocabulary = 40

    let masking: MaskingVocabulary = {
        Mask = 4
        Special = Set special
        Size = vocabulary
    }

    /// [CLS], 3 to 9 tokens that are mostly the class's own, [SEP].
    let texts: TokenisedTexts =
        let random = Random 7

        Array.init nodes (fun i ->
            let own () = 5 + 11 * labelOf i + random.Next 11
            let token _ = if random.Next 4 > 0 then own () else 5 + random.Next(vocabulary - 5)
            ReadOnlyMemory [| 2; yield! Array.init (random.Next(3, 10)) token; 3 |])

    let edges =
        let random = Random 8

        Csr.symmetric
            nodes
            (seq {
                for i in 0 .. nodes - 1 do
                    for _ in 1..2 do
                        struct (i, (i + classes * random.Next(1, nodes / classes)) % nodes)
            })

    let labels = Labels.ofIndices [| "a"; "b"; "c" |] (Array.init nodes labelOf) |> Result.orRaise
    let split = Split.ofParts (Array.init nodes (fun i -> [| Train; Train; Train; Valid; Test |][i % 5]))
    let supervision = Supervision.ofSplit labels split |> Result.orRaise
    let validation = Validation.ofSplit labels split |> Result.orRaise

    let bert: EncoderShape = {
        VocabularySize = vocabulary
        Hidden = 32
        Layers = 2
        Heads = 4
        Intermediate = 64
        Positions = 16
        TokenTypes = 2
        Activation = Gelu
        HiddenDropout = 0.1
        AttentionDropout = 0.1
        LayerNormEpsilon = 1e-12
        InitializerRange = 0.1
    }

    let lm: LanguageModel = {
        Encoder = Encoder.Bert bert
        Pooling = Mean
        Embedding = Mean
        Projection = 0
        HeadDropout = 0.1
        TokenDropout = 0.1
        MaskId = 4
        Classes = classes
        GradientCheckpointing = false
    }

    let gcn = GcnConfig.glem 0.5 32 16 classes |> Gcn.gnn

    let recipe: FitRecipe = {
        Epochs = 2.0
        Batch = 8
        Accumulate = 1
        EvaluationsPerEpoch = 1.0
        Patience = 0
        LabelSmoothing = 0.1
        Optimiser = {
            Rule = Rule.AdamW
            LearningRate = 0.01
            WeightDecay = 0.01
            Beta1 = 0.9
            Beta2 = 0.999
            Epsilon = 1e-8
            ClipNorm = 1.0
            WarmUp = 0.1
            Decay = true
            LayerDecay = 1.0
        }
    }

    /// Training on the gold labels.
    let stage key recipe : Stage = {
        Name = "the test's stage"
        Recipe = recipe
        Lesson =
            Lesson.ofTargets (Objective.goldOnly recipe.LabelSmoothing) 1 (Targets.goldOnly supervision: Targets<Lm>)
        Validation = validation
        Key = key
        Watch = ignore
    }

    /// A language model on gold labels; everything random comes from the key.
    let fitLm compute key recipe =
        LanguageModel.initialEncoder key lm
        |> LanguageModel.withNewHead key lm
        |> LanguageModel.fit compute lm (stage key recipe) texts

    /// Features alone as a graph model's inputs.
    let inputs (features: float32[]) : NodeInputs = {
        Features = Vectors.ofArray 32 features
        Labels = None
    }

    /// A graph model on gold labels and some features : [n; 32].
    let fitGnn compute key recipe (features: float32[]) =
        use graph = GraphTensors.ofCsr compute.Device edges
        GraphModel.initial key gcn |> GraphModel.fit compute gcn (stage key recipe) graph (inputs features)

    /// Features that are no model's : [n; 32].
    let features =
        let random = Random 9

        Array.init (nodes * 32) (fun at ->
            float32 (random.NextDouble()) + if at % 32 % classes = labelOf (at / 32) then 1f else 0f)

    /// The same names with the same values, bit for bit.
    let areEqual (a: Weights) (b: Weights) =
        let bits (weight: Weight) = weight.Values |> Array.map BitConverter.SingleToInt32Bits
        a.Count = b.Count && a |> Seq.forall (fun pair -> bits pair.Value = bits b[pair.Key])
