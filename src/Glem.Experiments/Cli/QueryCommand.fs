namespace Glem

open Argu
open Spectre.Console

/// glem query.
module QueryCommand =
    let private example =
        "select dataset, value as gnn, count(*) as runs, avg(glemGnn_test) as test, avg(glemGnn_test - static_test) as overStatic "
        + "from runs join settings using (run) where setting = 'gnn.model' group by dataset, gnn"

    /// The tables, and a question to begin with.
    let private schema () =
        for table in IndexTables.all do
            Console.line $"%s{table.Name}: %s{table.About}"
            let width = table.Columns |> List.map (fun (name, _, _) -> name.Length) |> List.max

            for name, kind, about in table.Columns do
                let kind = kind.Replace(" PRIMARY KEY", "")
                Console.line ($"  %s{name.PadRight width}  %-7s{kind}  %s{about}".TrimEnd())

            Console.line ""

        Console.line $"%s{RunIndex.leftOut}: the runs that could not be read (path, what)"
        Console.line ""
        Console.line "For example:"
        Console.line $"  ./glem query --in results \"%s{example}\""

    let private isNumber value =
        match value with
        | SqlValue.Text _ -> false
        | _ -> true

    /// A row under the other, each value behind its column's name: for what is wider than the screen.
    let private upright (answer: QueryAnswer) =
        let width = answer.Columns |> List.map String.length |> List.max

        for row in answer.Rows do
            (answer.Columns, row)
            ||> List.iter2 (fun name value -> Console.line $"%s{name.PadRight width}  %s{SqlValue.show value}")

            Console.line ""

    let private show (answer: QueryAnswer) =
        let cells = answer.Rows |> List.map (List.map SqlValue.show)
        let columns = answer.Columns :: cells |> List.transpose
        let width = columns |> List.sumBy (fun column -> 3 + (column |> List.map String.length |> List.max))

        if Console.isInteractive && width + 1 > Console.screen.Profile.Width then
            upright answer
        else
            let table = ConsoleTable.create Console.screen
            Console.screen.Profile.Width <- max (width + 1) Console.screen.Profile.Width

            for at, name in List.indexed answer.Columns do
                let column = TableColumn(Markup.Escape name).NoWrap()
                let numbers = answer.Rows |> List.forall (fun row -> isNumber row[at])
                table.AddColumn(if numbers then column.RightAligned() else column) |> ignore

            for row in cells do
                table.AddRow(row |> List.map Markup.Escape |> Array.ofList) |> ignore

            Console.screen.Write table

        Console.line (if answer.Rows.Length = 1 then "1 row" else $"%d{answer.Rows.Length} rows")

    /// What the index could not read, on the standard error: it does not get into a file.
    let private warn (index: string) =
        Query.run index $"select path, what from %s{RunIndex.leftOut}"
        |> Result.map (fun found ->
            for row in found.Rows do
                let text = row |> List.map SqlValue.toText
                eprintfn $"note: %s{text[0]}: %s{text[1]}")

    /// Errors: a folder that is not there, SQL that is none.
    let run (options: ParseResults<QueryArguments>) : Result<unit, GlemError> =
        let isJson, isCsv = options.Contains QueryArguments.Json, options.Contains QueryArguments.Csv

        let print answer =
            if isJson then System.Console.Out.Write(Query.toJson answer)
            elif isCsv then System.Console.Out.Write(Query.toCsv answer)
            else show answer

        match options.TryGetResult QueryArguments.Sql, options.GetResults QueryArguments.In with
        | _ when isJson && isCsv -> Error(InSetting("--csv", "--json, too", "one of them"))
        | None, _ -> Ok(schema ())
        | Some sql, folders ->
            RunIndex.ofFolders (CacheFolder.path ()) (if folders.IsEmpty then [ "runs" ] else folders)
            |> Result.bind (fun index -> warn index |> Result.bind (fun () -> Query.run index sql) |> Result.map print)
