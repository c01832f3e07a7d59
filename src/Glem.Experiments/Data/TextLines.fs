namespace Glem

open System
open System.Formats.Tar
open System.Globalization
open System.IO
open System.IO.Compression
open System.Text

/// Lines of text files, plain or gzipped, or of the first file of a tar archive (OGB's titleabs.tsv.gz is one).
module TextLines =
    let private tarBlock = 512

    /// Whether the stream begins with a tar header, and a stream that still has its beginning.
    let private peekTar (stream: Stream) =
        let head = Array.zeroCreate<byte> tarBlock
        let count = stream.ReadAtLeast(Span head, tarBlock, false)
        let isTar = count = tarBlock && Encoding.ASCII.GetString(head, 257, 5) = "ustar"
        isTar, new Joined(new MemoryStream(head, 0, count), stream)

    let private openStream (path: string) : Stream =
        let file: Stream = File.OpenRead path

        let unpacked: Stream =
            if FileScan.isGzip path then
                new GZipStream(file, CompressionMode.Decompress)
            else
                file

        let isTar, stream = peekTar unpacked

        if isTar then
            let archive = new TarReader(stream)

            let rec firstFile () =
                match archive.GetNextEntry() with
                | null -> raise (GlemException(InFile(path, "", "a tar archive without a file", "one text file in it")))
                | entry ->
                    match entry.DataStream with
                    | null -> firstFile ()
                    | data -> data

            firstFile ()
        else
            stream

    /// Line number (from 1) and line, lazily. Errors are raised as GlemException: a file that `FileScan.check` refuses.
    let read (path: string) : seq<struct (int64 * string)> = seq {
        FileScan.check path |> Result.orRaise
        use reader = new StreamReader(openStream path, UTF8Encoding(false, true))
        let mutable line = 0L
        let mutable text = reader.ReadLine()

        while not (isNull text) do
            line <- line + 1L

            match text with
            | NonNull content -> struct (line, content)
            | Null -> ()

            text <- reader.ReadLine()
    }

    let refuse (path: string) (line: int64) found expected : 'a =
        raise (GlemException(InFile(path, $"line %d{line}", found, expected)))

    /// What stands there, short enough for a message.
    let quoted (text: string) = if text.Length <= 60 then $"'%s{text}'" else $"'%s{text.Substring(0, 60)}…'"

    /// The file of this name in a folder, plain or gzipped.
    let find (folder: string) (name: string) =
        [ name; name + ".gz" ]
        |> List.map (fun name -> Path.Combine(folder, name))
        |> List.tryFind File.Exists

    /// The same, or an error that names it.
    let need (folder: string) (name: string) =
        match find folder name with
        | Some path -> path
        | None ->
            raise (
                GlemException(InFile(Path.Combine(folder, name), "", "no such file", "it, plain or with .gz behind it"))
            )

    /// A whole number from 0 to below `limit`.
    let number (path: string) (line: int64) (what: string) (limit: int64) (text: ReadOnlySpan<char>) : int64 =
        let mutable value = 0L

        if
            Int64.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, &value)
            && value < limit
        then
            value
        else
            refuse path line (quoted (text.ToString())) $"%s{what}: a whole number from 0 to %d{limit - 1L}"
