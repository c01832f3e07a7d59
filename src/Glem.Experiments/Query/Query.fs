namespace Glem

open System.Collections.Generic
open System.Globalization
open System.IO
open System.Text.Json.Nodes
open CsvHelper
open CsvHelper.Configuration
open Microsoft.Data.Sqlite
open SQLitePCL

/// What SQL answered. Columns have different names.
type QueryAnswer = {
    Columns: string list
    Rows: SqlValue list list
}

module Query =
    let private expected = "SQL over the tables that glem query lists"
    let private refuse found = raise (GlemException(InValue("the query", found, expected)))

    /// SQLite's own words, without those that its binding puts around them.
    let private words (problem: SqliteException) =
        let first, last = problem.Message.IndexOf '\'', problem.Message.LastIndexOf '\''

        if last > first then
            problem.Message.Substring(first + 1, last - first - 1)
        else
            problem.Message

    /// Nothing can be written: the file is opened for reading, and without ATTACH no other is opened (VACUUM INTO attaches,
    /// too).
    let private openIndex (file: string) =
        let connection =
            new SqliteConnection(
                SqliteConnectionStringBuilder(DataSource = file, Mode = SqliteOpenMode.ReadOnly, Pooling = false)
                    .ToString()
            )

        connection.Open()
        raw.sqlite3_limit (connection.Handle, raw.SQLITE_LIMIT_ATTACHED, 0) |> ignore
        connection

    /// A name that was there before gets a number: JSON has each key once.
    let private different (names: string list) =
        let seen = HashSet<string>()

        let rec free (name: string) count =
            let candidate = if count = 1 then name else $"%s{name}_%d{count}"
            if seen.Add candidate then candidate else free name (count + 1)

        names |> List.map (fun name -> free name 1)

    /// Asks an index one question. Error: what SQLite does not understand, or refuses, in its own words; SQL that gives no
    /// table, or more than one.
    let run (index: string) (sql: string) : Result<QueryAnswer, GlemError> =
        RunFile.guard index "an index of runs" (fun () ->
            use connection = openIndex index

            try
                use command = connection.CreateCommand()
                command.CommandText <- sql
                use reader = command.ExecuteReader()

                if reader.FieldCount = 0 then
                    refuse "no SELECT"

                let answer = {
                    Columns = different [ for at in 0 .. reader.FieldCount - 1 -> reader.GetName at ]
                    Rows = [
                        while reader.Read() do
                            [
                                for at in 0 .. reader.FieldCount - 1 -> SqlValue.ofField (reader.GetValue at)
                            ]
                    ]
                }

                if reader.NextResult() then
                    refuse "more than one SELECT"

                answer
            with :? SqliteException as problem ->
                refuse (words problem))

    /// RFC 4180, numbers in full; nothing is an empty field.
    let toCsv (answer: QueryAnswer) =
        use text = new StringWriter(CultureInfo.InvariantCulture)
        use csv = new CsvWriter(text, CsvConfiguration(CultureInfo.InvariantCulture, NewLine = "\n"))

        for row in answer.Columns :: (answer.Rows |> List.map (List.map SqlValue.toText)) do
            row |> List.iter csv.WriteField
            csv.NextRecord()

        csv.Flush()
        text.ToString()

    /// A list of objects.
    let toJson (answer: QueryAnswer) =
        let rows = JsonArray()

        for row in answer.Rows do
            let json = JsonObject()
            (answer.Columns, row) ||> List.iter2 (fun name value -> json.Add(name, SqlValue.toJson value))
            rows.Add(json :> JsonNode)

        Json.document rows
