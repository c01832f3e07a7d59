namespace Glem

open System
open System.Threading

/// A wish to end work between two of its steps.
module Stop =
    /// Raises OperationCanceledException, with a message for people, once it is asked for.
    let check (cancel: CancellationToken) =
        if cancel.IsCancellationRequested then
            raise (
                OperationCanceledException(
                    "stopped; what is finished stays, and the same command goes on from there",
                    cancel
                )
            )
