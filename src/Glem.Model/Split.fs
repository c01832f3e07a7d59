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

    /// Every labelled node in a part, with the class shares kept: of each class, trainFraction trains (at least one
    /// node, so that no class goes untaught), validFraction validates, the rest tests. Unlabelled nodes stay
    /// unassigned. A node's luck depends on the seed and its index alone, not on how classes are numbered.
    let stratified (seed: int) (trainFraction: Fraction) (validFraction: Fraction) (labels: Labels) =
        let key = Key.ofSeed seed |> Key.named "split"
        let parts = Array.create labels.NodeCount Unassigned

        if trainFraction.Value + validFraction.Value > 1.0 then
            let found = $"%g{trainFraction.Value} + %g{validFraction.Value}"
            Error(InValue("training and validation fractions", found, "a sum of at most 1"))
        else
            for _, members in Array.indexed labels.of_ |> Array.filter (fun (_, k) -> k >= 0) |> Array.groupBy snd do
                let shuffled = members |> Array.map fst |> Array.sortBy (fun i -> Key.seed (Key.at i key))
                let share (fraction: Fraction) = int (round (fraction.Value * float shuffled.Length))
                let train = max 1 (share trainFraction)
                let valid = share validFraction

                shuffled
                |> Array.iteri (fun rank i ->
                    parts[i] <-
                        if rank < train then Train
                        elif rank < train + valid then Valid
                        else Test)

            Ok(ofParts parts)
