namespace Glem

open System
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open System.Threading
open Spectre.Console

/// Work that was asked to end and did: by which signal, and what is kept.
exception StoppedException of signal: PosixSignal * message: string

/// Work that a person or a scheduler may end between its steps. The first Ctrl-C, or SIGTERM, asks it to end after the step at
/// hand; the second one ends the process at once, which loses no more than SIGKILL does.
module Interruption =
    [<DllImport("libc", EntryPoint = "signal")>]
    extern nativeint private setDisposition(int signal, nativeint disposition)

    [<DllImport("libc", EntryPoint = "raise")>]
    extern int private raiseSignal(int signal)

    let private number signal = if signal = PosixSignal.SIGTERM then 15 else 2

    /// Ends the process as the signal does where nobody handles it, so that a shell's loop over commands ends too. A shell
    /// then says 130 for Ctrl-C and 143 for SIGTERM.
    let endBy (signal: PosixSignal) : 'r =
        if Console.isInteractive then
            // A line that changes hides the cursor.
            Console.Out.Write "\u001b[?25h"

        if not (OperatingSystem.IsWindows()) then
            let usual = 0n
            setDisposition (number signal, usual) |> ignore
            raiseSignal (number signal) |> ignore

        exit (128 + number signal)

    // A scheduler tells every process of a job, and some of them pass it on: one wish.
    let private echo = TimeSpan.FromSeconds 1.0

    /// Hears signals, and tells `first` of the first one.
    type private Ears(first: PosixSignal -> unit) =
        let since = Stopwatch()
        let mutable asked = None
        let mutable isByWord = false

        let hear signal byWord =
            let isFirst =
                lock since (fun () ->
                    let isFirst = asked.IsNone

                    if isFirst then
                        asked <- Some signal
                        isByWord <- byWord
                        since.Start()

                    isFirst)

            if isFirst then
                first signal
            elif since.Elapsed > echo || not (signal = PosixSignal.SIGTERM || isByWord) then
                endBy signal

        let registrations = [
            for signal in [ PosixSignal.SIGINT; PosixSignal.SIGTERM ] do
                PosixSignalRegistration.Create(
                    signal,
                    fun context ->
                        context.Cancel <- true
                        hear context.Signal false
                )
        ]

        /// The same by word of another process, which the signal itself may have gone before, or may follow.
        member _.HearOf signal =
            if asked.IsNone then
                hear signal true

        /// The first one.
        member _.Asked = asked

        interface IDisposable with
            member _.Dispose() = registrations |> List.iter _.Dispose()

    let private announce () =
        let text = "stopping after the step at hand; what is finished stays, and a second time ends at once"

        try
            if Console.isInteractive then
                AnsiConsole.MarkupLine(Markup.Escape text)
            else
                Console.Error.WriteLine text
        with :? IOException ->
            () // nobody reads it

    /// Asks a process that listens to its standard input. When this one is no more, that one ends at once.
    let tell (listener: Process) =
        try
            listener.StandardInput.WriteLine "stop"
            listener.StandardInput.Flush()
        with
        | :? IOException
        | :? InvalidOperationException -> () // it has ended

    /// A line on the standard input asks too; its end ends the process at once, for whoever started it is no more.
    let private listenToInput (ears: Ears) =
        let listen () =
            while not (isNull (Console.In.ReadLine())) do
                ears.HearOf PosixSignal.SIGTERM

            endBy PosixSignal.SIGTERM

        Thread(listen, IsBackground = true, Name = "input").Start()

    /// Runs work that ends, once it is asked to, between two steps, with OperationCanceledException and all that is finished
    /// kept. Then raises StoppedException with the same message.
    ///   hasListener : `tell` may ask too
    let during (hasListener: bool) (work: CancellationToken -> 'r) : 'r =
        let source = new CancellationTokenSource()

        use ears =
            new Ears(fun _ ->
                source.Cancel()
                announce ())

        if hasListener then
            listenToInput ears

        try
            work source.Token
        with :? OperationCanceledException as problem when ears.Asked.IsSome ->
            raise (StoppedException(ears.Asked.Value, problem.Message))

    /// Runs work that only looks on: a signal ends the looking, and nothing is lost by it.
    let ofOnlooker (work: CancellationToken -> 'r) : 'r =
        use source = new CancellationTokenSource()
        use _ = new Ears(fun _ -> source.Cancel())
        work source.Token

    /// Waits for a process that does this one's work, listens to its standard input and says what becomes of it.
    let through (worker: Process) =
        use ears = new Ears(fun _ -> tell worker)
        worker.WaitForExit()
        ears.Asked |> Option.iter endBy
