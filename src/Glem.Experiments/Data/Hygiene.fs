namespace Glem

open System.Collections.Generic

/// What a person should know about a data set before believing numbers on it.
type Hygiene = {
    /// Nodes without edge.
    IsolatedNodes: int
    /// Nodes whose exact text another node has too.
    IdenticalTexts: int
    /// Validation and test nodes whose exact text a training node has: a model may know their answer by heart.
    HeldOutTextsInTraining: int
    /// Of those, nodes that share the training node's class.
    HeldOutWithSameClass: int
    /// Labelled nodes whose exact text stands under another class too: nobody can tell them apart by their text.
    ContradictedTexts: int
}

module Hygiene =
    let ofDataset (dataset: Dataset) : Hygiene =
        let graph = dataset.Graph
        let audit = dataset.Audit
        let byText = Dictionary<string, List<int>>()

        for i in 0 .. graph.NodeCount - 1 do
            match byText.TryGetValue graph.Texts[i] with
            | true, nodes -> nodes.Add i
            | false, _ -> byText[graph.Texts[i]] <- List [ i ]

        let shared = byText.Values |> Seq.filter (fun nodes -> nodes.Count > 1) |> Seq.toArray
        let part i = dataset.Split[i * 1<node>]
        let label i = audit.Label(i * 1<node>)

        let heldOut =
            shared
            |> Array.collect (fun nodes ->
                let taught = nodes |> Seq.filter (fun i -> part i = Train) |> Seq.map label |> HashSet

                [|
                    if taught.Count > 0 then
                        for i in nodes do
                            if part i = Valid || part i = Test then
                                taught.Contains(label i)
                |])

        {
            IsolatedNodes =
                Seq.init graph.NodeCount (fun i -> graph.Edges.Degree(i * 1<node>))
                |> Seq.filter ((=) 0)
                |> Seq.length
            IdenticalTexts = shared |> Array.sumBy _.Count
            HeldOutTextsInTraining = heldOut.Length
            HeldOutWithSameClass = heldOut |> Array.filter id |> Array.length
            ContradictedTexts =
                shared
                |> Array.sumBy (fun nodes ->
                    let labelled = nodes |> Seq.map label |> Seq.filter _.IsSome |> Seq.toArray
                    if (Array.distinct labelled).Length > 1 then labelled.Length else 0)
        }

    /// A line for each finding; none where there is nothing to say.
    let lines (hygiene: Hygiene) =
        [
            hygiene.IsolatedNodes, "nodes have no edge"
            hygiene.IdenticalTexts, "nodes share their exact text with another"
            hygiene.HeldOutTextsInTraining,
            $"validation and test nodes have the exact text of a training node, %d{hygiene.HeldOutWithSameClass} of them with its class (--rule identical-texts=unassign takes them out)"
            hygiene.ContradictedTexts, "labelled nodes have the exact text of a node of another class"
        ]
        |> List.filter (fun (count, _) -> count > 0)
        |> List.map (fun (count, what) -> $"%d{count} %s{what}")
