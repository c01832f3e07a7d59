namespace Glem

/// How a text's token states become one vector.
type Pooling =
    /// The state of [CLS], as in the paper.
    | Cls
    /// The mean over the text's tokens; usually better for an encoder trained from scratch.
    | Mean

/// What of a pre-trained encoder stays as it came while labels train the rest.
type FreezeRecipe = {
    /// Words, positions, segments and their norm.
    Embeddings: bool
    /// So many layers from below.
    Layers: int
}

/// The language model: an encoder, dropout, and one linear layer on the pooled vector (GLEM, official BertClassifier).
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
    /// Dropped share of the pooled vector.
    HeadDropout: float
    /// Share of a text's tokens that are hidden behind [MASK] while the model is trained on labels, anew at each step.
    TokenDropout: float
    /// Tokens read of a text, special tokens included.
    MaxTokens: int
    /// Size of the vocabulary trained on the data set's texts.
    Vocabulary: int
    /// Whether that vocabulary's tokenizer cuts names such as JsonSerializer where their case changes.
    SplitIdentifiers: bool
    Freeze: FreezeRecipe
    Lora: LoraRecipe
}

/// How one stage trains a student.
type FitRecipe = {
    /// Passes over the stage's nodes; may be a fraction.
    Epochs: float
    /// Nodes per optimiser step; 0 takes all (the graph student always does).
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
    /// Optimiser steps and evaluation rhythm for a stage that teaches `nodes` nodes.
    let plan (nodes: int) (recipe: FitRecipe) =
        let batch = if recipe.Batch = 0 then nodes else min recipe.Batch nodes
        let perEpoch = (nodes + batch - 1) / batch
        let steps = recipe.Epochs * float perEpoch |> round |> int |> max 1
        let rhythm = float perEpoch / recipe.EvaluationsPerEpoch |> round |> int |> max 1

        {
            Steps = steps
            EvaluateEvery = rhythm
            Patience = recipe.Patience
        }
