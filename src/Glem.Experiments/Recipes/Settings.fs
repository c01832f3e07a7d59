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

    let private caseNames (union: Type) =
        FSharpType.GetUnionCases union |> Array.map (fun case -> jsonName case.Name)

    let private fail key found expected =
        raise (GlemException(InSetting(key, found, expected)))

    let private join prefix name = if prefix = "" then name else $"%s{prefix}.%s{name}"

    // A closest known name helps more than the whole list, but the list is never wrong.
    let private unknown key (record: Type) =
        let known = fields record |> Array.map (fun field -> jsonName field.Name) |> String.concat ", "
        fail key "an unknown field" $"one of %s{known}"

    let rec private toNode (value: obj) : JsonNode =
        match value with
        | :? int as number -> JsonValue.Create number
        | :? float as number -> JsonValue.Create number
        | :? bool as flag -> JsonValue.Create flag
        | :? string as text -> JsonValue.Create text
        | value when FSharpType.IsRecord(value.GetType()) ->
            let json = JsonObject()

            for field in fields (value.GetType()) do
                json.Add(jsonName field.Name, toNode (field.GetValue value))

            json
        | value when FSharpType.IsUnion(value.GetType()) ->
            JsonValue.Create(jsonName (fst (FSharpValue.GetUnionFields(value, value.GetType()))).Name)
        | value -> invalidArg (nameof value) $"a setting cannot be a %s{value.GetType().Name}"

    let rec private ofNode (key: string) (kind: Type) (current: obj) (node: JsonNode) : obj =
        let found () = if isNull node then "null" else node.ToJsonString()
        let isKind (kind: JsonValueKind) = not (isNull node) && node.GetValueKind() = kind

        if FSharpType.IsRecord kind then
            match node with
            | :? JsonObject as json ->
                let known = fields kind

                for pair in json do
                    if known |> Array.forall (fun field -> jsonName field.Name <> pair.Key) then
                        unknown (join key pair.Key) kind

                let values =
                    known
                    |> Array.map (fun field ->
                        let name = jsonName field.Name
                        let value = field.GetValue current

                        if json.ContainsKey name then
                            ofNode (join key name) field.PropertyType value json[name]
                        else
                            value)

                FSharpValue.MakeRecord(kind, values)
            | _ -> fail key (found ()) "an object"
        elif FSharpType.IsUnion kind && kind <> typeof<string> then
            let names = caseNames kind
            let name = if isKind JsonValueKind.String then node.GetValue<string>() else found ()

            match names |> Array.tryFindIndex (fun known -> known.Equals(name, StringComparison.OrdinalIgnoreCase)) with
            | Some i -> FSharpValue.MakeUnion((FSharpType.GetUnionCases kind)[i], [||])
            | None -> fail key name ("one of " + String.concat ", " names)
        elif kind = typeof<int> then
            match isKind JsonValueKind.Number, (if isNull node then "" else node.ToJsonString()) with
            | true, text ->
                match Int32.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
                | true, number -> box number
                | _ -> fail key text "a whole number"
            | _ -> fail key (found ()) "a whole number"
        elif kind = typeof<float> then
            if isKind JsonValueKind.Number then box (node.GetValue<float>()) else fail key (found ()) "a number"
        elif kind = typeof<bool> then
            if isKind JsonValueKind.True then box true
            elif isKind JsonValueKind.False then box false
            else fail key (found ()) "true or false"
        elif isKind JsonValueKind.String then
            box (node.GetValue<string>())
        else
            fail key (found ()) "a text"

    /// The value as indented JSON.
    let toJson (value: 'record) : JsonNode = toNode (box value)

    /// The record with the JSON's fields in place of its own; fields that the JSON lacks stay.
    let overlay (json: JsonNode) (value: 'record) : Result<'record, GlemError> =
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
            let leaf: JsonNode =
                try
                    match JsonNode.Parse text with
                    | :? JsonValue as node -> node
                    | _ -> JsonValue.Create text
                with :? JsonException ->
                    JsonValue.Create text

            let nest (inner: JsonNode) (name: string) : JsonNode =
                let json = JsonObject()
                json.Add(name, inner)
                json

            overlay (Array.fold nest leaf (Array.rev path)) value
