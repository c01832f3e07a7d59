namespace Glem

open System
open System.Globalization
open System.Text.Json
open System.Text.Json.Nodes
open FSharp.Reflection

/// Records of numbers, texts, switches, plain unions and further records, as JSON and as "path=value" settings.
/// Field names are the record's in camel case; a name that the record lacks is an error, never ignored.
module Settings =
    let private jsonName (name: string) = string (Char.ToLowerInvariant name[0]) + name.Substring 1

    let private fields (record: Type) = FSharpType.GetRecordFields record

    let private caseNames (union: Type) = FSharpType.GetUnionCases union |> Array.map (fun case -> jsonName case.Name)

    let private fail key found expected = raise (GlemException(InSetting(key, found, expected)))

    let private join prefix name = if prefix = "" then name else $"%s{prefix}.%s{name}"

    // A closest known name helps more than the whole list, but the list is never wrong.
    let private unknown key (record: Type) =
        let known = fields record |> Array.map (fun field -> jsonName field.Name) |> String.concat ", "
        fail key "an unknown field" $"one of %s{known}"

    let rec private toNode (value: objnull) : JsonNode | null =
        match value with
        | :? int as number -> JsonValue.Create number
        | :? float as number -> JsonValue.Create number
        | :? bool as flag -> JsonValue.Create flag
        | :? string as text -> JsonValue.Create text
        | NonNull value when FSharpType.IsRecord(value.GetType()) ->
            let json = JsonObject()

            for field in fields (value.GetType()) do
                json.Add(jsonName field.Name, toNode (field.GetValue value))

            json
        | NonNull value when FSharpType.IsUnion(value.GetType()) ->
            JsonValue.Create(jsonName (fst (FSharpValue.GetUnionFields(value, value.GetType()))).Name)
        | value -> invalidArg (nameof value) $"a setting cannot be %O{value}"

    let private kindOf (node: JsonNode | null) =
        match node with
        | NonNull node -> node.GetValueKind()
        | _ -> JsonValueKind.Null

    let private show (node: JsonNode | null) =
        match node with
        | NonNull node -> node.ToJsonString()
        | _ -> "null"

    let private ofLeaf (key: string) (kind: Type) (node: JsonNode | null) : objnull =
        let text = show node

        match kindOf node with
        | JsonValueKind.Number when kind = typeof<int> ->
            match Int32.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
            | true, number -> box number
            | _ -> fail key text "a whole number"
        | JsonValueKind.Number when kind = typeof<float> -> box (Double.Parse(text, CultureInfo.InvariantCulture))
        | JsonValueKind.True when kind = typeof<bool> -> box true
        | JsonValueKind.False when kind = typeof<bool> -> box false
        | JsonValueKind.String when kind = typeof<string> -> box (string node)
        | _ when kind = typeof<int> -> fail key text "a whole number"
        | _ when kind = typeof<float> -> fail key text "a number"
        | _ when kind = typeof<bool> -> fail key text "true or false"
        | _ -> fail key text "a text"

    let private ofCase (key: string) (union: Type) (node: JsonNode | null) : objnull =
        let names = caseNames union
        let name = if kindOf node = JsonValueKind.String then string node else show node

        match names |> Array.tryFindIndex (fun known -> known.Equals(name, StringComparison.OrdinalIgnoreCase)) with
        | Some i -> FSharpValue.MakeUnion((FSharpType.GetUnionCases union)[i], [||])
        | None -> fail key name ("one of " + String.concat ", " names)

    let rec private ofNode (key: string) (kind: Type) (current: objnull) (node: JsonNode | null) : objnull =
        if FSharpType.IsRecord kind then
            match node with
            | :? JsonObject as json ->
                let known = fields kind

                for pair in json do
                    if known |> Array.forall (fun field -> jsonName field.Name <> pair.Key) then
                        unknown (join key pair.Key) kind

                let value (field: Reflection.PropertyInfo) =
                    let name = jsonName field.Name
                    let old = field.GetValue current

                    if json.ContainsKey name then
                        ofNode (join key name) field.PropertyType old json[name]
                    else
                        old

                FSharpValue.MakeRecord(kind, known |> Array.map value)
            | _ -> fail key (show node) "an object"
        elif FSharpType.IsUnion kind then
            ofCase key kind node
        else
            ofLeaf key kind node

    /// The value as indented JSON.
    let toJson (value: 'record) : JsonNode = toNode (box value) |> nonNull

    /// The record with the JSON's fields in place of its own; fields that the JSON lacks stay.
    let overlay (json: JsonNode | null) (value: 'record) : Result<'record, GlemError> =
        try
            Ok(ofNode "" typeof<'record> (box value) json :?> 'record)
        with GlemException error ->
            Error error

    /// The record with one "path=value" applied, e.g. "eStep.pseudoWeight=0.3".
    let set (assignment: string) (value: 'record) : Result<'record, GlemError> =
        match assignment.IndexOf '=' with
        | -1 -> Error(InSetting(assignment, "no '='", "path=value, such as eStep.pseudoWeight=0.3"))
        | at ->
            let path = assignment.Substring(0, at).Trim().Split '.'
            let text = assignment.Substring(at + 1).Trim()

            // What reads as a JSON number or switch is one; anything else is text.
            let leaf: JsonNode | null =
                try
                    match JsonNode.Parse text with
                    | :? JsonValue as node -> node
                    | _ -> JsonValue.Create text
                with :? JsonException ->
                    JsonValue.Create text

            let nest (inner: JsonNode | null) (name: string) : JsonNode | null =
                let json = JsonObject()
                json.Add(name, inner)
                json

            overlay (Array.fold nest leaf (Array.rev path)) value
