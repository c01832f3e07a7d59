namespace Glem

open System
open System.Text.Json
open System.Text.Json.Nodes
open FSharp.Reflection

/// A graph model's shape among the keys of a config.json: "model_type", and the fields of the model's own record, in snake
/// case; a record within it is an object.
module internal GnnConfigFile =
    let private snake (name: string) = JsonNamingPolicy.SnakeCaseLower.ConvertName name
    let private caseName (case: UnionCaseInfo) = case.Name.ToLowerInvariant()

    /// The record that a model's case holds.
    let private shapeOf (case: UnionCaseInfo) = (Array.head (case.GetFields())).PropertyType

    let rec private writeFields (json: JsonObject) (kind: Type) (record: obj) =
        for field in FSharpType.GetRecordFields kind do
            let value: obj = field.GetValue record |> nonNull

            let node: JsonNode =
                match value with
                | :? int as number -> JsonValue.Create number
                | :? float as number -> JsonValue.Create number
                | :? bool as flag -> JsonValue.Create flag
                | value when FSharpType.IsRecord field.PropertyType ->
                    let inner = JsonObject()
                    writeFields inner field.PropertyType value
                    inner
                | value ->
                    let case, _ = FSharpValue.GetUnionFields(value, field.PropertyType)
                    JsonValue.Create(caseName case) |> nonNull :> JsonNode

            json.Add(snake field.Name, node)

    /// Adds the keys of a shape.
    let write (json: JsonObject) (config: GnnConfig) =
        let case, values = FSharpValue.GetUnionFields(config, typeof<GnnConfig>)
        json.Add("model_type", caseName case)
        writeFields json (shapeOf case) (nonNull values[0])

    /// Reads a shape. Raises GlemException for a key that is absent or holds what it cannot, by the file and the key.
    let read (path: string) (json: JsonNode) : GnnConfig =
        let bad key found expected = raise (GlemException(InFile(path, $"key '%s{key}'", found, expected)))

        let value (json: JsonNode) (key: string) =
            match json[key] with
            | null -> bad key "nothing" "a value, as `glem run` writes it"
            | node -> node

        let oneOf (kind: Type) key (node: JsonNode) =
            let cases = FSharpType.GetUnionCases kind
            let name = node.ToString()

            match cases |> Array.tryFind (fun case -> caseName case = name) with
            | Some case -> case
            | None -> bad key name ("one of " + String.Join(", ", cases |> Array.map caseName))

        let rec readFields (json: JsonNode) (kind: Type) : objnull =
            let fields: objnull[] = [|
                for field in FSharpType.GetRecordFields kind do
                    let key, kind = snake field.Name, field.PropertyType
                    let node = value json key

                    if FSharpType.IsRecord kind then
                        readFields node kind
                    elif FSharpType.IsUnion kind then
                        FSharpValue.MakeUnion(oneOf kind key node, [||])
                    else
                        node.Deserialize kind
            |]

            FSharpValue.MakeRecord(kind, fields)

        let case = oneOf typeof<GnnConfig> "model_type" (value json "model_type")
        FSharpValue.MakeUnion(case, [| readFields json (shapeOf case) |]) |> nonNull :?> GnnConfig
