namespace Glem

open System
open System.IO
open System.Security.Cryptography
open System.Text
open Microsoft.Data.Sqlite

/// An SQLite file of everything that runs wrote down, made from their files and made again when these have changed. It is
/// kept apart from them.
module RunIndex =
    /// Runs that could not be read, and what was passed over in others.
    let leftOut = "left_out"

    let private connect (file: string) (mode: SqliteOpenMode) =
        let connection =
            new SqliteConnection(
                SqliteConnectionStringBuilder(DataSource = file, Mode = mode, Pooling = false).ToString()
            )

        connection.Open()
        connection

    let private execute (connection: SqliteConnection) (sql: string) =
        use command = connection.CreateCommand()
        command.CommandText <- sql
        command.ExecuteNonQuery() |> ignore

    let private digest (text: string) = Encoding.UTF8.GetBytes text |> SHA256.HashData |> Convert.ToHexStringLower

    /// What the index depends on: this program, and the files' lengths and times.
    let private state (runs: string list) =
        let file (path: string) =
            let file = FileInfo path

            if file.Exists then
                $"%s{path}|%d{file.Length}|%d{file.LastWriteTimeUtc.Ticks}\n"
            else
                $"%s{path}|\n"

        let ofRun run = [
            for path in
                [
                    RunFolder.info
                    RunFolder.summary
                    RunFolder.metrics
                    RunFolder.elbo
                    RunFolder.audit
                ] do
                file (path run)
            match GridPlace.find run with
            | Some(Ok experiment, _) -> file experiment
            | Some(Error error, _) -> GlemError.message error
            | None -> ()
        ]

        let build = string typeof<IndexedRun>.Module.ModuleVersionId
        build :: List.collect ofRun runs |> String.concat "" |> digest

    /// Adds rows, one after the other, to a table.
    let private inserter (connection: SqliteConnection) (name: string) (width: int) =
        let command = connection.CreateCommand()
        let parameters = [ for at in 1..width -> command.CreateParameter(ParameterName = $"$%d{at}") ]
        let names = parameters |> List.map _.ParameterName |> String.concat ", "
        command.CommandText <- $"INSERT INTO \"%s{name}\" VALUES (%s{names})"
        parameters |> List.iter (command.Parameters.Add >> ignore)

        fun (row: SqlValue list) ->
            (parameters, row)
            ||> List.iter2 (fun parameter value -> parameter.Value <- SqlValue.toParameter value)

            command.ExecuteNonQuery() |> ignore

    let private read number (run: string) : Result<IndexedRun, GlemError> =
        RunFolder.loadRecords run
        |> Result.bind (fun records ->
            GridPlace.ofRun run
            |> Result.map (fun place -> {
                Number = number
                Run = records
                Place = place
            }))

    let private fill (file: string) (runs: string list) (state: string) =
        use connection = connect file SqliteOpenMode.ReadWriteCreate
        // The file is nobody's until it is whole.
        execute connection "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN"

        let tables = [
            for table in IndexTables.all do
                execute connection (IndexTable.definition table)
                table, inserter connection table.Name table.Columns.Length
        ]

        execute connection $"CREATE TABLE %s{leftOut} (path TEXT, what TEXT); CREATE TABLE index_state (state TEXT)"
        let leaveOut = inserter connection leftOut 2

        for number, run in List.indexed runs do
            let note (what: string) = leaveOut [ SqlValue.Text run; SqlValue.Text what ]

            match read (number + 1) run with
            | Error error -> note (GlemError.message error)
            | Ok indexed ->
                indexed.Run.Notes |> List.iter note

                for table, insert in tables do
                    table.Rows indexed |> List.iter insert

        inserter connection "index_state" 1 [ SqlValue.Text state ]
        execute connection "COMMIT"

    let private stateOf (file: string) =
        use connection = connect file SqliteOpenMode.ReadOnly
        use command = connection.CreateCommand()
        command.CommandText <- "SELECT state FROM index_state"
        string (command.ExecuteScalar())

    /// Whether a file is an index of that state. A damaged one is none.
    let private isCurrent (file: string) (state: string) =
        try
            File.Exists file && stateOf file = state
        with :? SqliteException ->
            false

    /// The index of the runs in some folders: its file. One that is missing, damaged or older than the files is
    /// made anew, beside, and renamed: processes that do so at once do not meet.
    ///   cache : the folder to keep it in
    /// Errors: a folder that is not there, or folders without a run; a cache folder that cannot be written to.
    let ofFolders (cache: string) (folders: string list) : Result<string, GlemError> =
        RunSearch.runs folders
        |> Result.bind (fun runs ->
            // Folders as they are named, for so the paths in the table are.
            let key =
                folders |> List.collect (fun folder -> [ folder; Path.GetFullPath folder ]) |> String.concat "\n"

            let file = Path.Combine(cache, "query", $"%s{(digest key).Substring(0, 16)}.sqlite")

            RunFile.guard file "a file in a cache folder that can be written to (GLEM_CACHE)" (fun () ->
                let state = state runs

                if not (isCurrent file state) then
                    RunFile.makeFolder file
                    let unique = Guid.NewGuid().ToString "N"
                    let beside = $"%s{file}.%s{unique}.tmp"

                    try
                        fill beside runs state
                        File.Move(beside, file, overwrite = true)
                    finally
                        File.Delete beside

                file))
