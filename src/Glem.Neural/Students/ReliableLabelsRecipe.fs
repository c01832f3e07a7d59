namespace Glem

/// Reliable label utilisation (Zhang et al. 2022, RLU): the GNN is trained several times over, each time anew, and what one
/// stage is sure of teaches the next.
type ReliableLabelsRecipe = {
    /// How many trainings; 1 is plain training.
    Stages: int
    /// Least probability of a reliable node's likeliest class.
    Threshold: float
    /// Weight of a reliable node's loss against a gold label's, beside its own confidence.
    Weight: float
}

module ReliableLabelsRecipe =
    /// The GAMLP authors' on ogbn-products.
    let published = {
        Stages = 4
        Threshold = 0.85
        Weight = 0.1
    }
