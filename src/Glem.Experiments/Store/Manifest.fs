namespace Glem

open System
open System.Globalization
open System.Security.Cryptography
open System.Text.Json
open System.Text.Json.Nodes

/// A file of an artifact.
[<RequireQualifiedAccess>]
type StoredFile = {
    /// Relative to the artifact's folder, parts divided by '/'.
    Path: string
    Length: int64
    /// 64 lower-case hexadecimal digits.
    Sha256: string
}

/// What an artifact is and where it comes from: its manifest.json.
[<RequireQualifiedAccess>]
type Manifest = {
    Kind: string
    Name: string
    Key: StageKey
    Configuration: JsonNode
    Inputs: StageKey list
    /// By path.
    Files: StoredFile list
    /// What computing it took.
    Seconds: float
    /// The computing process' largest resident set up to then, MiB, where the system tells.
    PeakMemoryMb: float option
    Started: DateTimeOffset
    /// Processor and operating system: bits repeat on the same ones only.
    Machine: string
    Glem: string
    /// The commit of the source, where the build knows it.
    Commit: string option
} with

    /// Bytes of all files but the manifest.
    member this.Bytes = this.Files |> List.sumBy _.Length

module Manifest =
    let private keys (inputs: StageKey list) = inputs |> Seq.choose (fun input -> Json.text input.Text) |> Json.array

    let private fields (manifest: Manifest) = [
        "format", Json.int StageSpec.format
        "kind", Json.text manifest.Kind
        "name", Json.text manifest.Name
        "key", Json.text manifest.Key.Text
        "configuration", Some(manifest.Configuration.DeepClone())
        "inputs", keys manifest.Inputs
        "files",
        Json.array [
            for file in manifest.Files ->
                Json.object [
                    "path", Json.text file.Path
                    "length", Some(JsonValue.Create file.Length)
                    "sha256", Json.text file.Sha256
                ]
        ]
        "seconds", Json.float manifest.Seconds
        "peakMemoryMb", manifest.PeakMemoryMb |> Option.bind Json.float
        "started", Json.text (manifest.Started.ToString("O", CultureInfo.InvariantCulture))
        "machine", Json.text manifest.Machine
        "glem", Json.text manifest.Glem
        "commit", manifest.Commit |> Option.bind Json.text
    ]

    /// SHA-256 over the canonical form of every other field: the manifest itself may be what is damaged.
    let private checksum (fields: JsonNode) = CanonicalJson.bytes fields |> SHA256.HashData |> Convert.ToHexStringLower

    /// The manifest as JSON.
    let toJson (manifest: Manifest) : JsonNode =
        let sum = manifest |> fields |> Json.object |> checksum
        Json.object (fields manifest @ [ "checksum", Json.text sum ])

    let private stageKey at =
        match Json.asText at |> StageKey.ofText with
        | Some key -> key
        | None -> Json.refuse "64 lower-case hexadecimal digits" at

    let private wholeNumber (at: JsonPlace) =
        match at.Value.ValueKind with
        | JsonValueKind.Number ->
            match at.Value.TryGetInt64() with
            | true, value when value >= 0L -> value
            | _ -> Json.refuse "a whole number" at
        | _ -> Json.refuse "a whole number" at

    let private time at =
        match DateTimeOffset.TryParse(Json.asText at, CultureInfo.InvariantCulture) with
        | true, time -> time
        | _ -> Json.refuse "a date and time such as 2026-01-31T12:00:00Z" at

    let private file at : StoredFile = {
        Path = at |> Json.field "path" |> Json.asText
        Length = at |> Json.field "length" |> wholeNumber
        Sha256 = (at |> Json.field "sha256" |> stageKey).Text
    }

    let private node (at: JsonPlace) =
        let options = JsonDocumentOptions(AllowDuplicateProperties = false)

        match JsonNode.Parse(at.Value.GetRawText(), documentOptions = options) with
        | null -> Json.refuse "a value" at
        | node -> node

    let private reader at : Manifest =
        let text key = at |> Json.field key |> Json.asText
        let all = node at
        all.AsObject().Remove "checksum" |> ignore
        let sum = checksum all

        if text "checksum" <> sum then
            at |> Json.field "checksum" |> Json.refuse $"the checksum of the other fields, %s{sum}"

        let manifest: Manifest = {
            Kind = text "kind"
            Name = text "name"
            Key = at |> Json.field "key" |> stageKey
            Configuration = at |> Json.field "configuration" |> node
            Inputs = at |> Json.field "inputs" |> Json.items |> List.map stageKey
            Files = at |> Json.field "files" |> Json.items |> List.map file
            Seconds = at |> Json.field "seconds" |> Json.asFloat
            PeakMemoryMb = at |> Json.tryField "peakMemoryMb" |> Option.map Json.asFloat
            Started = at |> Json.field "started" |> time
            Machine = text "machine"
            Glem = text "glem"
            Commit = at |> Json.tryField "commit" |> Option.map Json.asText
        }

        let key = StageSpec.key manifest.Kind manifest.Configuration manifest.Inputs

        if manifest.Key <> key then
            at |> Json.field "key" |> Json.refuse $"the key of kind, configuration and inputs, %s{key.Text}"

        manifest

    /// Reads a manifest's text; `file` is named in complaints.
    let parse (file: string) (text: string) : Result<Manifest, GlemError> =
        try
            Json.read file "" reader text
        with :? JsonException as problem ->
            Error(InFile(file, "", problem.Message, "a manifest"))
