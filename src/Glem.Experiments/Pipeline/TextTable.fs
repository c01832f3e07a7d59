namespace Glem

open System.IO

/// Texts to classify, from a file.
module TextTable =
    let private rows path format =
        [| for row in Rows.read path format [ "text" ] ->
               let id = row.Field "id" |> Option.defaultValue $"line %d{row.Line}"
               struct (id, row.Field "text" |> Option.defaultValue "") |]

    let private lines path =
        use reader = FileScan.openText path

        [| let mutable number = 0
           let mutable line = reader.ReadLine()

           while not (isNull line) do
               number <- number + 1

               if line.Trim() <> "" then
                   struct ($"line %d{number}", line)

               line <- reader.ReadLine() |]

    /// [id, text] of a table with a column 'text' (and 'id'), or of the lines of a .txt file; plain or .gz.
    /// Error: the file and line of what is damaged, an unknown ending, no text at all.
    let read (path: string) : Result<struct (string * string)[], GlemError> =
        let plain = if FileScan.isGzip path then Path.GetFileNameWithoutExtension path else path

        try
            FileScan.check path
            |> Result.bind (fun () ->
                if Path.GetExtension(plain).ToLowerInvariant() = ".txt" then
                    Ok(lines path)
                else
                    TableFormat.ofPath path |> Result.map (rows path))
            |> Result.bind (fun items ->
                if items.Length = 0 then Error(InFile(path, "", "no text", "at least one")) else Ok items)
        with GlemException error ->
            Error error
