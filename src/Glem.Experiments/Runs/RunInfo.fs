namespace Glem

open System
open System.Text.Json
open System.Text.Json.Nodes

/// The data set as the report shows it.
type DatasetCard = {
    Name: string
    /// SHA-256 over the data set's canonical form.
    Fingerprint: string
    Licence: string option
    Source: string option
    Nodes: int
    Edges: int
    /// Class names, in index order.
    Classes: string list
    TrainNodes: int
    ValidNodes: int
    TestNodes: int
    /// How nodes came to their parts: "given", or the fractions and the seed.
    SplitPolicy: string option
    /// Fraction of edges that join two nodes of one class, 0 to 1.
    EdgeHomophily: float option
    WordsPerNode: float option
}

type Versions = {
    Glem: string
    /// The commit of the source, where the build knows it.
    Commit: string option
    DotNet: string
    LibTorch: string
}

/// What the figures in a run depend on besides the configuration: bits repeat on the same one only.
type Machine = {
    Cpu: string
    Threads: int
    /// Number format of matrix products, and the device: "bfloat16 on cpu".
    Compute: string
    Blas: string
    OperatingSystem: string
}

/// What a run was asked to do and where it did it: run.json. Holds no absolute path.
type RunInfo = {
    Recipe: string
    Seed: int
    /// The command line that does the same again.
    Command: string
    Started: DateTimeOffset
    Dataset: DatasetCard
    /// The effective configuration, defaults included, as the recipe file would say it.
    Configuration: JsonElement
    Versions: Versions
    Machine: Machine
}

module RunInfo =
    let private card (card: DatasetCard) =
        Json.object [
            "name", Json.text card.Name
            "fingerprint", Json.text card.Fingerprint
            "licence", Option.bind Json.text card.Licence
            "source", Option.bind Json.text card.Source
            "nodes", Json.int card.Nodes
            "edges", Json.int card.Edges
            "classes", card.Classes |> Seq.choose Json.text |> Json.array
            "trainNodes", Json.int card.TrainNodes
            "validNodes", Json.int card.ValidNodes
            "testNodes", Json.int card.TestNodes
            "splitPolicy", Option.bind Json.text card.SplitPolicy
            "edgeHomophily", Option.bind Json.float card.EdgeHomophily
            "wordsPerNode", Option.bind Json.float card.WordsPerNode
        ]

    let private readCard at =
        let text key = at |> Json.field key |> Json.asText
        let tryText key = at |> Json.tryField key |> Option.map Json.asText
        let count key = at |> Json.field key |> Json.asInt

        {
            Name = text "name"
            Fingerprint = text "fingerprint"
            Licence = tryText "licence"
            Source = tryText "source"
            Nodes = count "nodes"
            Edges = count "edges"
            Classes = at |> Json.field "classes" |> Json.items |> List.map Json.asText
            TrainNodes = count "trainNodes"
            ValidNodes = count "validNodes"
            TestNodes = count "testNodes"
            SplitPolicy = tryText "splitPolicy"
            EdgeHomophily = at |> Json.tryField "edgeHomophily" |> Option.map Json.asFraction
            WordsPerNode = at |> Json.tryField "wordsPerNode" |> Option.map Json.asFloat
        }

    let private readStarted at =
        match DateTimeOffset.TryParse(Json.asText at, Globalization.CultureInfo.InvariantCulture) with
        | true, started -> started
        | _ -> Json.refuse "a date and time such as 2026-01-31T12:00:00Z" at

    let versionsJson (versions: Versions) =
        Json.object [
            "glem", Json.text versions.Glem
            "commit", Option.bind Json.text versions.Commit
            "dotnet", Json.text versions.DotNet
            "libtorch", Json.text versions.LibTorch
        ]

    let machineJson (machine: Machine) =
        Json.object [
            "cpu", Json.text machine.Cpu
            "threads", Json.int machine.Threads
            "compute", Json.text machine.Compute
            "blas", Json.text machine.Blas
            "operatingSystem", Json.text machine.OperatingSystem
        ]

    /// run.json's text.
    let toJson info =
        Json.object [
            "recipe", Json.text info.Recipe
            "seed", Json.int info.Seed
            "command", Json.text info.Command
            "started", Json.text (info.Started.UtcDateTime.ToString "yyyy-MM-dd'T'HH:mm:ss'Z'")
            "dataset", Some(card info.Dataset)
            "configuration", Option.ofObj (JsonNode.Parse(info.Configuration.GetRawText()))
            "versions", Some(versionsJson info.Versions)
            "machine", Some(machineJson info.Machine)
        ]
        |> Json.document

    let private reader at =
        let versions = Json.field "versions" at
        let machine = Json.field "machine" at

        {
            Recipe = at |> Json.field "recipe" |> Json.asText
            Seed = at |> Json.field "seed" |> Json.asInt
            Command = at |> Json.field "command" |> Json.asText
            Started = at |> Json.field "started" |> readStarted
            Dataset = at |> Json.field "dataset" |> readCard
            Configuration = (Json.field "configuration" at).Value
            Versions = {
                Glem = versions |> Json.field "glem" |> Json.asText
                Commit = versions |> Json.tryField "commit" |> Option.map Json.asText
                DotNet = versions |> Json.field "dotnet" |> Json.asText
                LibTorch = versions |> Json.field "libtorch" |> Json.asText
            }
            Machine = {
                Cpu = machine |> Json.field "cpu" |> Json.asText
                Threads = machine |> Json.field "threads" |> Json.asInt
                Compute = machine |> Json.field "compute" |> Json.asText
                Blas = machine |> Json.field "blas" |> Json.asText
                OperatingSystem = machine |> Json.field "operatingSystem" |> Json.asText
            }
        }

    let write path info = RunFile.write path (toJson info)
    let read path = RunFile.read path |> Result.bind (Json.read path "" reader)

    /// The configuration's leaves by dotted path, as `--set path=value` would spell them.
    let settings info =
        let rec leaves (path: string) (value: JsonElement) =
            match value.ValueKind with
            | JsonValueKind.Object -> [
                for property in value.EnumerateObject() do
                    yield! leaves (if path = "" then property.Name else $"%s{path}.%s{property.Name}") property.Value
              ]
            | JsonValueKind.String -> [ path, value.ToString() ]
            | _ -> [ path, value.GetRawText() ]

        leaves "" info.Configuration
