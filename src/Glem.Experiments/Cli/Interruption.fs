namespace Glem

open System.Runtime.InteropServices
open System.Threading

/// Work that a person or a scheduler may end between its steps.
module Interruption =
    /// Runs the work so that Ctrl-C, or a scheduler's SIGTERM, asks it to end after the step at hand; a second one ends the
    /// process at once.
    let during (work: CancellationToken -> 'r) : 'r =
        use source = new CancellationTokenSource()

        let stop (signal: PosixSignalContext) =
            signal.Cancel <- not source.IsCancellationRequested
            source.Cancel()

        use _ = PosixSignalRegistration.Create(PosixSignal.SIGINT, stop)
        use _ = PosixSignalRegistration.Create(PosixSignal.SIGTERM, stop)
        work source.Token
