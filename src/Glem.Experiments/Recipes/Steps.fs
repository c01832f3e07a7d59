namespace Glem

open System.Collections.Generic
open System.IO

/// A step of EM as the core knows it: who teaches how, and what is minimised. A script may put other functions and masks
/// in than a recipe can name.
type Step = {
    Teacher: Teacher
    Teaching: Teaching
    Objective: Objective
}

/// EM's two steps.
type Steps = { E: Step; M: Step }

/// From a recipe to the core's values.
module Steps =
    let private listed file (ids: string[]) (supervision: Supervision) : Result<int<node>[], GlemError> =
        let index = ids |> Seq.mapi (fun i id -> KeyValuePair(id, i * 1<node>)) |> Dictionary

        let node line (id: string) =
            let at = $"line %d{line + 1}"

            match index.TryGetValue id with
            | false, _ -> raise (GlemException(InFile(file, at, $"'%s{id}'", "the id of a node that training sees")))
            | true, i when supervision.Gold(i).IsSome ->
                raise (GlemException(InFile(file, at, $"'%s{id}', a training node", "a node without gold label")))
            | true, i -> i

        try
            File.ReadAllLines file
            |> Array.map _.Trim()
            |> Array.indexed
            |> Array.filter (fun (_, id) -> id <> "")
            |> Array.map (fun (line, id) -> node line id)
            |> Ok
        with
        | GlemException error -> Error error
        | :? IOException as problem -> Error(InFile(file, "", problem.Message, "a file of node ids, one a line"))

    let private pool (recipe: PoolRecipe) split ids supervision =
        match recipe with
        | PoolRecipe.Unlabelled -> Ok(Pool.unlabelled supervision)
        | PoolRecipe.HeldOut -> Ok(Pool.heldOut split supervision)
        | PoolRecipe.ValidationOnly -> Ok(Pool.validation split supervision)
        | PoolRecipe.UnassignedOnly -> Ok(Pool.unassigned split supervision)
        | PoolRecipe.Listed file -> listed file ids supervision

    let private filter key recipe =
        match recipe with
        | FilterRecipe.Everyone -> Ok Everyone
        | FilterRecipe.Top fraction -> Fraction.create $"%s{key}.filter.top" fraction |> Result.map Top
        | FilterRecipe.AtLeast least -> Ok(AtLeast least)
        | FilterRecipe.Balanced fraction -> Fraction.create $"%s{key}.filter.balanced" fraction |> Result.map Balanced

    let private sureness recipe =
        match recipe with
        | SurenessRecipe.Confidence -> Sureness.confidence
        | SurenessRecipe.Margin -> Sureness.margin
        | SurenessRecipe.NegativeEntropy -> Sureness.negativeEntropy

    let private teacher recipe (dataset: Dataset) =
        match recipe with
        | TeacherRecipe.Other -> Other
        | TeacherRecipe.Shuffled -> Shuffled
        | TeacherRecipe.Itself -> Itself
        | TeacherRecipe.Oracle -> Oracle dataset.Audit

    let private sampling key recipe =
        match recipe with
        | SamplingRecipe.All -> Ok All
        | SamplingRecipe.Window ratio -> Ratio.create $"%s{key}.sampling.window" ratio |> Result.map Window
        | SamplingRecipe.EachEpoch ratio -> Ratio.create $"%s{key}.sampling.eachEpoch" ratio |> Result.map EachEpoch

    /// How a teacher speaks. `key` is the setting that holds the temperature.
    let softness key labels temperature =
        Temperature.create key temperature
        |> Result.map (fun temperature ->
            match labels with
            | LabelRecipe.Soft -> Soft temperature
            | LabelRecipe.Hard -> Hard
            | LabelRecipe.Sampled -> Sampled temperature)

    // `key` names the step in messages: "eStep".
    let private step key reduction (recipe: StepRecipe) (dataset: Dataset) supervision = {
        Teacher = teacher recipe.Teacher dataset
        Teaching = {
            Pool = pool recipe.Pool dataset.Split dataset.Graph.Ids supervision |> Result.orRaise
            Filter = filter key recipe.Filter |> Result.orRaise
            Sureness = sureness recipe.Sureness
            Sampling = sampling key recipe.Sampling |> Result.orRaise
            Softness = recipe.Temperature |> List.map (softness $"%s{key}.temperature" recipe.Labels >> Result.orRaise)
        }
        Objective = {
            Mix = recipe.PseudoWeight |> List.map (Mix.create $"%s{key}.pseudoWeight" >> Result.orRaise)
            Reduction = reduction
            Divergence = recipe.Divergence
            Smoothing = {
                Gold = recipe.Fit.LabelSmoothing
                Pseudo = recipe.PseudoSmoothing
            }
        }
    }

    /// The two steps of a recipe on a data set.
    /// Error: a setting out of its range; a listed id that is no node, or a training node.
    let ofRecipe (recipe: Recipe) dataset (supervision: Supervision) : Result<Steps, GlemError> =
        try
            Ok {
                E = step "eStep" recipe.Reduction recipe.EStep dataset supervision
                M = step "mStep" recipe.Reduction recipe.MStep dataset supervision
            }
        with GlemException error ->
            Error error
