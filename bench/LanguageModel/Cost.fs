namespace Glem.Bench

open System.Diagnostics

/// Seconds that a piece of work took, by the clock and of all processors together.
type Cost = { Wall: float; Processor: float }

/// A piece of work on a language model, and what it cost.
type Work = {
    Tokens: int
    /// Multiplications and additions of its matrix products.
    Flops: float
    Cost: Cost
}

module Cost =
    let private self = Process.GetCurrentProcess()
    let private clock = Stopwatch.StartNew()

    /// What this process has cost so far.
    let now () =
        self.Refresh()

        {
            Wall = clock.Elapsed.TotalSeconds
            Processor = self.TotalProcessorTime.TotalSeconds
        }

    let between first last = {
        Wall = last.Wall - first.Wall
        Processor = last.Processor - first.Processor
    }
