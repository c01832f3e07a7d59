namespace Glem

open System

/// Texts to classify, from a file.
module TextTable =
    let private rows path format : NewNode[] = [|
        for row in Rows.read path format [ "text" ] ->
            {
                Id = row.Field "id" |> Option.defaultValue $"line %d{row.Line}"
                Text = row.Field "text" |> Option.defaultValue ""
                Neighbours = row.Items "neighbours"
            }
    |]

    let private lines path =
        use reader = FileScan.openText path

        Seq.unfold
            (fun number ->
                reader.ReadLine() |> Option.ofObj |> Option.map (fun line -> struct (number, line), number + 1))
            1
        |> Seq.filter (fun (struct (_, line)) -> line.Trim() <> "")
        |> Seq.map (fun (struct (number, line)) -> {
            Id = $"line %d{number}"
            Text = line
            Neighbours = []
        })
        |> Seq.toArray

    /// The rows of a table with a column 'text' (and 'id', and 'neighbours'), or the lines of a .txt file; plain or .gz.
    /// Error: the file and line of what is damaged, an unknown ending, no text at all.
    let read (path: string) : Result<NewNode[], GlemError> =
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
