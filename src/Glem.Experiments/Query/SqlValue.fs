namespace Glem

open System
open System.Globalization
open System.Text.Json.Nodes

/// What stands in a cell of a table.
[<RequireQualifiedAccess>]
type SqlValue =
    | Null
    | Integer of int64
    | Real of float
    | Text of string

module SqlValue =
    let ofInt (value: int) = SqlValue.Integer(int64 value)

    let ofOption (read: 'a -> SqlValue) (value: 'a option) =
        match value with
        | Some value -> read value
        | None -> SqlValue.Null

    /// A number where the text is one, so that SQL compares and averages it as such.
    let ofNumberOrText (text: string) =
        match Int64.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
        | true, number -> SqlValue.Integer number
        | _ ->
            match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
            | true, number when Double.IsFinite number -> SqlValue.Real number
            | _ -> SqlValue.Text text

    /// As SQLite takes it.
    let internal toParameter value : objnull =
        match value with
        | SqlValue.Null -> box DBNull.Value
        | SqlValue.Integer number -> box number
        // SQLite knows infinity, but no NaN.
        | SqlValue.Real number when Double.IsNaN number -> box DBNull.Value
        | SqlValue.Real number -> box number
        | SqlValue.Text text -> box text

    /// As SQLite gives it; what is not text or a number is shown in hexadecimal digits.
    let internal ofField (field: objnull) =
        match field with
        | :? int64 as number -> SqlValue.Integer number
        | :? float as number -> SqlValue.Real number
        | :? string as text -> SqlValue.Text text
        | :? (byte[]) as bytes -> SqlValue.Text(Convert.ToHexStringLower bytes)
        | _ -> SqlValue.Null

    /// In full, for other programs. Nothing is the empty text.
    let toText value =
        match value with
        | SqlValue.Null -> ""
        | SqlValue.Integer number -> string number
        | SqlValue.Real number -> number.ToString("R", CultureInfo.InvariantCulture)
        | SqlValue.Text text -> text

    /// For people: numbers to five digits.
    let show value =
        match value with
        | SqlValue.Real number -> number.ToString("G5", CultureInfo.InvariantCulture)
        | other -> toText other

    /// JSON has no infinity: it is a text there, as in elbo.jsonl.
    let toJson value : JsonNode | null =
        match value with
        | SqlValue.Null -> null
        | SqlValue.Integer number -> JsonValue.Create number
        | SqlValue.Real number when not (Double.IsFinite number) -> JsonValue.Create(toText value)
        | SqlValue.Real number -> JsonValue.Create number
        | SqlValue.Text text -> JsonValue.Create text
