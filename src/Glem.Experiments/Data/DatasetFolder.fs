namespace Glem

open System
open System.Collections.Generic
open System.Globalization
open System.IO
open System.Text
open System.Text.Encodings.Web
open System.Text.Json
open CsvHelper
open CsvHelper.Configuration

/// The dataset folder: dataset.json, nodes.csv|tsv|jsonl and edges.csv|tsv, tables also as .gz.
module DatasetFolder =
    let private utf8 = UTF8Encoding(false)

    let private damage (file: string) found expected = Error(InFile(file, "", found, expected))

    // ---- dataset.json

    type private Manifest = {
        Info: DatasetInfo
        ClassNames: string[] option
        Hashes: Map<string, string>
    }

    let private keys =
        set [
            "name"
            "licence"
            "source"
            "attribution"
            "split"
            "nodes"
            "edges"
            "classes"
            "fingerprint"
            "files"
        ]

    let private parseManifest (path: string) (root: JsonElement) =
        let bad key found expected = raise (GlemException(InFile(path, $"key '%s{key}'", found, expected)))

        let text (element: JsonElement) key =
            match element.ValueKind with
            | JsonValueKind.String -> element.GetString() |> Option.ofObj |> Option.defaultValue ""
            | kind -> bad key (string kind) "a string"

        let find (key: string) =
            match root.TryGetProperty key with
            | true, element -> Some element
            | false, _ -> None

        let optional key = find key |> Option.map (fun element -> text element key) |> Option.defaultValue ""

        if root.ValueKind <> JsonValueKind.Object then
            raise (GlemException(InFile(path, "", string root.ValueKind, "a JSON object")))

        for property in root.EnumerateObject() do
            if not (keys.Contains property.Name) then
                bad property.Name "an unknown key" (String.Join(", ", keys))

        if find "name" |> Option.isNone then
            bad "name" "nothing" "the data set's name"

        {
            Info = {
                Name = optional "name"
                Licence = optional "licence"
                Source = optional "source"
                Attribution = optional "attribution"
                SplitPolicy = optional "split"
            }
            ClassNames =
                find "classes"
                |> Option.map (fun element ->
                    if element.ValueKind <> JsonValueKind.Array then
                        bad "classes" (string element.ValueKind) "a list of class names"

                    let names = [| for item in element.EnumerateArray() -> text item "classes" |]

                    match names |> Array.countBy id |> Array.tryFind (fun (_, count) -> count > 1) with
                    | Some(name, _) -> bad "classes" $"'%s{name}' twice" "each class once"
                    | None -> names)
            Hashes =
                match find "files" with
                | None -> Map.empty
                | Some element when element.ValueKind <> JsonValueKind.Object ->
                    bad "files" (string element.ValueKind) "an object: file name to SHA-256"
                | Some element ->
                    Map [
                        for property in element.EnumerateObject() -> property.Name, text property.Value "files"
                    ]
        }

    let private readManifest (path: string) =
        FileScan.check path
        |> Result.bind (fun () ->
            try
                use document = JsonDocument.Parse(File.ReadAllText path)
                Ok(parseManifest path document.RootElement)
            with
            | :? JsonException as error ->
                let line = error.LineNumber.GetValueOrDefault() + 1L
                Error(InFile(path, $"line %d{line}", "malformed JSON", "a JSON object"))
            | GlemException error -> Error error)

    // ---- nodes and edges

    /// All nodes, and whether a split column was there. Raises GlemException at the row that is wrong.
    let private readNodes (rules: HygieneRules) (path: string) format =
        let firstLine = Dictionary<string, struct (int64 * Part)>()
        let mutable hasSplit = true

        let nodes = [|
            for row in Rows.read path format [ "id"; "text"; "label" ] do
                let bad found expected = raise (GlemException(InFile(path, $"line %d{row.Line}", found, expected)))
                let field name = row.Field name |> Option.defaultValue ""
                let id = field "id"

                let part =
                    match row.Field "split" with
                    | None ->
                        hasSplit <- false
                        Unassigned
                    | Some text ->
                        match Dataset.partOf text with
                        | Some part -> part
                        | None -> bad $"the split '%s{text}'" "train, valid, test or nothing"

                if id = "" then
                    bad "an empty id" "an id"

                match firstLine.TryGetValue id with
                | true, struct (line, first) when first <> part ->
                    bad
                        $"node '%s{id}' in '%s{Dataset.partName part}', but in '%s{Dataset.partName first}' on line %d{line}"
                        "each node in one part of the split"
                | true, struct (line, _) -> bad $"the id '%s{id}' again (first on line %d{line})" "each id once"
                | false, _ -> firstLine[id] <- struct (row.Line, part)

                if not rules.FillMissingTexts && String.IsNullOrWhiteSpace(field "text") then
                    bad $"an empty text of node '%s{id}'" "a text on every node"

                let label =
                    match field "label" with
                    | "" -> None
                    | label -> Some label

                if label.IsNone && part <> Unassigned then
                    bad $"node '%s{id}' in '%s{Dataset.partName part}' without label" "a label, or no split"

                {
                    Id = id
                    Text = field "text"
                    Label = label
                    Part = part
                }
        |]

        if nodes.Length = 0 then
            raise (GlemException(InFile(path, "", "no rows", "a row for each node")))

        nodes, hasSplit

    /// Stated edges between the nodes of `index`, and how many were left out for an end that is none of them. Raises
    /// GlemException at the row that is wrong.
    let private readEdges (rules: HygieneRules) (path: string) rows (index: Dictionary<string, int>) =
        let edges = StatedEdges index.Count
        let mutable unknown = 0

        for struct (line: int64, source, target) in rows do
            let find name (id: string) =
                match index.TryGetValue id with
                | true, i -> i
                | false, _ when rules.UnknownEnds = Blemish.Drop -> -1
                | false, _ ->
                    raise (
                        GlemException(
                            InFile(path, $"line %d{line}", $"the %s{name} '%s{id}'", "the id of a listed node")
                        )
                    )

            let a = find "source" source
            let b = find "target" target
            if a < 0 || b < 0 then unknown <- unknown + 1 else edges.Add(a, b)

        edges, unknown

    /// The rows of an edge table (columns source and target) or an edge list, by its ending.
    let private edgeRows (path: string) : Result<seq<struct (int64 * string * string)>, GlemError> =
        if EdgeList.isEdgeList path then
            Ok(EdgeList.read path)
        else
            TableFormat.ofPath path
            |> Result.bind (function
                | JsonLines -> damage path "a JSONL table of edges" "edges as .csv or .tsv, or an edge list"
                | format ->
                    Ok(
                        seq {
                            for row in Rows.read path format [ "source"; "target" ] do
                                let field name = row.Field name |> Option.defaultValue ""
                                struct (row.Line, field "source", field "target")
                        }
                    ))

    let private endings =
        [ "csv"; "tsv"; "jsonl" ] |> List.collect (fun ending -> [ ending; ending + ".gz" ])

    /// The one file of a table in a folder.
    let private tableIn (folder: string) (name: string) endings =
        let found =
            endings
            |> List.map (fun ending -> Path.Combine(folder, $"%s{name}.%s{ending}"))
            |> List.filter File.Exists

        match found with
        | [ path ] -> Ok path
        | [] ->
            let names = endings |> List.map (fun ending -> $"%s{name}.%s{ending}")
            damage folder $"no table of %s{name}" (String.Join(", ", names))
        | several -> damage folder (String.Join(" and ", several |> List.map Path.GetFileName)) $"one table of %s{name}"

    /// Node and edge tables as they stand.
    let internal readTables info classNames (rules: HygieneRules) (nodesPath: string) (edgesPath: string) =
        let nodesFormat = FileScan.check nodesPath |> Result.bind (fun () -> TableFormat.ofPath nodesPath)
        let edges = FileScan.check edgesPath |> Result.bind (fun () -> edgeRows edgesPath)

        match nodesFormat, edges with
        | Error error, _
        | _, Error error -> Error error
        | Ok nodesFormat, Ok rows ->
            try
                let nodes, hasSplit = readNodes rules nodesPath nodesFormat
                let index = Dictionary<string, int>(nodes.Length)
                nodes |> Array.iteri (fun i node -> index[node.Id] <- i)
                let edges, unknown = readEdges rules edgesPath rows index

                Ok {
                    Info = info
                    ClassNames = classNames
                    Nodes = nodes
                    HasSplit = hasSplit
                    Edges = edges
                    UnknownEnds = unknown
                    NodesFile = nodesPath
                    EdgesFile = edgesPath
                }
            with GlemException error ->
                Error error

    /// Records by the rules, split by the policy; without one the stated split counts, or where there is none the standard one.
    let internal choose (rules: HygieneRules) policy seed (graph: ImportedGraph) =
        try
            let records, report = ImportedGraph.toRecords rules graph

            match policy, graph.HasSplit with
            | Some Given, false -> damage graph.NodesFile "no split" "a column 'split', or a policy that makes one"
            | Some policy, _ -> Ok(Dataset.splitRecords policy seed records, report)
            | None, true -> Ok(records, report)
            | None, false -> Ok(Dataset.splitRecords SplitPolicy.standard seed records, report)
            |> Result.map (ImportedGraph.settle rules)
        with GlemException error ->
            Error error

    /// A data set from its folder, with what reading dropped. A folder without split column gets the standard split of seed 0.
    /// Errors name file and line; a file whose SHA-256 is not the one in dataset.json is damaged.
    let read (folder: string) : Result<Dataset * ReadReport, GlemError> =
        let checkHash (manifest: Manifest) (path: string) =
            match manifest.Hashes.TryFind(Path.GetFileName path |> string) with
            | Some expected when not (expected.Equals(FileScan.sha256 path, StringComparison.OrdinalIgnoreCase)) ->
                damage
                    path
                    $"a damaged or changed file (SHA-256 %s{FileScan.sha256 path})"
                    $"the SHA-256 %s{expected} of dataset.json"
            | _ -> Ok()

        if not (Directory.Exists folder) then
            damage folder "no such folder" "a dataset folder"
        else
            let manifest = readManifest (Path.Combine(folder, "dataset.json"))
            let nodes = tableIn folder "nodes" endings

            let edges =
                tableIn folder "edges" (endings |> List.filter (fun ending -> not (ending.StartsWith "jsonl")))

            match manifest, nodes, edges with
            | Error error, _, _
            | _, Error error, _
            | _, _, Error error -> Error error
            | Ok manifest, Ok nodes, Ok edges ->
                checkHash manifest nodes
                |> Result.bind (fun () -> checkHash manifest edges)
                |> Result.bind (fun () ->
                    readTables manifest.Info manifest.ClassNames HygieneRules.standard nodes edges)
                |> Result.bind (choose HygieneRules.standard None 0)
                |> Result.bind (fun (records, report) ->
                    Dataset.ofRecords nodes records |> Result.map (fun dataset -> dataset, report))

    // ---- writing

    let private writeTable (path: string) (header: string list) (rows: seq<string list>) =
        use writer = new StreamWriter(path, false, utf8)

        // CsvHelper's own rule forgets a lone carriage return, which its reader takes for the end of the row.
        let mustQuote (field: ShouldQuoteArgs) =
            match field.Field with
            | null -> false
            | text -> text.AsSpan().IndexOfAny("\",\r\n") >= 0 || text.Trim().Length < text.Length

        let configuration =
            CsvConfiguration(CultureInfo.InvariantCulture, NewLine = "\n", ShouldQuote = mustQuote)

        use csv = new CsvWriter(writer, configuration)

        for row in Seq.append [ header ] rows do
            row |> List.iter csv.WriteField
            csv.NextRecord()

    let private writeManifest (path: string) (dataset: Dataset) (records: DatasetRecords) (files: string list) =
        use stream = File.Create path

        use json =
            new Utf8JsonWriter(
                stream,
                JsonWriterOptions(Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping)
            )

        json.WriteStartObject()
        json.WriteString("name", records.Info.Name)
        json.WriteString("licence", records.Info.Licence)
        json.WriteString("source", records.Info.Source)
        json.WriteString("attribution", records.Info.Attribution)
        json.WriteString("split", records.Info.SplitPolicy)
        json.WriteNumber("nodes", records.Nodes.Length)
        json.WriteNumber("edges", records.Edges.Length)
        json.WriteStartArray "classes"
        records.ClassNames |> Array.iter json.WriteStringValue
        json.WriteEndArray()
        json.WriteString("fingerprint", dataset.Fingerprint)
        json.WriteStartObject "files"

        for file in files do
            json.WriteString(Path.GetFileName file |> string, FileScan.sha256 file)

        json.WriteEndObject()
        json.WriteEndObject()

    /// Writes a data set and the records that it was made from as a folder: dataset.json, nodes.csv, edges.csv, made beside and
    /// moved into place whole. Error where the folder is there already, or it cannot be written; then nothing is left behind.
    let internal writeDataset
        (folder: string)
        (dataset: Dataset)
        (records: DatasetRecords)
        : Result<Dataset, GlemError> =
        let folder = Path.GetFullPath folder
        let beside = $"%s{folder}.%d{Environment.ProcessId}.tmp"

        let writeBeside () =
            Directory.CreateDirectory beside |> ignore
            let nodes = Path.Combine(beside, "nodes.csv")
            let edges = Path.Combine(beside, "edges.csv")

            writeTable
                nodes
                [ "id"; "text"; "label"; "split" ]
                (seq {
                    for node in records.Nodes ->
                        [
                            node.Id
                            node.Text
                            Option.defaultValue "" node.Label
                            Dataset.partName node.Part
                        ]
                })

            writeTable edges [ "source"; "target" ] (seq { for struct (a, b) in records.Edges -> [ a; b ] })
            writeManifest (Path.Combine(beside, "dataset.json")) dataset records [ nodes; edges ]
            Directory.Move(beside, folder)
            Ok dataset

        let clean () =
            if Directory.Exists beside then
                Directory.Delete(beside, true)

        if Directory.Exists folder || File.Exists folder then
            damage folder "something there already" "a folder that does not exist yet"
        else
            try
                try
                    writeBeside ()
                with
                | :? UnauthorizedAccessException
                | :? IOException as error ->
                    damage folder $"it cannot be written (%s{error.Message})" "a writable place"
            finally
                clean ()

    /// The same from records alone. Error also where they are no data set.
    let write (folder: string) (records: DatasetRecords) : Result<Dataset, GlemError> =
        Dataset.ofRecords folder records |> Result.bind (fun dataset -> writeDataset folder dataset records)
