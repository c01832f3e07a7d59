namespace Glem.Experiments.Tests

open System
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open System.Text
open System.Threading
open Xunit

module Signal =
    let interrupt = 2
    let kill = 9
    let terminate = 15

    [<DllImport("libc", EntryPoint = "kill")>]
    extern int private sendSignal(int number, int signal)

    let send (number: int) (signal: int) = sendSignal (number, signal) |> ignore

/// The program while it runs: it can be watched and sent signals. Killed with all that it started when this is disposed.
[<Sealed>]
type RunningGlem(folder: string, environment: (string * string) list, arguments: string list) =
    static let limit = TimeSpan.FromMinutes 4.0

    let info =
        ProcessStartInfo(
            // A shell's background job starts its children deaf to Ctrl-C, and tests may be one.
            "env",
            "--default-signal=INT" :: "dotnet" :: GlemProcess.program :: arguments,
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    do environment |> List.iter (fun (key, value) -> info.Environment[key] <- value)

    let started = Process.Start info |> nonNull
    let out, err = StringBuilder(), StringBuilder()

    let note (text: StringBuilder) (line: DataReceivedEventArgs) =
        if not (isNull line.Data) then
            lock text (fun () -> text.AppendLine line.Data |> ignore)

    do
        started.OutputDataReceived.Add(note out)
        started.ErrorDataReceived.Add(note err)
        started.BeginOutputReadLine()
        started.BeginErrorReadLine()

    let read (text: StringBuilder) = lock text (fun () -> string text)

    /// State and parent from /proc/<process>/stat, behind the name in parentheses.
    static let stat (number: int) =
        try
            let text = File.ReadAllText $"/proc/%d{number}/stat"
            let fields = text.Substring(text.LastIndexOf ')' + 2).Split ' '
            Some(fields[0], int fields[1])
        with :? IOException ->
            None

    static let childrenOf parent = [
        for entry in Directory.GetDirectories "/proc" do
            match Int32.TryParse(Path.GetFileName entry) with
            | true, number when stat number |> Option.map snd = Some parent -> number
            | _ -> ()
    ]

    static let rec descendantsOf parent = [
        for child in childrenOf parent do
            child
            yield! descendantsOf child
    ]

    member _.Id = started.Id
    member _.HasExited = started.HasExited
    /// The standard error so far.
    member _.Err = read err
    /// Processes that it started, and those that these did.
    member _.Descendants = descendantsOf started.Id
    member _.Send(signal: int) = Signal.send started.Id signal

    /// Waits until something is so, or fails with what it said; true unless the process ended before.
    member _.Sees(condition: unit -> bool) =
        let watch = Stopwatch.StartNew()

        while not started.HasExited && not (condition ()) do
            Assert.True(watch.Elapsed < limit, $"not seen: %s{read out}%s{read err}")
            Thread.Sleep 4

        condition ()

    /// Waits for its end.
    member _.End() : Outcome =
        Assert.True(started.WaitForExit limit, $"no end: %s{read out}%s{read err}")
        // The rest of what it wrote.
        started.WaitForExit()

        {
            Code = started.ExitCode
            Out = read out
            Err = read err
        }

    /// Whether a process runs.
    static member IsRunning(number: int) =
        match stat number with
        | None -> false
        | Some(state, _) -> state <> "Z" && state <> "X"

    /// Waits until none of these processes runs.
    static member AllEnd(numbers: int list) =
        let watch = Stopwatch.StartNew()

        while numbers |> List.exists RunningGlem.IsRunning do
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds 60.0, "a process that was started is still there")
            Thread.Sleep 10

    interface IDisposable with
        member _.Dispose() =
            if not started.HasExited then
                started.Kill true
                started.WaitForExit()

            started.Dispose()
