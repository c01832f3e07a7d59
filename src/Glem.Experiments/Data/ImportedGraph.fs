namespace Glem

open System
open System.Collections.Generic

/// A graph as some format states it, before its hygiene is chosen and its split made.
type ImportedGraph = {
    /// What the format itself knows; empty where it says nothing.
    Info: DatasetInfo
    /// The classes in their order. None: the labels found, sorted.
    ClassNames: string[] option
    Nodes: NodeRecord[]
    /// Whether parts were stated; else a split is made.
    HasSplit: bool
    Edges: StatedEdges
    /// Edges left out because an end is no listed node.
    UnknownEnds: int
    /// The file that errors about nodes name, and that about edges.
    NodesFile: string
    EdgesFile: string
}

/// What reading left out, merged or changed: counted, so that it is never silent.
type ReadReport = {
    SelfLoops: int
    /// Rows that repeat an edge in the same direction.
    DuplicateEdges: int
    /// Edges stated in both directions; the graph is undirected.
    ReverseEdges: int
    /// Edges stated in one direction only, that the rule "direction=mutual" left out.
    OneWayEdges: int
    UnknownEnds: int
    IsolatedNodes: int
    MissingTexts: int
    /// Nodes taken out of validation or test because their text stands in an earlier part.
    IdenticalTexts: int
    /// Nodes that lost the label of a class without training node.
    UntaughtLabels: int
}

module ReadReport =
    /// A line for each thing that was left out, merged or changed; none where nothing was.
    let lines (report: ReadReport) =
        [
            report.SelfLoops, "self-loops dropped"
            report.DuplicateEdges, "repeated edges dropped"
            report.ReverseEdges, "edges merged with their reverse"
            report.OneWayEdges, "edges stated in one direction only dropped"
            report.UnknownEnds, "edges to nodes that are not listed dropped"
            report.IsolatedNodes, "nodes without edge dropped"
            report.MissingTexts, "nodes without text got one that says so"
            report.IdenticalTexts, "nodes left validation or test: their text is in training (or validation) too"
            report.UntaughtLabels, "labels dropped: no training node has their class"
        ]
        |> List.filter (fun (count, _) -> count > 0)
        |> List.map (fun (count, what) -> $"%d{count} %s{what}")

module ImportedGraph =
    /// The text of a node that has none.
    let missingText = "(no text)"

    let private sortedLabels (nodes: NodeRecord[]) =
        nodes
        |> Array.choose _.Label
        |> Array.distinct
        |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))

    let private fill (rules: HygieneRules) (graph: ImportedGraph) =
        match graph.Nodes |> Array.tryFind (fun node -> String.IsNullOrWhiteSpace node.Text) with
        | None -> graph.Nodes, 0
        | Some node when not rules.FillMissingTexts ->
            raise (
                GlemException(
                    InFile(
                        graph.NodesFile,
                        $"node '%s{node.Id}'",
                        "no text",
                        "a text on every node (or --rule missing-texts=fill)"
                    )
                )
            )
        | Some _ ->
            let mutable filled = 0

            let nodes =
                graph.Nodes
                |> Array.map (fun node ->
                    if String.IsNullOrWhiteSpace node.Text then
                        filled <- filled + 1
                        { node with Text = missingText }
                    else
                        node)

            nodes, filled

    let private refuse (graph: ImportedGraph) (counts: EdgeCounts) (rules: HygieneRules) =
        let bad found rule =
            raise (GlemException(InFile(graph.EdgesFile, "", found, $"none (or --rule %s{rule}=drop)")))

        if rules.SelfLoops = Blemish.Refuse && counts.SelfLoops > 0 then
            bad $"%d{counts.SelfLoops} self-loops" "self-loops"

        if rules.DuplicateEdges = Blemish.Refuse && counts.DuplicateEdges > 0 then
            bad $"%d{counts.DuplicateEdges} repeated edges" "duplicates"

    /// Records without split, by the rules that read nodes and edges. Uses up the stated edges. Raises GlemException.
    let toRecords (rules: HygieneRules) (graph: ImportedGraph) : DatasetRecords * ReadReport =
        let nodes, filled = fill rules graph
        let mutual = rules.Direction = EdgeDirection.Mutual
        let edges, counts = StatedEdges.undirected mutual graph.Edges
        refuse graph counts rules
        let linked = Array.zeroCreate<bool> nodes.Length

        for struct (a, b) in edges do
            linked[a] <- true
            linked[b] <- true

        let kept =
            if rules.DropIsolated then
                nodes |> Array.indexed |> Array.filter (fun (i, _) -> linked[i]) |> Array.map snd
            else
                nodes

        {
            Info = graph.Info
            ClassNames = graph.ClassNames |> Option.defaultWith (fun () -> sortedLabels kept)
            Nodes = kept
            Edges = edges |> Array.map (fun (struct (a, b)) -> struct (nodes[a].Id, nodes[b].Id))
        },
        {
            SelfLoops = counts.SelfLoops
            DuplicateEdges = counts.DuplicateEdges
            ReverseEdges = counts.ReverseEdges
            OneWayEdges = if mutual then counts.OneWayEdges else 0
            UnknownEnds = graph.UnknownEnds
            IsolatedNodes = nodes.Length - kept.Length
            MissingTexts = filled
            IdenticalTexts = 0
            UntaughtLabels = 0
        }

    /// Nodes of validation and test whose text stands in an earlier part, in no part.
    let private unassignCopies (nodes: NodeRecord[]) =
        let seen = HashSet<string>()
        let mutable left = 0
        let parts = nodes |> Array.map _.Part

        for part in [ Train; Valid; Test ] do
            let inPart = nodes |> Array.indexed |> Array.filter (fun (_, node) -> node.Part = part)

            for i, node in inPart do
                if part <> Train && seen.Contains node.Text then
                    parts[i] <- Unassigned
                    left <- left + 1

            // Only now: copies within one part stay.
            for _, node in inPart do
                seen.Add node.Text |> ignore

        (nodes, parts) ||> Array.map2 (fun node part -> { node with Part = part }), left

    let private unlabelUntaught (records: DatasetRecords) =
        let taught =
            records.Nodes |> Seq.filter (fun node -> node.Part = Train) |> Seq.choose _.Label |> HashSet

        let mutable dropped = 0

        let nodes =
            records.Nodes
            |> Array.map (fun node ->
                match node.Label with
                | Some label when not (taught.Contains label) ->
                    dropped <- dropped + 1

                    {
                        node with
                            Label = None
                            Part = Unassigned
                    }
                | _ -> node)

        {
            records with
                ClassNames = records.ClassNames |> Array.filter taught.Contains
                Nodes = nodes
        },
        dropped

    /// The rules that read the split, once it is made.
    let settle (rules: HygieneRules) (records: DatasetRecords, report: ReadReport) : DatasetRecords * ReadReport =
        let nodes, left =
            if rules.UnassignIdenticalTexts then
                unassignCopies records.Nodes
            else
                records.Nodes, 0

        let records = { records with Nodes = nodes }
        let records, dropped = if rules.UnlabelUntaught then unlabelUntaught records else records, 0

        records,
        {
            report with
                IdenticalTexts = left
                UntaughtLabels = dropped
        }
