namespace Glem

open System.Threading

/// Who watches a run: a progress view, a log, a test.
type IWitness =
    /// A stage without inner states begins, and has ended when the work returns.
    abstract During<'r> : name: string * work: (unit -> 'r) -> 'r

    /// A stage's training state, after every optimiser step.
    abstract Watch: name: string -> state: TrainState -> unit

    /// A stage was computed before, and its answer is at hand.
    abstract Kept: name: string * seconds: float -> unit

module Witness =
    /// Lets everything pass.
    let silent = {
        new IWitness with
            member _.During(_, work) = work ()
            member _.Watch _ _ = ()
            member _.Kept(_, _) = ()
    }

    /// The same witness, where a wish to stop is heard: after the optimiser step at hand, unless it is a stage's last one, and
    /// between stages, by OperationCanceledException.
    let stoppable (cancel: CancellationToken) (witness: IWitness) = {
        new IWitness with
            member _.During(name, work) =
                Stop.check cancel
                witness.During(name, work)

            member _.Watch name state =
                witness.Watch name state

                if not state.IsDone then
                    Stop.check cancel

            member _.Kept(name, seconds) =
                witness.Kept(name, seconds)
                Stop.check cancel
    }
