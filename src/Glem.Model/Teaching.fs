namespace Glem

/// How a teacher's posterior becomes pseudo labels.
type Softness =
    /// softmax(z / temperature); 0.2 in every published recipe.
    | Soft of Temperature
    /// One-hot on the argmax.
    | Hard

/// Which pseudo labels a step uses.
type Teaching = {
    Softness: Softness
    /// Keep this share of the pool, the teacher's most confident nodes (official: pl_filter).
    TopFraction: Fraction
}

module Teaching =
    /// The step's data set: the pool of all unlabelled nodes, filtered on the posterior as it is, then softened.
    let targets (teaching: Teaching) (supervision: Supervision) (teacher: Posterior<'Teacher>) =
        let pool = Pool.unlabelled supervision |> Pool.topFraction teaching.TopFraction teacher

        let softened =
            match teaching.Softness with
            | Soft temperature -> Posterior.sharpen temperature teacher
            | Hard -> Posterior.harden teacher

        Targets.ofTeacher supervision softened pool
