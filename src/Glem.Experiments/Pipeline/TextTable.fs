namespace Glem

open System
open System.IO
open System.IO.Compression

/// Texts from a file.
module TextTable =
    let private rows path format : NewNode seq =
        Rows.read path format [ "text" ]
        |> Seq.map (fun row -> {
            Id = row.Field "id" |> Option.defaultValue $"line %d{row.Line}"
            Text = row.Field "text" |> Option.defaultValue ""
            Neighbours = row.Items "neighbours"
        })

    let private lines path : NewNode seq = seq {
        use reader = FileScan.openText path
        let mutable number = 1
        let mutable line = reader.ReadLine()

        while not (isNull line) do
            match line with
            | NonNull text when text.Trim() <> "" -> {
                Id = $"line %d{number}"
                Text = text
                Neighbours = []
              }
            | _ -> ()

            number <- number + 1
            line <- reader.ReadLine()
    }

    /// The rows of a table with a column 'text' (and 'id', and 'neighbours'), or the lines of a .txt file; plain or .gz. They
    /// are read as they are asked for, and raise GlemException at the line of what is damaged, or where there is none.
    /// Error: no such file, an unknown ending.
    let stream (path: string) : Result<NewNode seq, GlemError> =
        let someOf (items: NewNode seq) = seq {
            let mutable isEmpty = true

            for item in items do
                isEmpty <- false
                item

            if isEmpty then
                raise (GlemException(InFile(path, "", "no text", "at least one")))
        }

        FileScan.check path
        |> Result.bind (fun () ->
            if
                path.EndsWith(".txt", StringComparison.OrdinalIgnoreCase)
                || path.EndsWith(".txt.gz", StringComparison.OrdinalIgnoreCase)
            then
                Ok(lines path)
            else
                TableFormat.ofPath path |> Result.map (rows path))
        |> Result.map someOf

    /// Line ends in the file: about how many texts `stream` will give. Raises IOException, InvalidDataException.
    let countLines (path: string) : int64 =
        use file = File.OpenRead path

        use stream: Stream =
            if FileScan.isGzip path then
                new GZipStream(file, CompressionMode.Decompress)
            else
                file

        let buffer = Array.zeroCreate<byte>(1 <<< 20)

        Seq.initInfinite (fun _ -> stream.Read(buffer, 0, buffer.Length))
        |> Seq.takeWhile (fun read -> read > 0)
        |> Seq.sumBy (fun read -> ReadOnlySpan(buffer, 0, read).Count(byte '\n') |> int64)

    /// All that `stream` reads. Error: what it raises too.
    let read (path: string) : Result<NewNode[], GlemError> =
        try
            stream path |> Result.map Seq.toArray
        with GlemException error ->
            Error error
