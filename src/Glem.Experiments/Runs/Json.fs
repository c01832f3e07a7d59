namespace Glem

open System
open System.Text.Encodings.Web
open System.Text.Json
open System.Text.Json.Nodes

/// A JSON value and where it stands: `Line` is the line of a JSON Lines file, "" elsewhere; `Key` is the dotted path.
type JsonPlace = {
    File: string
    Line: string
    Key: string
    Value: JsonElement
}

/// The run directory's JSON. Writers list their keys, so the order is stable; readers name file, line and key in
/// every complaint and pass over keys that they do not know, so that an older Glem can read a newer run.
module Json =
    /// An object of the keys that have a value: missing entries are absent, never zero.
    let object (fields: (string * JsonNode option) list) : JsonNode =
        let result = JsonObject()

        for key, value in fields do
            match value with
            | Some value -> result.Add(key, value)
            | None -> ()

        result

    let text (value: string) : JsonNode option =
        match JsonValue.Create value with
        | null -> None
        | node -> Some node

    let int (value: int) : JsonNode option = Some(JsonValue.Create value)
    let float (value: float) : JsonNode option = Some(JsonValue.Create value)

    let array (items: JsonNode seq) : JsonNode option =
        let result = JsonArray()

        for item in items do
            result.Add item

        Some result

    // Class names stay readable in files that people open.
    let private pretty =
        JsonSerializerOptions(
            WriteIndented = true,
            NewLine = "\n",
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping
        )

    /// One line, ASCII only: cut anywhere it is still text, and inside an HTML script element it cannot end it.
    let line (node: JsonNode) = node.ToJsonString()
    /// Indented, ended by a line feed.
    let document (node: JsonNode) = node.ToJsonString pretty + "\n"

    let private place (at: JsonPlace) =
        match at.Line, at.Key with
        | "", "" -> "top level"
        | "", key -> $"key '%s{key}'"
        | line, "" -> line
        | line, key -> $"%s{line}, key '%s{key}'"

    /// Refuses a value from inside a reader.
    let refuse expected (at: JsonPlace) =
        let raw = at.Value.GetRawText()
        let found = if raw.Length > 60 then raw.Substring(0, 57) + "..." else raw
        raise (GlemException(InFile(at.File, place at, found, expected)))

    let private inside (at: JsonPlace) (name: string) value = {
        at with
            Key = (if at.Key = "" then name else $"%s{at.Key}.%s{name}")
            Value = value
    }

    let tryField (name: string) (at: JsonPlace) =
        if at.Value.ValueKind <> JsonValueKind.Object then
            refuse "an object" at

        match at.Value.TryGetProperty name with
        | true, value when value.ValueKind <> JsonValueKind.Null -> Some(inside at name value)
        | _ -> None

    let field (name: string) (at: JsonPlace) =
        match tryField name at with
        | Some value -> value
        | None ->
            let absent = inside at name at.Value
            raise (GlemException(InFile(at.File, place absent, "nothing", "a value")))

    /// The fields of an object, in the file's order.
    let fields (at: JsonPlace) =
        if at.Value.ValueKind <> JsonValueKind.Object then
            refuse "an object" at

        [
            for property in at.Value.EnumerateObject() -> property.Name, inside at property.Name property.Value
        ]

    let items (at: JsonPlace) =
        if at.Value.ValueKind <> JsonValueKind.Array then
            refuse "a list" at

        [
            for i, value in Seq.indexed (at.Value.EnumerateArray()) -> inside at (string i) value
        ]

    let asText (at: JsonPlace) =
        match at.Value.ValueKind, at.Value with
        | JsonValueKind.String, value ->
            match value.GetString() with
            | null -> refuse "a text" at
            | text -> text
        | _ -> refuse "a text" at

    let asInt (at: JsonPlace) =
        match at.Value.ValueKind with
        | JsonValueKind.Number ->
            match at.Value.TryGetInt32() with
            | true, value -> value
            | _ -> refuse "a whole number" at
        | _ -> refuse "a whole number" at

    let asFloat (at: JsonPlace) =
        match at.Value.ValueKind with
        | JsonValueKind.Number -> at.Value.GetDouble()
        | _ -> refuse "a number" at

    /// A number in [0, 1]: accuracies, F1, calibration errors, probabilities.
    let asFraction (at: JsonPlace) =
        let value = asFloat at
        if value >= 0.0 && value <= 1.0 then value else refuse "a number from 0 to 1" at

    /// Reads a text with a reader that refuses through `refuse`.
    let read file line (reader: JsonPlace -> 'T) (text: string) =
        try
            use document = JsonDocument.Parse text

            // Cloned, because a reader may keep elements that must outlive the document's pooled buffer.
            {
                File = file
                Line = line
                Key = ""
                Value = document.RootElement.Clone()
            }
            |> reader
            |> Ok
        with
        | GlemException error -> Error error
        | :? JsonException as e ->
            let row = e.LineNumber.GetValueOrDefault() + 1L
            let at = if line = "" then $"line %d{row}" else line
            let reason = (e.Message.Split ". ")[0]
            Error(InFile(file, at, $"broken JSON (%s{reason})", "a JSON value"))
