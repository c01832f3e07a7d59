namespace Glem

open System
open System.Collections.Generic
open System.Globalization
open System.IO

/// Open Graph Benchmark's raw layout of a node-classification graph (Hu et al. 2020), as its archives unpack:
///   raw/num-node-list.csv.gz, raw/num-edge-list.csv.gz : one number     raw/edge.csv.gz : source, target by index
///   raw/node-label.csv.gz : a class index a node, nan for none          split/NAME/{train,valid,test}.csv.gz : node indices
///   mapping/nodeidx2*.csv.gz : node index, publisher's id               mapping/labelidx2*.csv.gz : class index, name
/// or, in place of raw/*.csv.gz (ogbn-papers100M): raw/data.npz with edge_index [2; e], raw/node-label.npz with node_label.
/// Files may also lie there unpacked, without .gz. Node features are not read: Glem makes its own from the texts.
module Ogb =
    let private fail file found expected : 'a = raise (GlemException(InFile(file, "", found, expected)))

    /// Whether a folder is laid out so.
    let isLayout (folder: string) =
        let raw = Path.Combine(folder, "raw")

        Directory.Exists(Path.Combine(folder, "split"))
        && (TextLines.find raw "num-node-list.csv" |> Option.isSome
            || File.Exists(Path.Combine(raw, "data.npz")))

    // ---- sizes

    /// Bytes that a graph of n nodes and e stated edges needs at the peak of its import, texts not counted: packed edges (8),
    /// undirected pairs (8), pairs of ids (16), sorting both directions into rows (40), and a node's record.
    let memory (n: int64) (e: int64) = 72L * e + 160L * n

    /// A graph too large for this machine is refused before anything is allocated.
    let private checkSize (file: string) (n: int64) (e: int64) =
        if n <= 0L || n > int64 StatedEdges.MostNodes then
            fail file $"%d{n} nodes" $"1 to %d{StatedEdges.MostNodes} nodes"

        // Both directions of every edge are counted in an int.
        if e < 0L || e > int64 (Int32.MaxValue / 2) then
            fail file $"%d{e} edges" $"at most %d{Int32.MaxValue / 2} edges"

        let here = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes
        let gigabytes (bytes: int64) = (float bytes / 1e9).ToString("0.0", CultureInfo.InvariantCulture)

        if memory n e > here then
            fail
                file
                $"%d{n} nodes and %d{e} edges, which need about %s{gigabytes (memory n e)} GB besides their texts"
                $"a graph that fits into this machine's %s{gigabytes here} GB"

    let private single (path: string) =
        match TextLines.read path |> Seq.filter (fun (struct (_, text)) -> text.Trim() <> "") |> Seq.toList with
        | [ struct (line, text) ] -> TextLines.number path line "a count" Int64.MaxValue (text.AsSpan())
        | rows -> fail path $"%d{rows.Length} rows" "one row: the count of the one graph"

    // ---- raw/*.csv

    let private csvEdges (raw: string) =
        let countFile = TextLines.need raw "num-node-list.csv"
        let n = single countFile

        let stated = TextLines.find raw "num-edge-list.csv" |> Option.map single |> Option.defaultValue 0L

        checkSize countFile n stated
        let path = TextLines.need raw "edge.csv"
        let edges = StatedEdges(int n)

        for struct (line, text) in TextLines.read path do
            match text.IndexOf ',' with
            | -1 -> TextLines.refuse path line (TextLines.quoted text) "source,target"
            | comma ->
                let source = TextLines.number path line "a node" n (text.AsSpan(0, comma))
                let target = TextLines.number path line "a node" n (text.AsSpan(comma + 1))
                edges.Add(int source, int target)

        if stated > 0L && int64 edges.Count <> stated then
            fail path $"%d{edges.Count} edges" $"the %d{stated} of num-edge-list.csv"

        edges, path

    /// A class index, or -1 for none ("nan", "").
    let private classIndex (path: string) (line: int64) (text: string) =
        match text.Trim().ToLowerInvariant() with
        | ""
        | "nan" -> -1
        | text ->
            match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
            | true, value when value >= 0.0 && value < 1e6 && value = Math.Floor value -> int value
            | _ -> TextLines.refuse path line (TextLines.quoted text) "one class index, or nan"

    let private csvClasses (raw: string) (n: int) =
        let path = TextLines.need raw "node-label.csv"
        let classes = Array.create n -1
        let mutable count = 0

        for struct (line, text) in TextLines.read path do
            if count >= n then
                TextLines.refuse path line "another label" $"%d{n} labels, one for each node"

            classes[count] <- classIndex path line text
            count <- count + 1

        if count < n then
            fail path $"%d{count} labels" $"%d{n}, one for each node"

        classes

    // ---- raw/*.npz

    let private npzEdges (raw: string) =
        let path = Path.Combine(raw, "data.npz")
        let mutable n = 0L

        Npz.read
            path
            "num_nodes_list"
            (fun shape ->
                if shape <> [ 1L ] then
                    fail path $"the shape %A{shape} of 'num_nodes_list'" "one graph")
            (fun _ count -> n <- int64 count)

        let mutable sources = [||]
        let mutable edges = StatedEdges 1

        let start shape =
            match shape with
            | [ 2L; e ] ->
                checkSize path n e
                sources <- Array.zeroCreate (int e)
                edges <- StatedEdges(int n)
            | _ -> fail path $"the shape %A{shape} of 'edge_index'" "two rows"

        Npz.read path "edge_index" start (fun i node ->
            if node < 0.0 || node >= float n then
                fail path $"the node %g{node} in 'edge_index'" $"a node from 0 to %d{n - 1L}"

            if i < int64 sources.Length then
                sources[int i] <- int node
            else
                edges.Add(sources[int (i - int64 sources.Length)], int node))

        edges, path

    let private npzClasses (raw: string) (n: int) =
        let path = Path.Combine(raw, "node-label.npz")
        let mutable classes = [||]

        let start shape =
            if List.head (shape @ [ 0L ]) <> int64 n || List.fold (*) 1L shape <> int64 n then
                fail path $"the shape %A{shape} of 'node_label'" $"%d{n} labels, one for each node"

            classes <- Array.create n -1

        Npz.read path "node_label" start (fun i label ->
            if Double.IsNaN label then
                ()
            elif label < 0.0 || label >= 1e6 || label <> Math.Floor label then
                fail path $"the label %g{label}" "a class index, or nan"
            else
                classes[int i] <- int label)

        classes

    // ---- split/ and mapping/

    let private parts (folder: string) (n: int) =
        let split = Path.Combine(folder, "split")

        let named =
            match Directory.GetDirectories split with
            | [| named |] -> named
            | folders -> fail split $"%d{folders.Length} splits" "one"

        let parts = Array.create n Unassigned

        for name, part in [ "train.csv", Train; "valid.csv", Valid; "test.csv", Test ] do
            let path = TextLines.need named name

            for struct (line, text) in TextLines.read path do
                let node = int (TextLines.number path line "a node" (int64 n) (text.AsSpan()))

                if parts[node] <> Unassigned then
                    TextLines.refuse path line $"the node %d{node} again" "each node in one part, once"

                parts[node] <- part

        parts

    /// Second column by the first, an index below `limit`, of mapping/PREFIX*.csv, whose first line is a header.
    let private mapping (folder: string) (prefix: string) (limit: int64) =
        let mapping = Path.Combine(folder, "mapping")

        let files =
            if Directory.Exists mapping then
                Directory.GetFiles(mapping, $"%s{prefix}*.csv*")
            else
                [||]

        match files with
        | [||] -> None
        | _ ->
            let path = Array.min files
            let found = Dictionary<int, string>()

            for struct (line, text) in TextLines.read path do
                if line > 1L && text <> "" then
                    match text.IndexOf ',' with
                    | -1 -> TextLines.refuse path line (TextLines.quoted text) "an index and a name"
                    | comma ->
                        let index = TextLines.number path line "an index" limit (text.AsSpan(0, comma))
                        found[int index] <- text.Substring(comma + 1).Trim().Trim('"')

            Some(path, found)

    let private ids (folder: string) (n: int) =
        match mapping folder "nodeidx2" (int64 n) with
        | None -> Array.init n string
        | Some(path, names) ->
            let ids =
                Array.init n (fun i ->
                    match names.TryGetValue i with
                    | true, name when name <> "" -> name
                    | _ -> fail path $"no id of node %d{i}" $"%d{n} ids, one for each node")

            match ids |> Array.countBy id |> Array.tryFind (fun (_, count) -> count > 1) with
            | Some(id, _) -> fail path $"the id '%s{id}' twice" "each id once"
            | None -> ids

    /// Names of the classes 0 .. c-1, each once: a nameless class is called by its index, a repeated name gets it behind.
    let private classNames (folder: string) (count: int) =
        let found = mapping folder "labelidx2" 1_000_000L |> Option.map snd |> Option.defaultWith Dictionary

        let names =
            Array.init count (fun k ->
                match found.TryGetValue k with
                | true, name when name <> "" -> name
                | _ -> string k)

        let repeated =
            names |> Array.countBy id |> Array.filter (fun (_, count) -> count > 1) |> Array.map fst |> set

        names |> Array.mapi (fun k name -> if repeated.Contains name then $"%s{name} (%d{k})" else name)

    // ---- all of it

    let private info (n: int) : DatasetInfo =
        // By their sizes: the layout itself does not say which graph it is.
        let name, licence, what =
            match n with
            | 169343 ->
                "ogbn-arxiv", "ODC-BY", "citations of computer science papers on arXiv (Microsoft Academic Graph)"
            | 2449029 -> "ogbn-products", "Amazon license", "products bought together at Amazon"
            | 111059956 -> "ogbn-papers100M", "ODC-BY", "citations of papers (Microsoft Academic Graph)"
            | _ -> "", "", ""

        {
            Name = name
            Licence = licence
            Source =
                if name = "" then
                    ""
                else
                    $"Open Graph Benchmark, %s{name}: %s{what}; https://ogb.stanford.edu/docs/nodeprop/"
            Attribution =
                if name = "" then
                    ""
                else
                    "Hu et al., Open Graph Benchmark: Datasets for Machine Learning on Graphs, NeurIPS 2020"
            SplitPolicy = "as given"
        }

    /// Reads a folder and its texts. Raises GlemException: file, line, found and expected of what is missing or wrong.
    ///   texts : files of OgbTexts; none: those found in the folder or beside it
    let read (folder: string) (texts: string list) : ImportedGraph =
        let raw = Path.Combine(folder, "raw")
        let binary = File.Exists(Path.Combine(raw, "data.npz"))
        let edges, edgesFile = if binary then npzEdges raw else csvEdges raw
        let n = edges.NodeCount
        let classes = if binary then npzClasses raw n else csvClasses raw n
        let parts = parts folder n
        let ids = ids folder n
        let names = classNames folder (Array.max classes + 1)

        let texts =
            match texts with
            | [] -> OgbTexts.findBeside folder
            | texts -> texts

        if texts.IsEmpty then
            fail
                folder
                "no texts"
                "--texts with titleabs.tsv.gz, with idx_title.tsv and idx_abs.tsv, or with trn.json and tst.json"

        let index = Dictionary<string, int>(n)
        ids |> Array.iteri (fun i id -> index[id] <- i)
        let nodeTexts = OgbTexts.read index n texts
        let present = classes |> Array.filter (fun k -> k >= 0) |> Array.distinct |> Array.sort

        {
            Info = info n
            ClassNames = Some(present |> Array.map (fun k -> names[k]))
            Nodes =
                Array.init n (fun i -> {
                    Id = ids[i]
                    Text = nodeTexts[i]
                    Label = if classes[i] < 0 then None else Some names[classes[i]]
                    Part = parts[i]
                })
            HasSplit = true
            Edges = edges
            UnknownEnds = 0
            NodesFile = String.Join(", ", texts |> List.map Path.GetFileName)
            EdgesFile = edgesFile
        }
