namespace Glem

/// One training of one student: what to learn, how, and who watches.
type Stage = {
    /// For messages and logs: "LM on gold", "E-step 2", …
    Name: string
    Recipe: FitRecipe
    Lesson: Lesson
    Validation: Validation
    /// Randomness of this stage alone.
    Key: Key
    /// Sees every training state, between two optimiser steps.
    Watch: TrainState -> unit
}

module Stage =
    /// The seed of a step's dropout masks.
    let seed (stage: Stage) (step: int) = stage.Key |> Key.named "dropout" |> Key.at step |> Key.seed |> int64

    /// The seed of a micro-batch's dropout masks; the first one's is the step's.
    let microSeed (stage: Stage) (step: int) (micro: int) =
        if micro = 0 then
            seed stage step
        else
            stage.Key |> Key.named "dropout" |> Key.at step |> Key.at micro |> Key.seed |> int64
