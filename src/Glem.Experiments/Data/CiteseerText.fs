namespace Glem

open System.Collections.Generic
open System.IO

/// Citeseer with its titles and abstracts, as TAPE's repository once held it:
///   citeseer_texts.txt : three lines a paper: id, title and abstract, class     citeseer.cites : cited id, citing id
module CiteseerText =
    let private texts = "citeseer_texts.txt"
    let private cites = "citeseer.cites"

    let isLayout (folder: string) = TextLines.find folder texts |> Option.isSome

    let private info: DatasetInfo = {
        Name = "citeseer-text"
        Licence = "MIT (the repository's; for the titles and abstracts no licence is stated)"
        Source =
            "github.com/XiaoxinHe/TAPE, commit 1938a25c, dataset/CiteSeer-Orig: the LINQS selection of CiteSeer with titles and abstracts"
        Attribution =
            "(c) 2023 He, Bresson, Laurent, Hooi (TAPE); Sen et al., Collective Classification in Network Data, AI Magazine 2008"
        SplitPolicy = ""
    }

    /// Reads a folder. Citations of papers that have no text are told by the rule "unknown-ends". Raises GlemException.
    let read (rules: HygieneRules) (folder: string) : ImportedGraph =
        let path = TextLines.need folder texts
        let index = Dictionary<string, int>()

        let nodes = [|
            for record in TextLines.read path |> Seq.chunkBySize 3 do
                let struct (line, id) = record[0]

                if record.Length < 3 then
                    TextLines.refuse path line $"%d{record.Length} lines" "three lines a paper: id, text, class"

                let struct (_, text) = record[1]
                let struct (_, label) = record[2]
                let id = id.Trim()

                if id = "" || id.Contains ' ' then
                    TextLines.refuse path line (TextLines.quoted id) "a paper's id"

                if not (index.TryAdd(id, index.Count)) then
                    TextLines.refuse path line $"the id '%s{id}' again" "each id once"

                {
                    Id = id
                    Text = text.Trim()
                    Label = Some(label.Trim())
                    Part = Unassigned
                }
        |]

        let edgesFile = TextLines.need folder cites
        let edges = StatedEdges nodes.Length
        let mutable unknown = 0

        for struct (line, cited, citing) in EdgeList.read edgesFile do
            match index.TryGetValue citing, index.TryGetValue cited with
            | (true, a), (true, b) -> edges.Add(a, b)
            | _ when rules.UnknownEnds = Blemish.Drop -> unknown <- unknown + 1
            | _ ->
                TextLines.refuse
                    edgesFile
                    line
                    $"'%s{cited}' and '%s{citing}'"
                    "papers of citeseer_texts.txt (or --rule unknown-ends=drop)"

        {
            Info = info
            ClassNames = None
            Nodes = nodes
            HasSplit = false
            Edges = edges
            UnknownEnds = unknown
            NodesFile = path
            EdgesFile = edgesFile
        }
