namespace Glem

open System
open System.IO
open System.Text.Json

/// A value in a JSON file, with where it stands: what an error must name. What is not as expected raises GlemException.
type internal JsonPlace = {
    File: string
    Path: string
    Json: JsonElement
}

module internal JsonPlace =
    let raiseAt place found expected : 'a =
        let key = if place.Path = "" then "" else $"key '%s{Shown.oneLine place.Path}'"
        raise (GlemException(InFile(place.File, key, Shown.oneLine found, Shown.oneLine expected)))

    /// A value as its file has it, cut where it is long.
    let shown place =
        let text = place.Json.GetRawText()
        if text.Length <= 60 then text else text.Substring(0, 60) + "…"

    let isNull place = place.Json.ValueKind = JsonValueKind.Null

    let child (name: string) place =
        let path = if place.Path = "" then name else place.Path + "." + name

        match place.Json.ValueKind with
        | JsonValueKind.Object ->
            match place.Json.TryGetProperty name with
            | true, json -> Some { place with Path = path; Json = json }
            | _ -> None
        | _ -> raiseAt place (shown place) "an object"

    /// A field that is there and not null.
    let optional name place = child name place |> Option.filter (isNull >> not)

    let required name place =
        match child name place with
        | Some found -> found
        | None -> raiseAt place "nothing" $"a field '%s{name}'"

    let text place =
        match place.Json.ValueKind with
        | JsonValueKind.String -> string (place.Json.GetString())
        | _ -> raiseAt place (shown place) "a string"

    let whole place =
        match place.Json.ValueKind with
        | JsonValueKind.Number when fst (place.Json.TryGetInt32()) -> place.Json.GetInt32()
        | _ -> raiseAt place (shown place) "a whole number"

    let number place =
        match place.Json.ValueKind with
        | JsonValueKind.Number ->
            match place.Json.TryGetDouble() with
            | true, value when Double.IsFinite value -> value
            | _ -> raiseAt place (shown place) "a number that fits"
        | _ -> raiseAt place (shown place) "a number"

    let flag place =
        match place.Json.ValueKind with
        | JsonValueKind.True -> true
        | JsonValueKind.False -> false
        | _ -> raiseAt place (shown place) "true or false"

    let items place =
        match place.Json.ValueKind with
        | JsonValueKind.Array -> [
            for i, json in Seq.indexed (place.Json.EnumerateArray()) ->
                {
                    place with
                        Path = $"%s{place.Path}[%d{i}]"
                        Json = json
                }
          ]
        | _ -> raiseAt place (shown place) "an array"

    /// The fields of an object, in the file's order.
    let fields place =
        match place.Json.ValueKind with
        | JsonValueKind.Object -> [
            for entry in place.Json.EnumerateObject() ->
                entry.Name,
                {
                    place with
                        Path = (if place.Path = "" then entry.Name else $"%s{place.Path}.%s{entry.Name}")
                        Json = entry.Value
                }
          ]
        | _ -> raiseAt place (shown place) "an object"

    let flagOr fallback name place = optional name place |> Option.map flag |> Option.defaultValue fallback

    /// What `read` makes of a file. Errors name the file, and the key or line; `kind` says what it should be.
    let readFile (kind: string) (path: string) (read: JsonPlace -> 'a) : Result<'a, GlemError> =
        try
            use document = JsonDocument.Parse(File.ReadAllBytes path)

            Ok(
                read {
                    File = path
                    Path = ""
                    Json = document.RootElement
                }
            )
        with
        | GlemException error -> Error error
        | :? JsonException as problem ->
            let line = problem.LineNumber.GetValueOrDefault() + 1L
            Error(InFile(path, $"line %d{line}", "what is not JSON", kind))
        | :? InvalidOperationException -> // of GetString
            Error(InFile(path, "", "half a surrogate pair", "strings of whole characters"))
        | :? IOException
        | :? UnauthorizedAccessException as problem -> Error(InFile(path, "", problem.Message, $"a readable %s{kind}"))
