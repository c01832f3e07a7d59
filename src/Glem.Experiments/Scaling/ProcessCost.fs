namespace Glem

open System
open System.Diagnostics
open System.Globalization
open System.IO
open System.Threading

/// What a process took.
type ProcessCost = {
    /// Seconds from its start to its end.
    Wall: float
    /// Seconds of all its threads together.
    Processor: float
    /// Its largest resident set, bytes.
    Peak: int64
}

/// Processor time and memory of processes, as Linux counts them.
module ProcessCost =
    /// A line of /proc/ID/status in bytes; nothing once the process is gone.
    let private status (id: string) (field: string) =
        try
            File.ReadLines $"/proc/%s{id}/status"
            |> Seq.tryFind _.StartsWith(field + ":")
            |> Option.map (fun line ->
                let kilobytes = line.Substring(field.Length + 1).Replace("kB", "").Trim()
                1024L * Int64.Parse(kilobytes, CultureInfo.InvariantCulture))
        with :? IOException ->
            None

    let private own field = status "self" field |> Option.defaultValue 0L

    /// This process' resident set, bytes.
    let resident () = own "VmRSS"

    /// This process' largest resident set since `restartPeak`, bytes.
    let peak () = own "VmHWM"

    /// Peaks count from here on.
    let restartPeak () = File.WriteAllText("/proc/self/clear_refs", "5")

    /// Seconds that this process' threads have computed.
    let processor () =
        use self = Process.GetCurrentProcess()
        self.TotalProcessorTime.TotalSeconds

    /// Runs a program to its end, its output on this one's, and looks at it ten times a second. Answers its exit code and
    /// its cost, but for what it did in its last tenth of a second.
    let ofProgram (program: string) (arguments: string list) : int * ProcessCost =
        let clock = Stopwatch.StartNew()
        use running = Process.Start(ProcessStartInfo(program, arguments)) |> nonNull
        let mutable processor, peak = 0.0, 0L

        while not (running.WaitForExit 100) do
            status (string running.Id) "VmHWM" |> Option.iter (fun now -> peak <- max peak now)

            try
                running.Refresh()
                processor <- running.TotalProcessorTime.TotalSeconds
            with :? InvalidOperationException ->
                // It ended between the two looks.
                Thread.Yield() |> ignore

        running.ExitCode,
        {
            Wall = clock.Elapsed.TotalSeconds
            Processor = processor
            Peak = peak
        }
