namespace Glem

open System
open System.Collections.Generic
open System.IO
open System.Xml

/// Which data of a GraphML node is what.
type GraphMlKeys = {
    /// attr.name of the text; several are joined by a blank.
    Texts: string list
    Label: string
    Split: string
}

/// GraphML (Brandes et al. 2002), as networkx, igraph, Gephi and yEd write it: one graph of nodes and edges with data.
/// Nested graphs, hyperedges and ports are refused. Read element by element; entities and DTDs are not followed.
module GraphMl =
    let standardKeys = {
        Texts = [ "text" ]
        Label = "label"
        Split = "split"
    }

    let isGraphMl (path: string) =
        path.EndsWith(".graphml", StringComparison.OrdinalIgnoreCase)
        || path.EndsWith(".graphml.gz", StringComparison.OrdinalIgnoreCase)

    type private Node = {
        Id: string
        Line: int
        Data: Dictionary<string, string>
    }

    let private settings =
        XmlReaderSettings(DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, MaxCharactersInDocument = 0L)

    /// Reads a file. Raises GlemException with the line of what is wrong.
    let read (rules: HygieneRules) (keys: GraphMlKeys) (path: string) : ImportedGraph =
        FileScan.check path |> Result.orRaise
        let nodes = List<Node>()
        let index = Dictionary<string, int>()
        let stated = List<struct (int * string * string)>()
        // Data refer to keys by their id; a person knows the key's attr.name.
        let names = Dictionary<string, string>()
        use text = FileScan.openText path
        use reader = XmlReader.Create(text, settings)

        let line () =
            match box reader with
            | :? IXmlLineInfo as place -> place.LineNumber
            | _ -> 0

        let refuse line found expected = TextLines.refuse path (int64 line) found expected

        let attribute name =
            match reader.GetAttribute(name: string) with
            | null -> refuse (line ()) $"a <%s{reader.LocalName}> without '%s{name}'" "one with it"
            | value -> value

        let mutable graphs = 0
        let mutable current: Node option = None

        try
            while reader.Read() do
                match reader.NodeType, reader.LocalName with
                | XmlNodeType.Element, "key" ->
                    let name =
                        reader.GetAttribute "attr.name" |> Option.ofObj |> Option.defaultWith (fun () -> attribute "id")

                    names[attribute "id"] <- name
                | XmlNodeType.Element, "graph" ->
                    graphs <- graphs + 1

                    if graphs > 1 then
                        refuse (line ()) "a second or nested graph" "one graph"
                | XmlNodeType.Element, "node" ->
                    let node = {
                        Id = attribute "id"
                        Line = line ()
                        Data = Dictionary()
                    }

                    if node.Id = "" then
                        refuse (line ()) "an empty id" "an id"

                    if not (index.TryAdd(node.Id, nodes.Count)) then
                        refuse
                            (line ())
                            $"the id '%s{node.Id}' again (first on line %d{nodes[index[node.Id]].Line})"
                            "each id once"

                    nodes.Add node
                    current <- if reader.IsEmptyElement then None else Some node
                | XmlNodeType.EndElement, "node" -> current <- None
                | XmlNodeType.Element, "edge" -> stated.Add(struct (line (), attribute "source", attribute "target"))
                | XmlNodeType.Element, "data" ->
                    match current with
                    | Some node ->
                        let key = attribute "key"

                        let name =
                            match names.TryGetValue key with
                            | true, name -> name
                            | false, _ -> refuse (line ()) $"the key '%s{key}'" "a <key> with this id"

                        node.Data[name] <- if reader.IsEmptyElement then "" else reader.ReadString()
                    | None -> ()
                | XmlNodeType.Element, ("hyperedge" | "port" as what) ->
                    refuse (line ()) $"a <%s{what}>" "nodes and edges"
                | _ -> ()
        with :? XmlException as error ->
            // A forbidden document type comes without a line.
            let place = if error.LineNumber > 0 then $"line %d{error.LineNumber}" else ""
            raise (GlemException(InFile(path, place, $"malformed XML (%s{error.Message})", "GraphML")))

        if nodes.Count = 0 then
            raise (GlemException(InFile(path, "", "no node", "a GraphML graph")))

        let carries name = nodes |> Seq.exists _.Data.ContainsKey(name)

        for name in keys.Texts @ [ keys.Label ] do
            if not (carries name) then
                raise (
                    GlemException(
                        InFile(
                            path,
                            "",
                            $"no node with the data '%s{name}'",
                            $"""one of %s{String.Join(", ", names.Values)} (--text and --label choose)"""
                        )
                    )
                )

        let edges = StatedEdges nodes.Count
        let mutable unknown = 0

        for struct (line, source, target) in stated do
            let find name (id: string) =
                match index.TryGetValue id with
                | true, i -> i
                | false, _ when rules.UnknownEnds = Blemish.Drop -> -1
                | false, _ -> refuse line $"the %s{name} '%s{id}'" "the id of a node"

            let a = find "source" source
            let b = find "target" target
            if a < 0 || b < 0 then unknown <- unknown + 1 else edges.Add(a, b)

        let field name (node: Node) =
            match node.Data.TryGetValue name with
            | true, value -> value.Trim()
            | false, _ -> ""

        {
            Info = {
                Name = ""
                Licence = ""
                Source = Path.GetFileName path |> string
                Attribution = ""
                SplitPolicy = SplitPolicy.describe Given
            }
            ClassNames = None
            Nodes = [|
                for node in nodes do
                    {
                        Id = node.Id
                        Text = keys.Texts |> List.map (fun name -> field name node) |> String.concat " " |> _.Trim()
                        Label =
                            (match field keys.Label node with
                             | "" -> None
                             | label -> Some label)
                        Part =
                            (match Dataset.partOf (field keys.Split node) with
                             | Some part -> part
                             | None ->
                                 refuse
                                     node.Line
                                     $"the split '%s{field keys.Split node}'"
                                     "train, valid, test or nothing")
                    }
            |]
            HasSplit = carries keys.Split
            Edges = edges
            UnknownEnds = unknown
            NodesFile = path
            EdgesFile = path
        }
