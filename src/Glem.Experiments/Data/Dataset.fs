namespace Glem

open System
open System.Collections.Generic
open System.IO
open System.Security.Cryptography
open System.Text

/// What a data set says about itself.
type DatasetInfo = {
    Name: string
    /// SPDX identifier, or words.
    Licence: string
    /// Where it comes from: package and version, address, paper.
    Source: string
    /// Whom to name, in a sentence.
    Attribution: string
    /// How its split came about: "stratified 60/20/20, seed 0".
    SplitPolicy: string
}

/// A node as files hold it. No label: the node is unlabelled. No part: it teaches and tests nothing.
type NodeRecord = {
    Id: string
    Text: string
    Label: string option
    Part: Part
}

/// A data set as files hold it, by names: what is written, and what reading starts from.
///   Edges : undirected pairs of ids, each once, no loops
type DatasetRecords = {
    Info: DatasetInfo
    ClassNames: string[]
    Nodes: NodeRecord[]
    Edges: struct (string * string)[]
}

/// A text-attributed graph with labels and a split, ready for a run.
type Dataset = {
    Info: DatasetInfo
    /// SHA-256 over class names, ids, texts, labels, parts and edges, in that order: equal data, equal fingerprint.
    Fingerprint: string
    Graph: TextAttributedGraph
    Labels: Labels
    Split: Split
} with

    member this.ClassNames = this.Labels.ClassNames
    /// Every label: for reports and descriptions only.
    member this.Audit = Audit.ofSplit this.Labels this.Split |> Result.orRaise

module Dataset =
    let partName part =
        match part with
        | Train -> "train"
        | Valid -> "valid"
        | Test -> "test"
        | Unassigned -> ""

    /// What a split column may say; "val" and "validation" are other libraries' words for valid.
    let partOf (text: string) =
        match text with
        | "train" -> Some Train
        | "valid"
        | "val"
        | "validation" -> Some Valid
        | "test" -> Some Test
        | "" -> Some Unassigned
        | _ -> None

    let private fingerprint (classNames: string[]) (nodes: NodeRecord[]) (classes: int[]) (edges: Csr) =
        use hash = IncrementalHash.CreateHash HashAlgorithmName.SHA256
        let number (value: int) = hash.AppendData(BitConverter.GetBytes value)

        // Length first, so that no two lists of strings run together into the same bytes.
        let text (value: string) =
            let bytes = Encoding.UTF8.GetBytes value
            number bytes.Length
            hash.AppendData bytes

        number classNames.Length
        classNames |> Array.iter text
        number nodes.Length

        for i in 0 .. nodes.Length - 1 do
            text nodes[i].Id
            text nodes[i].Text
            number classes[i]
            text (partName nodes[i].Part)

        for struct (a, b) in Csr.pairs edges do
            number a
            number b

        Convert.ToHexStringLower(hash.GetHashAndReset())

    /// Indices for names. Error: a label that is no class, an edge to no node, a class without training node, no validation
    /// node. `place` names the file that an error is about.
    let ofRecords (place: string) (records: DatasetRecords) : Result<Dataset, GlemError> =
        let nodes = records.Nodes
        let index = Dictionary<string, int>()
        nodes |> Array.iteri (fun i node -> index[node.Id] <- i)
        let classIndex = records.ClassNames |> Array.mapi (fun k name -> name, k) |> dict
        let bad where found expected = Error(InFile(place, where, found, expected))

        let unknownLabel =
            nodes
            |> Array.tryPick (fun node ->
                match node.Label with
                | Some label when not (classIndex.ContainsKey label) -> Some(node.Id, label)
                | _ -> None)

        let unknownEnd =
            records.Edges
            |> Array.tryPick (fun (struct (a, b)) -> [ a; b ] |> List.tryFind (fun id -> not (index.ContainsKey id)))

        let untaught () =
            let taught =
                nodes |> Array.choose (fun node -> if node.Part = Train then node.Label else None) |> HashSet

            records.ClassNames |> Array.tryFind (fun name -> not (taught.Contains name))

        let unlabelled = nodes |> Array.tryFind (fun node -> node.Part <> Unassigned && node.Label.IsNone)

        match unknownLabel, unknownEnd, unlabelled, untaught () with
        | Some(id, label), _, _, _ ->
            bad $"node '%s{id}'" $"the label '%s{label}'" $"""one of %s{String.Join(", ", records.ClassNames)}"""
        | _, Some id, _, _ -> bad "edges" $"an edge to '%s{id}'" "edges between nodes that are listed"
        | _, _, Some node, _ ->
            bad $"node '%s{node.Id}'" $"no label in the part '%s{partName node.Part}'" "a label, or no part"
        | _, _, _, Some name ->
            bad $"class '%s{name}'" "no training node" "at least one node of each class in the part 'train'"
        | _ when nodes |> Array.forall (fun node -> node.Part <> Valid) ->
            bad "split" "no validation node" "nodes in the part 'valid': models are chosen on them"
        | _ ->
            let classes =
                nodes
                |> Array.map (fun node ->
                    match node.Label with
                    | Some label -> classIndex[label]
                    | None -> -1)

            let edges =
                records.Edges
                |> Seq.map (fun (struct (a, b)) -> struct (index[a], index[b]))
                |> Csr.symmetric nodes.Length

            Labels.ofIndices records.ClassNames classes
            |> Result.map (fun labels -> {
                Info = records.Info
                Fingerprint = fingerprint records.ClassNames nodes classes edges
                Graph = {
                    Ids = nodes |> Array.map _.Id
                    Texts = nodes |> Array.map _.Text
                    Edges = edges
                }
                Labels = labels
                Split = nodes |> Array.map _.Part |> Split.ofParts
            })

    /// The same data as records, edges from the lower index to the higher.
    let toRecords (dataset: Dataset) : DatasetRecords =
        let audit = dataset.Audit
        let ids = dataset.Graph.Ids

        {
            Info = dataset.Info
            ClassNames = dataset.ClassNames
            Nodes =
                Array.init ids.Length (fun i -> {
                    Id = ids[i]
                    Text = dataset.Graph.Texts[i]
                    Label =
                        (match audit.Label(i * 1<node>) with
                         | ValueSome k -> Some dataset.ClassNames[int k]
                         | ValueNone -> None)
                    Part = dataset.Split[i * 1<node>]
                })
            Edges =
                Csr.pairs dataset.Graph.Edges
                |> Array.filter (fun (struct (a, b)) -> a < b)
                |> Array.map (fun (struct (a, b)) -> struct (ids[a], ids[b]))
        }

    /// The records with a new split by `policy`; Given leaves them as they are.
    let splitRecords (policy: SplitPolicy) (seed: int) (records: DatasetRecords) : DatasetRecords =
        match policy with
        | Given -> records
        | _ ->
            let classIndex = records.ClassNames |> Array.mapi (fun k name -> name, k) |> dict

            let classes =
                records.Nodes
                |> Array.map (fun node ->
                    node.Label |> Option.map (fun name -> classIndex[name]) |> Option.defaultValue -1)

            let parts = SplitPolicy.assign policy seed (records.Nodes |> Array.map _.Id) classes

            {
                records with
                    Info = {
                        records.Info with
                            SplitPolicy = $"%s{SplitPolicy.describe policy}, seed %d{seed}"
                    }
                    Nodes = (records.Nodes, parts) ||> Array.map2 (fun node part -> { node with Part = part })
            }

    /// The data set as if only some of its training nodes had labels: this share of each class, rounded, at least one node.
    /// The others are in no part: no student sees their labels, and they may get pseudo labels. Which they are depends on
    /// their ids alone, and those of a smaller rate are among those of a larger one.   rate : above 0, at most 1
    let withLabelRate (rate: float) (dataset: Dataset) : Result<Dataset, GlemError> =
        if rate = 1.0 then
            Ok dataset
        else
            let records = toRecords dataset

            let rank (node: NodeRecord) =
                SHA256.HashData(Encoding.UTF8.GetBytes $"label rate\n%s{node.Id}") |> Convert.ToHexString

            let kept =
                records.Nodes
                |> Array.filter (fun node -> node.Part = Train)
                |> Array.groupBy _.Label
                |> Array.collect (fun (_, nodes) ->
                    let count = max 1 (int (Math.Round(rate * float nodes.Length)))
                    nodes |> Array.sortBy rank |> Array.truncate count)
                |> Array.map _.Id
                |> HashSet

            let thinned (node: NodeRecord) =
                if node.Part = Train && not (kept.Contains node.Id) then
                    { node with Part = Unassigned }
                else
                    node

            ofRecords dataset.Info.Name {
                records with
                    Info = {
                        records.Info with
                            SplitPolicy = $"%s{records.Info.SplitPolicy}; %g{100.0 * rate} %% of the training labels"
                    }
                    Nodes = records.Nodes |> Array.map thinned
            }

    /// The data set with a new split: another label rate, or another seed's draw.
    let resplit (policy: SplitPolicy) (seed: int) (dataset: Dataset) =
        SplitPolicy.check policy
        |> Result.bind (fun policy -> toRecords dataset |> splitRecords policy seed |> ofRecords dataset.Info.Name)
