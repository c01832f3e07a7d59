namespace Glem

open System
open System.Collections.Generic
open System.Globalization
open System.IO
open System.Text.Json
open CsvHelper
open CsvHelper.Configuration

/// One row of a table: the line it starts on (from 1) and lookups of its fields by column name.
[<Struct>]
type TableRow = {
    Line: int64
    Field: string -> string option
    /// The items of a field that holds several, divided by ';' or in a JSON array; none where the field is absent.
    Items: string -> string list
}

/// How a table is written down, told by the file's name.
type TableFormat =
    /// Fields may be quoted, quotes in them are doubled, quoted fields may hold commas and line breaks (RFC 4180).
    | Csv
    /// Tabs divide fields; nothing is quoted, so no field holds a tab or a line break.
    | Tsv
    /// One JSON object a line, its values strings or numbers.
    | JsonLines

module TableFormat =
    /// By the ending before ".gz".
    let ofPath (path: string) =
        let plain = if FileScan.isGzip path then path.Substring(0, path.Length - 3) else path

        match (plain.Substring(plain.LastIndexOf '.' + 1)).ToLowerInvariant() with
        | "csv" -> Ok Csv
        | "tsv" -> Ok Tsv
        | "jsonl" -> Ok JsonLines
        | other ->
            Error(
                InFile(path, "", $"the ending '.%s{other}'", ".csv, .tsv or .jsonl, each plain or with .gz behind it")
            )

/// Reads tables row by row.
module Rows =
    /// No text of a real node is longer; a stray quote can swallow a file.
    let maximumFieldLength = 1_000_000

    let private divide (field: string) =
        field.Split(';', StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries)
        |> List.ofArray

    /// Rows of a separated file. Raises GlemException for a damaged row.
    let private separated (path: string) format (columns: string list) : seq<TableRow> = seq {
        use reader = FileScan.openText path
        let mutable line = 1

        let bad line found expected = raise (GlemException(InFile(path, $"line %d{line}", found, expected)))

        let configuration =
            CsvConfiguration(
                CultureInfo.InvariantCulture,
                Delimiter = (if format = Csv then "," else "\t"),
                Mode = (if format = Csv then CsvMode.RFC4180 else CsvMode.NoEscape),
                BadDataFound =
                    (fun _ ->
                        bad
                            line
                            "a quote inside an unquoted field, or a quoted field that does not end"
                            "fields with quotes in double quotes, quotes in them doubled"),
                MaxFieldSize = float maximumFieldLength,
                IgnoreBlankLines = true
            )

        use parser = new CsvParser(reader, configuration)
        let record () = parser.Record |> Option.ofObj |> Option.defaultValue [||]

        if not (parser.Read()) then
            bad 1 "no header line" (String.Join(", ", columns))

        let header = record () |> Array.map _.Trim()

        match columns |> List.tryFind (fun column -> not (Array.contains column header)) with
        | Some column -> bad 1 $"""the columns %s{String.Join(", ", header)}""" $"a column '%s{column}'"
        | None -> ()

        match header |> Array.countBy id |> Array.tryFind (fun (_, count) -> count > 1) with
        | Some(column, _) -> bad 1 $"the column '%s{column}' twice" "each column once"
        | None -> ()

        let place = header |> Array.mapi (fun i column -> column, i) |> dict
        line <- parser.RawRow + 1

        let read () =
            try
                parser.Read()
            with :? MaxFieldSizeException ->
                bad
                    line
                    $"a field of more than %d{maximumFieldLength} characters"
                    "shorter fields; is a quote left open?"

        while read () do
            let record = record ()

            if record.Length <> header.Length then
                bad line $"%d{record.Length} fields" $"%d{header.Length}, as in the header"

            {
                Line = int64 line
                Field =
                    fun column ->
                        match place.TryGetValue column with
                        | true, i -> Some record[i]
                        | false, _ -> None
                Items =
                    fun column ->
                        match place.TryGetValue column with
                        | true, i -> divide record[i]
                        | false, _ -> []
            }

            line <- parser.RawRow + 1
    }

    /// Rows of a JSONL file. Raises GlemException for a damaged line.
    let private jsonLines (path: string) (columns: string list) : seq<TableRow> = seq {
        use reader = FileScan.openText path
        let mutable line = 0L
        let mutable text = reader.ReadLine()

        while not (isNull text) do
            line <- line + 1L
            let bad found expected = raise (GlemException(InFile(path, $"line %d{line}", found, expected)))

            match text with
            | NonNull content when content.Trim() <> "" ->
                let fields = Dictionary<string, string>()
                let lists = Dictionary<string, JsonElement>()

                try
                    use document = JsonDocument.Parse content

                    if document.RootElement.ValueKind <> JsonValueKind.Object then
                        bad $"%O{document.RootElement.ValueKind}" "a JSON object"

                    for property in document.RootElement.EnumerateObject() do
                        let value =
                            match property.Value.ValueKind, property.Value.GetString with
                            | JsonValueKind.String, _ ->
                                property.Value.GetString() |> Option.ofObj |> Option.defaultValue ""
                            | JsonValueKind.Number, _ -> property.Value.GetRawText()
                            | JsonValueKind.Null, _ -> ""
                            | JsonValueKind.Array, _ when not (List.contains property.Name columns) ->
                                // A clone outlives the document.
                                lists[property.Name] <- property.Value.Clone()
                                ""
                            | kind, _ when List.contains property.Name columns ->
                                bad $"%O{kind} in '%s{property.Name}'" "a string or a number"
                            | _ -> ""

                        if value.Length > maximumFieldLength then
                            bad $"'%s{property.Name}' of %d{value.Length} characters" $"at most %d{maximumFieldLength}"

                        if not (fields.TryAdd(property.Name, value)) then
                            bad $"'%s{property.Name}' twice" "each key once"
                with :? JsonException as error ->
                    bad $"malformed JSON (%s{error.Message})" "one JSON object a line"

                match columns |> List.tryFind (fun column -> not (fields.ContainsKey column)) with
                | Some column -> bad "no such key" $"the key '%s{column}'"
                | None -> ()

                {
                    Line = line
                    Field =
                        fun column ->
                            match fields.TryGetValue column with
                            | true, value -> Some value
                            | false, _ -> None
                    Items =
                        fun column ->
                            match lists.TryGetValue column, fields.TryGetValue column with
                            | (true, list), _ -> [
                                for item in list.EnumerateArray() ->
                                    match item.ValueKind with
                                    | JsonValueKind.String
                                    | JsonValueKind.Number -> item.ToString()
                                    | kind -> bad $"%O{kind} inside '%s{column}'" "a list of strings or numbers"
                              ]
                            | _, (true, value) -> divide value
                            | _ -> []
                }
            | _ -> ()

            text <- reader.ReadLine()
    }

    /// The rows of a table, lazily, once. `columns` must be there; others may. Raises GlemException, at the row, for what is
    /// damaged: consume it inside a function that turns this into a Result.
    let read (path: string) format (columns: string list) =
        match format with
        | JsonLines -> jsonLines path columns
        | Csv
        | Tsv -> separated path format columns
