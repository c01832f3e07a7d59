namespace Glem

open System
open System.Collections.Generic
open System.Globalization
open System.IO
open System.Text
open System.Text.Json
open CsvHelper
open CsvHelper.Configuration

/// What reading left out or merged: counted, so that it is never silent.
type ReadReport = {
    SelfLoops: int
    /// Rows that repeat an edge in the same direction.
    DuplicateEdges: int
    /// Rows that state the reverse of an edge already there; the graph is undirected.
    ReverseEdges: int
}

module ReadReport =
    /// A line for each thing that was left out or merged; none where nothing was.
    let lines (report: ReadReport) =
        [
            report.SelfLoops, "self-loops dropped"
            report.DuplicateEdges, "repeated edges dropped"
            report.ReverseEdges, "edges merged with their reverse"
        ]
        |> List.filter (fun (count, _) -> count > 0)
        |> List.map (fun (count, what) -> $"%d{count} %s{what}")

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

    /// What a split column may say; "val" and "validation" are other libraries' words for valid.
    let private partOf (text: string) =
        match text with
        | "train" -> Some Train
        | "valid"
        | "val"
        | "validation" -> Some Valid
        | "test" -> Some Test
        | "" -> Some Unassigned
        | _ -> None

    /// All nodes, and whether a split column was there. Raises GlemException at the row that is wrong.
    let private readNodes (path: string) format =
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
                        match partOf text with
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

                if String.IsNullOrWhiteSpace(field "text") then
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

    /// Undirected edges, each once, in the file's order, with what was dropped. Raises GlemException at the row that is wrong.
    let private readEdges (path: string) format (ids: HashSet<string>) =
        let seen = HashSet<struct (string * string)>()
        let mutable loops = 0
        let mutable duplicates = 0
        let mutable reverses = 0

        let edges = [|
            for row in Rows.read path format [ "source"; "target" ] do
                let ending name =
                    let id = row.Field name |> Option.defaultValue ""

                    if not (ids.Contains id) then
                        raise (
                            GlemException(
                                InFile(path, $"line %d{row.Line}", $"the %s{name} '%s{id}'", "the id of a listed node")
                            )
                        )

                    id

                let source = ending "source"
                let target = ending "target"

                if source = target then loops <- loops + 1
                elif not (seen.Add(struct (source, target))) then duplicates <- duplicates + 1
                elif seen.Contains(struct (target, source)) then reverses <- reverses + 1
                else struct (source, target)
        |]

        edges,
        {
            SelfLoops = loops
            DuplicateEdges = duplicates
            ReverseEdges = reverses
        }

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

    /// Node and edge tables as records. Labels found in the file, sorted, are the classes where `classNames` gives none. Without
    /// a policy the split column counts, or where there is none the standard split.
    let internal readTables info classNames policy seed (nodesPath: string) (edgesPath: string) =
        let format path = FileScan.check path |> Result.bind (fun () -> TableFormat.ofPath path)

        match format nodesPath, format edgesPath with
        | Error error, _
        | _, Error error -> Error error
        | _, Ok JsonLines -> damage edgesPath "a JSONL table of edges" "edges as .csv or .tsv"
        | Ok nodesFormat, Ok edgesFormat ->
            try
                let nodes, hasSplit = readNodes nodesPath nodesFormat
                let edges, report = readEdges edgesPath edgesFormat (nodes |> Seq.map _.Id |> HashSet)

                let names =
                    classNames
                    |> Option.defaultWith (fun () ->
                        nodes
                        |> Array.choose _.Label
                        |> Array.distinct
                        |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b)))

                let records: DatasetRecords = {
                    Info = info
                    ClassNames = names
                    Nodes = nodes
                    Edges = edges
                }

                match policy, hasSplit with
                | Some Given, false ->
                    Error(
                        InFile(nodesPath, "line 1", "no column 'split'", "a column 'split', or a policy that makes one")
                    )
                | Some policy, _ -> Ok(Dataset.splitRecords policy seed records, report)
                | None, true -> Ok(records, report)
                | None, false -> Ok(Dataset.splitRecords SplitPolicy.standard seed records, report)
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
                |> Result.bind (fun () -> readTables manifest.Info manifest.ClassNames None 0 nodes edges)
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
        use json = new Utf8JsonWriter(stream, JsonWriterOptions(Indented = true))
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

    /// Writes a data set as a folder: dataset.json, nodes.csv, edges.csv, made beside and moved into place whole. Error where the
    /// records are no data set, the folder is there already, or it cannot be written; then nothing is left behind.
    let write (folder: string) (records: DatasetRecords) : Result<Dataset, GlemError> =
        let folder = Path.GetFullPath folder
        let beside = $"%s{folder}.%d{Environment.ProcessId}.tmp"

        let writeBeside dataset =
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

        Dataset.ofRecords folder records
        |> Result.bind (fun dataset ->
            if Directory.Exists folder || File.Exists folder then
                damage folder "something there already" "a folder that does not exist yet"
            else
                try
                    try
                        writeBeside dataset
                    with
                    | :? UnauthorizedAccessException
                    | :? IOException as error ->
                        damage folder $"it cannot be written (%s{error.Message})" "a writable place"
                finally
                    clean ())
