namespace Glem

open System
open System.Diagnostics
open System.IO
open System.Threading

/// Several processes of this program over one grid's folder. Each takes what no other one has claimed.
type GridWorkers = {
    /// At most; fewer where memory does not hold them.
    Count: int
    /// The experiment's file, and where it runs.
    File: string
    Output: string
    /// Of the command line, for each of them.
    Options: string list
    /// What they are to do.
    Cells: Cell list
}

module GridWorkers =
    /// Memory that is free for new processes, in MiB.
    let private availableMb () =
        let fromKernel =
            if File.Exists "/proc/meminfo" then
                File.ReadLines "/proc/meminfo"
                |> Seq.tryFind _.StartsWith("MemAvailable:")
                |> Option.map (fun line -> float (line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) / 1024.0)
            else
                None

        fromKernel
        |> Option.defaultWith (fun () -> float (GC.GetGCMemoryInfo().TotalAvailableMemoryBytes) / 1048576.0)

    /// How many more processes of this peak fit into this much memory; a tenth stays free.
    let fitting (peakMb: float) (availableMb: float) = int (0.9 * availableMb / peakMb)

    let private program = typeof<Experiment>.Assembly.Location

    let private start (workers: GridWorkers) (threads: int) (index: int) : Process =
        let folder = Path.Combine(workers.Output, "logs")
        Directory.CreateDirectory folder |> ignore

        let info =
            ProcessStartInfo(
                "dotnet",
                program :: "grid" :: workers.File :: "--out" :: workers.Output :: "--worker" :: workers.Options,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )

        info.Environment["OMP_NUM_THREADS"] <- string threads
        let started = Process.Start info |> nonNull

        let log =
            TextWriter.Synchronized(new StreamWriter(Path.Combine(folder, $"worker%d{index}.log"), AutoFlush = true))

        let note (line: DataReceivedEventArgs) =
            if not (isNull line.Data) then
                log.WriteLine line.Data

        started.OutputDataReceived.Add note
        started.ErrorDataReceived.Add note
        started.BeginOutputReadLine()
        started.BeginErrorReadLine()
        started

    /// Runs them to their end. The first one begins alone, until it is known what a run takes of memory; then as many as fit.
    ///   threads : of each
    ///   note : hears what was decided
    ///   watch : hears of finished and failed cells
    /// Raises OperationCanceledException when all have stopped on a wish to.
    let run (workers: GridWorkers) (threads: int) (cancel: CancellationToken) note (watch: GridEvent -> unit) : unit =
        let running = ResizeArray<Process>()
        let told = Collections.Generic.HashSet<Cell>()
        let mutable peak = None
        let mutable all = false

        let look () =
            for cell in workers.Cells do
                if not (told.Contains cell) then
                    match CellFolder.state workers.Output cell with
                    | Ok(CellState.Done(summary, seconds)) ->
                        told.Add cell |> ignore
                        peak <- max peak summary.PeakRssMb
                        watch (GridEvent.Finished(cell, summary, seconds))
                    | Ok(CellState.Failed problem) ->
                        told.Add cell |> ignore
                        watch (GridEvent.Failed(cell, problem))
                    | _ -> ()

        let addOthers (peak: float) =
            let available = availableMb ()
            let count = min workers.Count (1 + fitting peak available)

            if count < workers.Count then
                note
                    $"%d{count} of %d{workers.Count} processes: a run takes %.0f{peak} MiB, and %.0f{available} are free"

            for index in 2..count do
                running.Add(start workers threads index)

            all <- true

        let mutable isStopping = false

        let stop () =
            isStopping <- true

            for worker in running do
                Interruption.tell worker

        // What was there before tells its peak too, but is no news.
        for cell, summary, _ in Grid.finished workers.Output workers.Cells do
            told.Add cell |> ignore
            peak <- max peak summary.PeakRssMb

        running.Add(start workers threads 1)

        while running |> Seq.exists (fun worker -> not worker.HasExited) do
            if cancel.IsCancellationRequested && not isStopping then
                stop ()

            look ()

            match peak with
            | Some peak when not all && not cancel.IsCancellationRequested -> addOthers peak
            | _ -> ()

            Thread.Sleep 200

        look ()

        for index, worker in Seq.indexed running do
            // The rest of what it wrote.
            worker.WaitForExit()

            if worker.ExitCode <> 0 && not cancel.IsCancellationRequested then
                note
                    $"worker %d{index + 1} ended with code %d{worker.ExitCode}: %s{workers.Output}/logs/worker%d{index + 1}.log"

        Stop.check cancel
