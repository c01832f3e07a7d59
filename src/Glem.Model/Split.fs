namespace Glem

/// Class of every node that has one. Its content is reached only through Supervision (training nodes),
/// Validation and Audit, so that a held-out label cannot slip into training unnoticed.
type Labels = private {
    of_: int[] // -1: unlabelled
    classNames: string[]
} with

    member this.ClassNames = this.classNames
    member this.ClassCount = this.classNames.Length
    member this.NodeCount = this.of_.Length

module Labels =
    /// Labels from class indices, -1 for unlabelled nodes.
    let ofIndices (classNames: string[]) (indices: int[]) =
        match indices |> Array.tryFindIndex (fun k -> k < -1 || k >= classNames.Length) with
        | Some i ->
            Error(
                InValue($"label of node %d{i}", string indices[i], $"-1 (unlabelled) or 0 .. %d{classNames.Length - 1}")
            )
        | None ->
            Ok {
                of_ = Array.copy indices
                classNames = Array.copy classNames
            }

/// The part of a split that a node belongs to. Unassigned nodes (no label, or set aside) are in the graph and teach nothing.
type Part =
    | Train
    | Valid
    | Test
    | Unassigned

/// One part per node, so parts are disjoint by construction.
type Split = private {
    parts: Part[]
} with

    member this.NodeCount = this.parts.Length
    member this.Item(i: int<node>) = this.parts[int i]

module Split =
    let ofParts (parts: Part[]) = { parts = Array.copy parts }

    /// The nodes of one part, ascending.
    let nodes part (split: Split) = [|
        for i in 0 .. split.parts.Length - 1 do
            if split.parts[i] = part then
                i * 1<node>
    |]
