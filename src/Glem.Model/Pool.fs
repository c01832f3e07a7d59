namespace Glem

/// The nodes that may get pseudo labels. A training node is in none of these pools; in one of a caller's own it keeps
/// its gold label.
module Pool =
    let private everyone (supervision: Supervision) = Array.init supervision.NodeCount (fun i -> i * 1<node>)

    /// Every node that is not a training node, validation and test included (transductive, as the official code).
    let unlabelled (supervision: Supervision) =
        everyone supervision |> Array.filter (fun i -> supervision.Gold(i).IsNone)

    let private inParts parts (split: Split) (supervision: Supervision) =
        unlabelled supervision |> Array.filter (fun i -> List.contains split[i] parts)

    /// The validation and test nodes (official: papers100M).
    let heldOut split supervision = inParts [ Valid; Test ] split supervision

    /// The validation nodes.
    let validation split supervision = inParts [ Valid ] split supervision

    /// The nodes of no part: no node that anything is scored on teaches.
    let unassigned split supervision = inParts [ Unassigned ] split supervision
