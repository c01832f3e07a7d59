namespace Glem

open System
open System.Collections
open System.Globalization
open System.Reflection
open System.Text.Json
open System.Text.Json.Nodes
open FSharp.Reflection

/// Settings as data: records of numbers, texts, switches, unions, lists, options and further records, as JSON and as
/// "path=value" assignments. Names are the types' own in camel case; one that the type lacks is an error, never ignored.
///
///   record   {"field": value, …}
///   union    "case"; {"case": {"field": value, …}} where it has fields; {"case": value} where it has exactly one
///   list     [value, …]; a list of one is the bare value, so a schedule that never changes reads as a constant
///   option   the value, or null
module Settings =
    let private (|Record|Union|List|Option|Leaf|) (kind: Type) =
        let isA (generic: Type) = kind.IsGenericType && kind.GetGenericTypeDefinition() = generic

        // Lists and options are unions too, to reflection.
        if isA typedefof<list<_>> then List(kind.GetGenericArguments()[0])
        elif isA typedefof<option<_>> then Option(kind.GetGenericArguments()[0])
        elif FSharpType.IsRecord kind then Record(FSharpType.GetRecordFields kind)
        elif FSharpType.IsUnion kind then Union(FSharpType.GetUnionCases kind)
        else Leaf

    let private camelCase (name: string) = string (Char.ToLowerInvariant name[0]) + name.Substring 1
    let private fieldName (field: PropertyInfo) = camelCase field.Name
    let private caseName (case: UnionCaseInfo) = camelCase case.Name
    let private oneOf names = "one of " + String.concat ", " names

    // --set pooling=CLS is nobody's mistake.
    let private isCalled (name: string) case = (caseName case).Equals(name, StringComparison.OrdinalIgnoreCase)

    let rec private expected (kind: Type) =
        match kind with
        | Record _ -> "an object"
        | Union cases -> cases |> Seq.map caseName |> oneOf
        | List item -> $"%s{expected item}, or a list"
        | Option item -> $"%s{expected item}, or null"
        | Leaf when kind = typeof<int> -> "a whole number"
        | Leaf when kind = typeof<float> -> "a number"
        | Leaf when kind = typeof<bool> -> "true or false"
        | Leaf -> "a text"

    let private insideSome kind (some: objnull) : objnull =
        let _, values = FSharpValue.GetUnionFields(some, kind)
        values[0]

    /// {"name": value}
    let private single (name: string) (value: JsonNode | null) =
        let json = JsonObject()
        json.Add(name, value)
        json

    // Writing

    let rec private write (kind: Type) (value: objnull) : JsonNode | null =
        match kind, value with
        | Record fields, NonNull record -> writeFields fields (FSharpValue.GetRecordFields record)
        | Union _, value ->
            let case, values = FSharpValue.GetUnionFields(value, kind)

            match case.GetFields() with
            | [||] -> JsonValue.Create(caseName case)
            | [| field |] -> single (caseName case) (write field.PropertyType values[0])
            | fields -> single (caseName case) (writeFields fields values)
        | List item, (:? IEnumerable as items) ->
            match [ for value in items -> write item value ] with
            // Bare, an array would be taken for this list, and null for a list that is absent.
            | [ NonNull only ] when not (only :? JsonArray) -> only
            | nodes -> JsonArray(Array.ofList nodes)
        | Option _, null -> null
        | Option item, some -> write item (insideSome kind some)
        | _, (:? int as number) -> JsonValue.Create number
        | _, (:? float as number) -> JsonValue.Create number
        | _, (:? bool as flag) -> JsonValue.Create flag
        | _, (:? string as text) -> JsonValue.Create text
        | _ -> invalidArg (nameof kind) $"a setting cannot be a %O{kind}"

    and private writeFields (fields: PropertyInfo[]) (values: objnull[]) : JsonNode =
        let json = JsonObject()

        for field, value in Array.zip fields values do
            json.Add(fieldName field, write field.PropertyType value)

        json

    // Reading

    let private fail key found expected = raise (GlemException(InSetting(key, found, expected)))
    let private join prefix name = if prefix = "" then name else $"%s{prefix}.%s{name}"

    let private kindOf (node: JsonNode | null) =
        match node with
        | NonNull node -> node.GetValueKind()
        | _ -> JsonValueKind.Null

    let private raw (node: JsonNode | null) =
        match node with
        | NonNull node -> node.ToJsonString()
        | _ -> "null"

    let private readLeaf key (kind: Type) (node: JsonNode | null) : objnull =
        let text = raw node

        match kindOf node with
        | JsonValueKind.Number when kind = typeof<int> ->
            match Int32.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
            | true, number -> box number
            | _ -> fail key text (expected kind)
        | JsonValueKind.Number when kind = typeof<float> -> box (Double.Parse(text, CultureInfo.InvariantCulture))
        | JsonValueKind.True when kind = typeof<bool> -> box true
        | JsonValueKind.False when kind = typeof<bool> -> box false
        | JsonValueKind.String when kind = typeof<string> -> box (string node)
        | _ -> fail key text (expected kind)

    let private listOf kind (items: objnull seq) : objnull =
        let cases = FSharpType.GetUnionCases kind
        let empty, cons = cases[0], cases[1]

        Seq.foldBack
            (fun item rest -> FSharpValue.MakeUnion(cons, [| item; rest |]))
            items
            (FSharpValue.MakeUnion(empty, [||]))

    /// Whether a value of this type may be an object with such a key.
    let rec private hasKey name (kind: Type) =
        match kind with
        | Record fields -> fields |> Array.exists (fun field -> fieldName field = name)
        | Union cases -> cases |> Array.exists (isCalled name)
        | List item
        | Option item -> hasKey name item
        | Leaf -> false

    /// {"case": {"field": value}} where a case's one field is named all the same. An object that the field itself could
    /// be is its value.
    let private isNamed (field: PropertyInfo) (content: JsonNode | null) =
        match content with
        | :? JsonObject as json ->
            json.Count = 1
            && json.ContainsKey(fieldName field)
            && not (hasKey (fieldName field) field.PropertyType)
        | _ -> false

    /// A value that the JSON does not give.
    let private kept key (kind: Type) (current: objnull option) : objnull =
        match current, kind with
        | Some current, _ -> current
        | None, Option _ -> null
        | None, _ -> fail key "nothing" (expected kind)

    /// The JSON's value over the current one, where there is one of that shape.
    let rec private read key (kind: Type) (current: objnull option) (node: JsonNode | null) : objnull =
        match kind, node with
        | Record fields, (:? JsonObject as json) ->
            let old (field: PropertyInfo) = current |> Option.map field.GetValue
            FSharpValue.MakeRecord(kind, readFields key fields old json)
        | Record _, _ -> fail key (raw node) (expected kind)
        | Union cases, (:? JsonObject as json) when json.Count = 1 ->
            let pair = Seq.head json
            readCase key kind cases current pair.Key (Some pair.Value)
        | Union cases, _ ->
            let name = if kindOf node = JsonValueKind.String then string node else raw node
            readCase key kind cases current name None
        | List item, (:? JsonArray as items) ->
            items |> Seq.mapi (fun i node -> read (join key (string i)) item None node) |> listOf kind
        | List item, node -> listOf kind [ read key item None node ]
        | Option _, null -> null
        | Option item, node ->
            let old =
                match current with
                | Some(NonNull some) -> Some(insideSome kind some)
                | _ -> None

            FSharpValue.MakeUnion((FSharpType.GetUnionCases kind)[1], [| read key item old node |])
        | Leaf, node -> readLeaf key kind node

    and private readCase key kind cases current name (content: (JsonNode | null) option) : objnull =
        match cases |> Array.tryFind (isCalled name) with
        | None -> fail key name (expected kind)
        | Some case ->
            let key = join key (caseName case)

            let old =
                match current with
                | Some current when fst (FSharpValue.GetUnionFields(current, kind)) = case ->
                    fun (field: PropertyInfo) -> Some(field.GetValue current)
                | _ -> fun _ -> None

            let values =
                match content, case.GetFields() with
                | None, [| field |] -> [| kept key field.PropertyType (old field) |]
                | None, fields -> readFields key fields old (JsonObject())
                | Some content, [| field |] when not (isNamed field content) -> [|
                    read key field.PropertyType (old field) content
                  |]
                | Some(:? JsonObject as json), fields -> readFields key fields old json
                | Some content, _ -> fail key (raw content) "an object"

            FSharpValue.MakeUnion(case, values)

    and private readFields key fields (current: PropertyInfo -> objnull option) (json: JsonObject) : objnull[] =
        for pair in json do
            if fields |> Array.forall (fun field -> fieldName field <> pair.Key) then
                fail (join key pair.Key) "an unknown field" (fields |> Seq.map fieldName |> oneOf)

        let value (field: PropertyInfo) =
            let name, kind = fieldName field, field.PropertyType

            if json.ContainsKey name then
                read (join key name) kind (current field) json[name]
            else
                kept (join key name) kind (current field)

        fields |> Array.map value

    // Assignments

    let private parse (text: string) : JsonNode | null =
        try
            JsonNode.Parse(text, documentOptions = JsonDocumentOptions(AllowDuplicateProperties = false))
        with :? JsonException ->
            JsonValue.Create text

    /// "a.b=1" as {"a": {"b": 1}}.
    let private nested (assignment: string) : Result<JsonObject, GlemError> =
        match assignment.IndexOf '=' with
        | -1 -> Error(InSetting(assignment, "no '='", "path=value, such as eStep.pseudoWeight=0.3"))
        | at ->
            let path = assignment.Substring(0, at).Trim().Split '.'
            let value = parse (assignment.Substring(at + 1).Trim())
            let outer, last = path[.. path.Length - 2], path[path.Length - 1]
            Ok(Array.foldBack (fun name (json: JsonObject) -> single name json) outer (single last value))

    let rec private merge (into: JsonObject) (json: JsonObject) =
        for pair in List.ofSeq json do
            match into[pair.Key], pair.Value with
            | (:? JsonObject as old), (:? JsonObject as json) -> merge old json
            | _, value ->
                // A node has one parent.
                json.Remove pair.Key |> ignore
                into[pair.Key] <- value

    /// The whole value: every field, whatever it is.
    let toJson (value: 'record) : JsonNode = write typeof<'record> (box value) |> nonNull

    // A text stands without its quotes, as it may behind "path=".
    let private bare (node: JsonNode | null) = if kindOf node = JsonValueKind.String then string node else raw node

    /// A value as it may stand behind "path=".
    let show (value: 'value) = bare (write typeof<'value> (box value))

    /// Every field that is no record itself: its path, and its value as it may stand behind "path=".
    let fields (value: 'record) : (string * string) list =
        let rec leaves key (kind: Type) (node: JsonNode | null) =
            match kind, node with
            | Record fields, (:? JsonObject as json) ->
                fields
                |> List.ofArray
                |> List.collect (fun field ->
                    let name = fieldName field
                    leaves (join key name) field.PropertyType json[name])
            | _ -> [ key, bare node ]

        leaves "" typeof<'record> (toJson value)

    /// The paths of the values in a JSON object.
    let rec paths (json: JsonObject) : string list = [
        for pair in json do
            match pair.Value with
            | :? JsonObject as inner -> yield! paths inner |> List.map (join pair.Key)
            | _ -> pair.Key
    ]

    /// The record with the JSON's fields in place of its own. Fields that the JSON lacks stay; so do those of a union's
    /// case, unless the JSON picks another case: that one needs all of its fields.
    let overlay (json: JsonNode | null) (value: 'record) : Result<'record, GlemError> =
        try
            Ok(read "" typeof<'record> (Some(box value)) json :?> 'record)
        with GlemException error ->
            Error error

    /// The record with "path=value" assignments applied at once, so that those to the fields of one union case meet:
    /// "eStep.filter.top.fraction=0.8" and "eStep.filter.top.by=margin". Of two for one path the later holds. What reads
    /// as JSON is JSON ("eStep.pseudoWeight=[0.8,0.5]"), anything else a text.
    let setAll (assignments: string list) (value: 'record) : Result<'record, GlemError> =
        let add json assignment =
            nested assignment
            |> Result.map (fun more ->
                merge json more
                json)

        (Ok(JsonObject()), assignments)
        ||> List.fold (fun json assignment -> json |> Result.bind (fun json -> add json assignment))
        |> Result.bind (fun json -> overlay json value)

    /// The record with one "path=value" applied.
    let set (assignment: string) (value: 'record) : Result<'record, GlemError> = setAll [ assignment ] value
