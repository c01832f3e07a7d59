namespace Glem

/// How a text's token states become one vector.
type Pooling =
    /// The state of [CLS], as in the paper.
    | Cls
    /// The mean over the text's tokens; usually better for an encoder trained from scratch.
    | Mean
    /// The state of the last token, for encoders that were trained so. It is the separator wherever the tokenizer adds one.
    | Last

module Pooling =
    /// The poolings by name.
    let all = [ "cls", Cls; "mean", Mean; "last", Last ]

    let name (pooling: Pooling) = all |> List.find (fun (_, one) -> one = pooling) |> fst

    let tryParse (text: string) = all |> List.tryFind (fun (name, _) -> name = text) |> Option.map snd

    /// "one of cls, mean, last".
    let names = "one of " + String.concat ", " (List.map fst all)

/// What of a pre-trained encoder stays as it came while labels train the rest.
type FreezeRecipe = {
    /// Words, positions, segments and their norm.
    Embeddings: bool
    /// So many layers from below.
    Layers: int
    /// All of it: texts are read once, without dropout, and labels train projection and head on the vectors that were kept.
    Encoder: bool
}

/// The language model: an encoder, a projection or none, dropout, and one linear layer on the pooled vector (GLEM, official
/// BertClassifier).
type LmRecipe = {
    /// The folder of the pre-trained encoder to start from, as Hugging Face's library saves it; its config.json then says what
    /// Layers, Hidden, Heads and Intermediate say here, and its tokenizer stands for Vocabulary. None starts from random
    /// weights.
    Pretrained: string option
    Layers: int
    Hidden: int
    Heads: int
    Intermediate: int
    /// Dropped share of hidden states and embeddings.
    Dropout: float
    AttentionDropout: float
    /// What the head classifies.
    Pooling: Pooling
    /// What the GNN reads.
    Embedding: Pooling
    /// Columns that a learnt linear layer makes of either vector, before dropout and head; 0 leaves it as it is (official
    /// feat_shrink, whose dropout stands before the layer).
    Projection: int
    /// Dropped share of the vector that the head reads.
    HeadDropout: float
    /// Share of a text's tokens that are hidden behind [MASK] while the model is trained on labels, anew at each step.
    TokenDropout: float
    /// Tokens read of a text, special tokens included.
    MaxTokens: int
    /// Size of the vocabulary trained on the data set's texts.
    Vocabulary: int
    /// Whether that vocabulary's tokenizer cuts names such as JsonSerializer where their case changes.
    SplitIdentifiers: bool
    /// Whether training keeps of every layer its result alone, and runs it again for the gradients.
    GradientCheckpointing: bool
    Freeze: FreezeRecipe
    Lora: LoraRecipe
}

/// How one stage trains a student.
type FitRecipe = {
    /// Passes over the stage's nodes; may be a fraction.
    Epochs: float
    /// Nodes per optimiser step; 0 takes all. A graph network that trains on the whole graph always does.
    Batch: int
    /// Parts that a step's nodes are worked through in, one behind the other: the same step in less memory.
    Accumulate: int
    /// Evaluations on the validation nodes per epoch.
    EvaluationsPerEpoch: float
    /// Evaluations without improvement before the stage stops; 0 trains to the end.
    Patience: int
    /// Share of every gold target's mass spread evenly over the classes.
    LabelSmoothing: float
    Optimiser: OptimiserRecipe
}

module FitRecipe =
    /// Optimiser steps of a pass over `nodes` nodes.   batch : nodes of one; 0 is all
    let stepsPerEpoch (nodes: int) (batch: int) =
        let batch = if batch = 0 then nodes else min batch nodes
        (nodes + batch - 1) / batch

    /// Optimiser steps and evaluation rhythm for a stage that teaches `nodes` nodes.
    let plan (nodes: int) (recipe: FitRecipe) =
        let perEpoch = stepsPerEpoch nodes recipe.Batch
        let steps = recipe.Epochs * float perEpoch |> round |> int |> max 1
        let rhythm = float perEpoch / recipe.EvaluationsPerEpoch |> round |> int |> max 1

        {
            Steps = steps
            EvaluateEvery = rhythm
            Patience = recipe.Patience
        }
