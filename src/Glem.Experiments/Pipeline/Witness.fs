namespace Glem

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
