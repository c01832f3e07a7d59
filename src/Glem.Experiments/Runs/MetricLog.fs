namespace Glem

open System
open System.IO
open System.Text

/// metrics.jsonl open for appending. Each line reaches the operating system before `Append` returns, so that a
/// killed process loses at most the line it was writing.
type MetricLog private (stream: FileStream) =
    /// Opens or creates the file. A torn last line, left by a killed process, is cut off first: what follows it
    /// would otherwise be glued to it.
    static member Open(path: string) =
        RunFile.guard path "a file that can be written to" (fun () ->
            let stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read)
            let mutable keep = stream.Length

            let lastByte () =
                stream.Position <- keep - 1L
                stream.ReadByte()

            while keep > 0L && lastByte () <> int '\n' do
                keep <- keep - 1L

            stream.SetLength keep
            stream.Position <- keep
            new MetricLog(stream))

    member _.Append(metric: Metric) =
        stream.Write(Encoding.UTF8.GetBytes(Metric.toLine metric + "\n").AsSpan())
        stream.Flush()

    interface IDisposable with
        member _.Dispose() = stream.Dispose()

module MetricLog =
    /// The metrics in the order they were written, and a note for each thing passed over: a last line without its
    /// line feed is what a killed process leaves, and does not count. Any other bad line is an error.
    let read (path: string) =
        let rec parse (metrics: Metric list) (number: int) (lines: string list) =
            match lines with
            | []
            | [ "" ] -> Ok(List.rev metrics, [])
            | [ _ ] ->
                Ok(List.rev metrics, [ $"%s{Path.GetFileName path}: the torn last line (%d{number}) was ignored" ])
            | line :: rest ->
                match Metric.ofLine path number line with
                | Ok metric -> parse (metric :: metrics) (number + 1) rest
                | Error error -> Error error

        RunFile.read path |> Result.bind (fun text -> text.Split '\n' |> List.ofArray |> parse [] 1)
