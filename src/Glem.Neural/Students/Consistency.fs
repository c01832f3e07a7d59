namespace Glem

open TorchSharp

/// Whom consistency regularisation may teach, and how.
type Consistency = {
    Recipe: ConsistencyRecipe
    /// Nodes without a gold label, ascending.
    Pool: int[]
}

module Consistency =
    /// All nodes without a gold label. Supervision holds no other label, so none can be read.
    let ofRecipe (supervision: Supervision) (recipe: ConsistencyRecipe) = {
        Recipe = recipe
        Pool = Pool.unlabelled supervision |> Array.map int
    }

    /// Those of some nodes whose likeliest class has a probability above the threshold.   p : of these nodes, in their order
    let sure (threshold: float) (nodes: int[]) (p: Posterior<Gnn>) =
        Array.zip nodes (Posterior.confidence p)
        |> Array.choose (fun (node, confidence) -> if confidence > threshold then Some node else None)

    /// KL(student || teacher sharpened), the mean over nodes : scalar. No gradient reaches the teacher.
    ///   teacher, student : logits [k; c]
    /// The direction is that of the authors' code, the floor under the teacher's probabilities Objective.floor.
    let loss (temperature: float) (teacher: Tensor) (student: Tensor) =
        let target = (teacher.detach () / temperature).softmax 1L
        (Lesson.distance StudentToTeacher target (student.log_softmax 1L)).mean()
