namespace Glem

/// The nodes that get pseudo labels.
module Pool =
    /// Every node that is not a training node, validation and test included (transductive, as the official code).
    let unlabelled (supervision: Supervision) = [|
        for i in 0 .. supervision.NodeCount - 1 do
            if supervision.Gold(i * 1<node>).IsNone then
                i * 1<node>
    |]

    /// The floor(fraction * |pool|) nodes on which the teacher is most confident, ascending; ties go to the lower
    /// node. Give it the posterior at temperature 1, as the official pl_filter does.
    let topFraction (fraction: Fraction) (teacher: Posterior<'t>) (pool: int<node>[]) =
        let confidence = Posterior.confidence teacher

        // Seq.sortBy is stable: of equals, the lower node stays first.
        Array.sort pool
        |> Seq.sortBy (fun i -> -confidence[int i])
        |> Seq.truncate (fraction.Of pool.Length)
        |> Seq.toArray
        |> Array.sort
