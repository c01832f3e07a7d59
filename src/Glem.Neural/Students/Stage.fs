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
