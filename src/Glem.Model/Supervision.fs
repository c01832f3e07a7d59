namespace Glem

/// What a student may learn from: the labels of training nodes. A held-out label cannot be asked of it.
type Supervision = private {
    gold: int[] // -1: not a training node
    trainNodes: int<node>[]
    names: string[]
} with

    member this.NodeCount = this.gold.Length
    member this.ClassCount = this.names.Length
    member this.ClassNames = Array.copy this.names

    /// The training nodes, ascending; a fresh array.
    member this.Nodes = Array.copy this.trainNodes

    /// The label of a training node, nothing for any other node.
    member this.Gold(i: int<node>) : int<cls> voption =
        match this.gold[int i] with
        | -1 -> ValueNone
        | k -> ValueSome(k * 1<cls>)

/// What selection may look at: the labels of validation nodes. No student takes it.
type Validation = private {
    validNodes: int<node>[]
    validTruth: int<cls>[]
    classCount: int
} with

    member this.ClassCount = this.classCount

    /// The validation nodes, ascending; a fresh array.
    member this.Nodes = Array.copy this.validNodes

    /// Their labels, in the same order; a fresh array.
    member this.Truth = Array.copy this.validTruth

/// What an analysis may look at: every label. Training and selection never take it; it is the only door to test
/// labels, and test scores go through it with a Selected run (Select.testScores).
type Audit = private {
    labels: Labels
    split: Split
} with

    member this.ClassNames = this.labels.ClassNames
    member this.ClassCount = this.labels.ClassCount
    member this.NodeCount = this.labels.NodeCount
    member this.Part(i: int<node>) = this.split[i]

    /// The label of any node that has one.
    member this.Label(i: int<node>) : int<cls> voption =
        match this.labels.of_[int i] with
        | -1 -> ValueNone
        | k -> ValueSome(k * 1<cls>)

module private Labelled =
    /// The nodes of a part with their labels, or the error that names a node without one.
    let ofPart part (labels: Labels) (split: Split) =
        if labels.NodeCount <> split.NodeCount then
            Error(InValue("split", $"%d{split.NodeCount} nodes", $"%d{labels.NodeCount}, one for each label"))
        else
            let nodes = Split.nodes part split

            match nodes |> Array.tryFind (fun i -> labels.of_[int i] < 0) with
            | Some i -> Error(InValue($"node %d{int i} (%A{part})", "no label", "a label on every node of the part"))
            | None -> Ok(nodes, nodes |> Array.map (fun i -> labels.of_[int i] * 1<cls>))

module Supervision =
    /// Error where sizes differ, a training node has no label, or a class has no training node.
    let ofSplit (labels: Labels) (split: Split) =
        Labelled.ofPart Train labels split
        |> Result.bind (fun (nodes, truth) ->
            let counts = Array.zeroCreate labels.ClassCount
            truth |> Array.iter (fun k -> counts[int k] <- counts[int k] + 1)

            match counts |> Array.tryFindIndex ((=) 0) with
            | Some k -> Error(InValue($"class '%s{labels.ClassNames[k]}'", "no training node", "at least one"))
            | None ->
                let gold = Array.create labels.NodeCount -1
                (nodes, truth) ||> Array.iter2 (fun i k -> gold[int i] <- int k)

                Ok {
                    gold = gold
                    trainNodes = nodes
                    names = labels.ClassNames
                })

module Validation =
    /// Error where sizes differ, a validation node has no label, or there is none to select on.
    let ofSplit (labels: Labels) (split: Split) =
        Labelled.ofPart Valid labels split
        |> Result.bind (fun (nodes, truth) ->
            if nodes.Length = 0 then
                Error(InValue("split", "no validation node", "at least one: checkpoints are chosen on it"))
            else
                Ok {
                    validNodes = nodes
                    validTruth = truth
                    classCount = labels.ClassCount
                })

module Audit =
    /// Error where sizes differ or a test node has no label.
    let ofSplit (labels: Labels) (split: Split) =
        Labelled.ofPart Test labels split |> Result.map (fun _ -> { labels = labels; split = split })

    /// The labelled nodes of a part, ascending, with their labels.
    let truth part (audit: Audit) =
        Split.nodes part audit.split
        |> Array.choose (fun i ->
            match audit.Label i with
            | ValueSome k -> Some(struct (i, k))
            | ValueNone -> None)

    /// Labelled nodes of each class in the whole graph : [c].
    let classSizes (audit: Audit) =
        let sizes = Array.zeroCreate<int> audit.ClassCount

        for k in audit.labels.of_ do
            if k >= 0 then
                sizes[k] <- sizes[k] + 1

        sizes

    /// Share of edges whose two ends have the same label, among edges with both ends labelled (edge homophily,
    /// Zhu et al. 2020). Nothing where no edge has both.
    let edgeHomophily (edges: Csr) (audit: Audit) =
        let label i = audit.labels.of_[i]

        let judged = Csr.pairs edges |> Array.filter (fun (struct (a, b)) -> label a >= 0 && label b >= 0)

        if judged.Length = 0 then
            ValueNone
        else
            let same = judged |> Array.filter (fun (struct (a, b)) -> label a = label b)
            ValueSome(float same.Length / float judged.Length)
