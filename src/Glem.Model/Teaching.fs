namespace Glem

/// How a teacher's posterior becomes pseudo labels.
type Softness =
    /// softmax(z / temperature); 0.2 in every published recipe.
    | Soft of Temperature
    /// One-hot on the argmax (PyG, GraphStorm).
    | Hard
    /// One-hot on a class drawn from softmax(z / temperature), anew in each step (GMNN's "smp").
    | Sampled of Temperature

/// Who teaches in a step, and how.
type Teaching = {
    /// The nodes that may get pseudo labels: Pool has the usual ones.
    Pool: int<node>[]
    Filter: Filter
    /// What the filter looks at: Sureness has the usual functions.
    Sureness: float[] -> float
    Sampling: Sampling
    Softness: PerRound<Softness>
}

/// What a fit is told besides its data: the round, from 1, and two keys that no other side of the run gets.
type Turn = {
    Round: int
    /// For this round alone.
    Key: Key
    /// The same in every round.
    SideKey: Key
}

module Teaching =
    let private soften softness key (teacher: Posterior<'Teacher>) =
        match softness with
        | Soft temperature -> Posterior.sharpen temperature teacher
        | Hard -> Posterior.harden teacher
        | Sampled temperature -> teacher |> Posterior.sharpen temperature |> Posterior.sample key

    /// The step's data set: the pool, filtered on the posterior as it is, then sampled, then softened.
    let targets (teaching: Teaching) (supervision: Supervision) (turn: Turn) (teacher: Posterior<'Teacher>) =
        let pool = teaching.Pool |> Array.filter (fun i -> supervision.Gold(i).IsNone) |> Array.distinct
        let kept = Filter.keep teaching.Filter teaching.Sureness teacher pool
        let labels = soften (PerRound.at turn.Round teaching.Softness) (Key.named "labels" turn.Key) teacher
        let size (ratio: Ratio) = ratio.Of(supervision.Nodes.Length, kept.Length)

        match teaching.Sampling with
        | All -> Targets.ofTeacher supervision labels kept
        | Window ratio ->
            kept
            |> Sampling.window (Key.named "window" turn.SideKey) turn.Round (size ratio)
            |> Targets.ofTeacher supervision labels
        | EachEpoch ratio ->
            Targets.ofTeacher supervision labels kept
            |> Targets.drawnEachEpoch (Key.named "draw" turn.Key) (size ratio)
