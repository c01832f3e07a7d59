namespace Glem

open System

/// Texts to classify, from a file.
module TextTable =
    let private rows path format = [|
        for row in Rows.read path format [ "text" ] ->
            let id = row.Field "id" |> Option.defaultValue $"line %d{row.Line}"
            struct (id, row.Field "text" |> Option.defaultValue "")
    |]

    let private lines path =
        use reader = FileScan.openText path

        Seq.unfold
            (fun number ->
                reader.ReadLine() |> Option.ofObj |> Option.map (fun line -> struct (number, line), number + 1))
            1
        |> Seq.filter (fun (struct (_, line)) -> line.Trim() <> "")
        |> Seq.map (fun (struct (number, line)) -> struct ($"line %d{number}", line))
        |> Seq.toArray

    /// [id, text] of a table with a column 'text' (and 'id'), or of the lines of a .txt file; plain or .gz.
    /// Error: the file and line of what is damaged, an unknown ending, no text at all.
    let read (path: string) : Result<struct (string * string)[], GlemError> =
        try
            FileScan.check path
            |> Result.bind (fun () ->
                if
                    path.EndsWith(".txt", StringComparison.OrdinalIgnoreCase)
                    || path.EndsWith(".txt.gz", StringComparison.OrdinalIgnoreCase)
                then
                    Ok(lines path)
                else
                    TableFormat.ofPath path |> Result.map (rows path))
            |> Result.bind (fun items ->
                if items.Length = 0 then
                    Error(InFile(path, "", "no text", "at least one"))
                else
                    Ok items)
        with GlemException error ->
            Error error
