namespace Glem

open System
open System.Buffers
open System.IO
open System.IO.Compression
open System.Security.Cryptography
open System.Text

/// The bytes of one stream, then those of another. Disposes both.
type internal Joined(first: Stream, second: Stream) =
    inherit Stream()
    override _.CanRead = true
    override _.CanSeek = false
    override _.CanWrite = false
    override _.Length = raise (NotSupportedException())

    override _.Position
        with get () = raise (NotSupportedException())
        and set _ = raise (NotSupportedException())

    override _.Flush() = ()
    override _.Seek(_, _) = raise (NotSupportedException())
    override _.SetLength _ = raise (NotSupportedException())
    override _.Write(_: byte[], _: int, _: int) = raise (NotSupportedException())

    override _.Read(buffer: byte[], offset: int, count: int) =
        match first.Read(buffer, offset, count) with
        | 0 -> second.Read(buffer, offset, count)
        | read -> read

    override _.Dispose(disposing: bool) =
        if disposing then
            first.Dispose()
            second.Dispose()

/// Text files, plain or gzipped (named .gz): opened, and checked whole before anything in them is believed.
module FileScan =
    let isGzip (path: string) = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase)

    /// The lower-case SHA-256 of a file's bytes as they lie on disk.
    let sha256 (path: string) =
        use stream = File.OpenRead path
        Convert.ToHexStringLower(SHA256.HashData stream)

    /// A reader of a text file that `check` has found sound. The caller disposes it.
    let openText (path: string) =
        let file = File.OpenRead path
        let stream: Stream = if isGzip path then new GZipStream(file, CompressionMode.Decompress) else file
        new StreamReader(stream, UTF8Encoding(false, true), true)

    // GZipStream reads a cut-off file to its end and says nothing. So a member of our own is put behind the file: only when
    // the file's last member is whole does it come out again.
    let private sentinel = "\nend of the file"B

    let private sentinelMember =
        lazy
            (use memory = new MemoryStream()

             (use gzip = new GZipStream(memory, CompressionLevel.Optimal, true)
              gzip.Write(sentinel, 0, sentinel.Length))

             memory.ToArray())

    /// The place and the bytes of the first thing in a stream that is not UTF-8, and the stream's last bytes.
    let private scan (stream: Stream) =
        let buffer = Array.zeroCreate<byte> 65536
        let mutable kept = 0 // bytes at the buffer's start that may begin a character
        let mutable line = 1L
        let mutable position = 0L
        let mutable tail = [||]
        let mutable bad = None
        let mutable reading = true

        while reading && bad.IsNone do
            let read = stream.Read(buffer, kept, buffer.Length - kept)
            reading <- read > 0
            let filled = kept + read
            let mutable at = 0
            let mutable deciding = true

            while deciding && at < filled do
                let mutable rune = Rune()
                let mutable length = 0
                let rest = ReadOnlySpan(buffer, at, filled - at)

                match Rune.DecodeFromUtf8(rest, &rune, &length) with
                | OperationStatus.Done ->
                    if rune.Value = int '\n' then
                        line <- line + 1L

                    at <- at + length
                | OperationStatus.NeedMoreData when reading -> deciding <- false
                | _ ->
                    bad <- Some(line, position + int64 at, rest.Slice(0, length).ToArray())
                    deciding <- false

            tail <-
                Array.append tail buffer[kept .. filled - 1]
                |> fun all -> all[max 0 (all.Length - sentinel.Length) ..]

            position <- position + int64 at
            Array.Copy(buffer, at, buffer, 0, filled - at)
            kept <- filled - at

        bad, tail, position

    let private hex (bytes: byte[]) = bytes |> Array.map (fun b -> $"0x%02X{b}") |> String.concat " "

    /// Reads a text file once, whole. Errors: it is missing, unreadable or empty, not a whole gzip file, or not UTF-8.
    let check (path: string) =
        let inFile place found expected = Error(InFile(path, place, found, expected))

        try
            use file = File.OpenRead path

            use stream: Stream =
                if isGzip path then
                    new GZipStream(new Joined(file, new MemoryStream(sentinelMember.Value)), CompressionMode.Decompress)
                else
                    file

            let bad, tail, length = scan stream

            match bad with
            | Some(line, position, bytes) ->
                inFile $"line %d{line}, byte %d{position}" $"%s{hex bytes}, which is not UTF-8" "text in UTF-8"
            | None when file.Length = 0L -> inFile "" "an empty file" "a header line and rows"
            | None when isGzip path && tail <> sentinel -> inFile "" "a truncated gzip file" "a whole gzip file"
            | None when isGzip path && length = int64 sentinel.Length ->
                inFile "" "an empty file" "a header line and rows"
            | None -> Ok()
        with
        | :? InvalidDataException -> inFile "" "a damaged or truncated gzip file" "a whole gzip file"
        | :? FileNotFoundException
        | :? DirectoryNotFoundException -> inFile "" "no such file" "a text file"
        | :? UnauthorizedAccessException -> inFile "" "a file that may not be read" "a readable text file"
