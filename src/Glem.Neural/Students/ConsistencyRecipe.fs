namespace Glem

/// Consistency regularisation (Zhang et al. 2021, SCR): after a warm-up the GNN also learns, on nodes without a gold label
/// that it is sure of, to agree with a teacher whose weights are the average of its own. Epochs count from 1.
type ConsistencyRecipe = {
    /// Weight of that term beside the lesson's loss.
    Weight: float
    /// Memory of the teacher's weights. 0 is the student itself a step ago, under other dropout masks (the authors' SCR);
    /// above 0 a mean teacher (their SCR-m).
    TeacherDecay: float
    /// Divides the teacher's logits.
    Temperature: float
    /// Epochs without the term.
    WarmUp: int
    /// Least probability of a sure node's likeliest class: it moves linearly from the one at the start of training to the
    /// other at its end.
    FirstThreshold: float
    LastThreshold: float
    /// Epochs from one choice of the sure nodes to the next.
    ReselectEvery: int
    /// Memory of the averaged weights that validation judges and training answers with; 0 is the student's own.
    EvaluationDecay: float
}

module ConsistencyRecipe =
    /// What the SCR authors and GLEM's train SAGN with on ogbn-products.
    let published = {
        Weight = 0.02
        TeacherDecay = 0.99
        Temperature = 0.5
        WarmUp = 100
        FirstThreshold = 0.85
        LastThreshold = 0.75
        ReselectEvery = 20
        EvaluationDecay = 0.9
    }

    /// The threshold in an epoch, from 1, of so many.
    let threshold (recipe: ConsistencyRecipe) (epochs: int) (epoch: int) =
        recipe.FirstThreshold - (recipe.FirstThreshold - recipe.LastThreshold) * float epoch / float epochs

    /// Whether the sure nodes are chosen anew in an epoch.
    let reselects (recipe: ConsistencyRecipe) (epoch: int) =
        epoch = recipe.WarmUp + 1 || (epoch > recipe.WarmUp && (epoch - 1) % recipe.ReselectEvery = 0)

    /// The teacher's memory after its k-th step, from 1. A young teacher is the plain mean of what it has seen, so that its
    /// first weights do not linger (Tarvainen & Valpola 2017).
    let teacherDecay (recipe: ConsistencyRecipe) (step: int) = min recipe.TeacherDecay (1.0 - 1.0 / float (step + 1))
