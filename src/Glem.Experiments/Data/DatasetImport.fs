namespace Glem

open System.IO

/// Layouts that `glem data import` reads.
[<RequireQualifiedAccess>]
type ImportFormat =
    /// A table of nodes and a table or list of edges.
    | Tables
    | GraphMl
    | Ogb
    | Planetoid
    | CiteseerText
    | Wikispeedia

module ImportFormat =
    /// As the command line spells them.
    let names = [
        "tables", ImportFormat.Tables
        "graphml", ImportFormat.GraphMl
        "ogb", ImportFormat.Ogb
        "planetoid", ImportFormat.Planetoid
        "citeseer-text", ImportFormat.CiteseerText
        "wikispeedia", ImportFormat.Wikispeedia
    ]

    let ofName (name: string) =
        match List.tryFind (fst >> (=) name) names with
        | Some(_, format) -> Ok format
        | None ->
            let known = names |> List.map fst |> String.concat ", "
            Error(InSetting("--format", name, $"one of %s{known}"))

    /// What a file or folder looks like.
    let detect (path: string) : Result<ImportFormat, GlemError> =
        let layouts = [
            Ogb.isLayout, ImportFormat.Ogb
            PlanetoidImport.isLayout, ImportFormat.Planetoid
            CiteseerText.isLayout, ImportFormat.CiteseerText
            Wikispeedia.isLayout, ImportFormat.Wikispeedia
        ]

        if GraphMl.isGraphMl path then
            Ok ImportFormat.GraphMl
        elif not (Directory.Exists path) then
            Error(InFile(path, "", "no such folder", "a folder of a known layout, or a .graphml file"))
        else
            match layouts |> List.tryFind (fun (isLayout, _) -> isLayout path) with
            | Some(_, format) -> Ok format
            | None ->
                let expected =
                    "raw/ and split/ (OGB), net.txt, feature.txt and label.txt (Planetoid), citeseer_texts.txt, or texts_512w.tsv and categories.tsv (Wikispeedia); or --nodes and --edges"

                Error(InFile(path, "", "a folder of no known layout", expected))

/// Where the data are.
type ImportSource =
    | TableFiles of nodes: string * edges: string
    | Place of path: string * format: ImportFormat

/// What `glem data import` is asked for.
type ImportRequest = {
    From: ImportSource
    /// The folder to make.
    Out: string
    /// What the person says; what stays empty is what the format knows, and the name at last the output folder's.
    Info: DatasetInfo
    /// None: the stated split where there is one, else the standard split.
    Policy: SplitPolicy option
    Seed: int
    Rules: HygieneRules
    /// Files of OGB's texts; none: those found in the folder or beside it.
    Texts: string list
    GraphMlKeys: GraphMlKeys
}

/// `glem data import`: what a person has, as a dataset folder.
module Import =
    /// The request for a source, with nothing told about licence and origin.
    let from (source: ImportSource) (out: string) : ImportRequest = {
        From = source
        Out = out
        Info = {
            Name = ""
            Licence = ""
            Source = ""
            Attribution = ""
            SplitPolicy = ""
        }
        Policy = None
        Seed = 0
        Rules = HygieneRules.standard
        Texts = []
        GraphMlKeys = GraphMl.standardKeys
    }

    /// The request for two tables.
    let ofTables (nodes: string) (edges: string) (out: string) = from (TableFiles(nodes, edges)) out

    let private read (request: ImportRequest) : Result<ImportedGraph, GlemError> =
        try
            match request.From with
            | TableFiles(nodes, edges) ->
                let info = {
                    request.Info with
                        SplitPolicy = SplitPolicy.describe Given
                }

                DatasetFolder.readTables info None request.Rules nodes edges
            | Place(path, ImportFormat.GraphMl) -> Ok(GraphMl.read request.Rules request.GraphMlKeys path)
            | Place(path, ImportFormat.Ogb) -> Ok(Ogb.read path request.Texts)
            | Place(path, ImportFormat.Planetoid) -> Ok(PlanetoidImport.read path)
            | Place(path, ImportFormat.CiteseerText) -> Ok(CiteseerText.read request.Rules path)
            | Place(path, ImportFormat.Wikispeedia) -> Ok(Wikispeedia.read request.Rules path)
            | Place(path, ImportFormat.Tables) ->
                Error(InSetting("--format", $"tables with %s{path}", "--nodes and --edges, which name the tables"))
        with GlemException error ->
            Error error

    /// What the person says, else what the format knows.
    let private describe (request: ImportRequest) (known: DatasetInfo) : DatasetInfo =
        let or' (known: string) (told: string) = if told = "" then known else told

        {
            Name = request.Info.Name |> or' known.Name |> or' (DirectoryInfo(request.Out).Name)
            Licence = request.Info.Licence |> or' known.Licence
            Source = request.Info.Source |> or' known.Source
            Attribution = request.Info.Attribution |> or' known.Attribution
            SplitPolicy = known.SplitPolicy
        }

    /// Reads, checks, chooses, splits and writes. Error: what is wrong with the source, by file and line; then no folder is made.
    let run (request: ImportRequest) : Result<Dataset * ReadReport, GlemError> =
        let checkedPolicy =
            match request.Policy with
            | Some policy -> SplitPolicy.check policy |> Result.map Some
            | None -> Ok None

        checkedPolicy
        |> Result.bind (fun policy ->
            read request
            |> Result.bind (fun graph ->
                let graph = {
                    graph with
                        Info = describe request graph.Info
                }

                DatasetFolder.choose request.Rules policy request.Seed graph
                |> Result.bind (fun (records, report) ->
                    // What is wrong with the content is the source's fault, not that of the folder it would become.
                    Dataset.ofRecords graph.NodesFile records
                    |> Result.bind (fun dataset -> DatasetFolder.writeDataset request.Out dataset records)
                    |> Result.map (fun dataset -> dataset, report))))

/// `glem data validate`.
module Validate =
    /// The folder read whole; Error says the first thing that is wrong.
    let run (folder: string) : Result<Dataset * ReadReport, GlemError> = DatasetFolder.read folder
