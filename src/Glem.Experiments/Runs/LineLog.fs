namespace Glem

open System
open System.IO
open System.Text

/// A JSON Lines file open for appending. Each line reaches the operating system before `Append` returns, so that a
/// killed process loses at most the line it was writing.
type LineLog<'record> private (stream: FileStream, toLine: 'record -> string) =
    /// Opens or creates the file. A torn last line, left by a killed process, is cut off first: what follows it
    /// would otherwise be glued to it.
    static member Open(path: string, toLine: 'record -> string) =
        RunFile.guard path "a file that can be written to" (fun () ->
            RunFile.makeFolder path
            let stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read)
            let mutable keep = stream.Length

            let lastByte () =
                stream.Position <- keep - 1L
                stream.ReadByte()

            while keep > 0L && lastByte () <> int '\n' do
                keep <- keep - 1L

            stream.SetLength keep
            stream.Position <- keep
            new LineLog<'record>(stream, toLine))

    member _.Append(record: 'record) =
        stream.Write(Encoding.UTF8.GetBytes(toLine record + "\n").AsSpan())
        stream.Flush()

    interface IDisposable with
        member _.Dispose() = stream.Dispose()

module LineLog =
    /// The records in the order they were written, and a note for each thing passed over: a last line without its
    /// line feed is what a killed process leaves, and does not count. Any other bad line is an error.
    ///   ofLine : file, line number from 1, line
    let read (ofLine: string -> int -> string -> Result<'record, GlemError>) (path: string) =
        let rec parse (records: 'record list) (number: int) (lines: string list) =
            match lines with
            | []
            | [ "" ] -> Ok(List.rev records, [])
            | [ _ ] ->
                Ok(List.rev records, [ $"%s{Path.GetFileName path}: the torn last line (%d{number}) was ignored" ])
            | line :: rest ->
                match ofLine path number line with
                | Ok record -> parse (record :: records) (number + 1) rest
                | Error error -> Error error

        RunFile.read path |> Result.bind (fun text -> text.Split '\n' |> List.ofArray |> parse [] 1)
