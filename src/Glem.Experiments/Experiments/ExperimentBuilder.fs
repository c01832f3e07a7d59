namespace Glem

open System

/// An experiment while it is being written: functions that wait for the base recipe.
type ExperimentDraft = {
    Value: Experiment
    /// Name, and each level's label and function.
    Axes: (string * Result<(string * (Recipe -> Recipe)) list, GlemError>) list
    /// Name, function, whether pinned.
    Arms: (string * (Recipe -> Recipe) * bool) list
    Excluded: (Cell -> bool) list
}

/// Experiments as scripts write them:
///
///   experiment "alpha-beta" {
///       question "How much should each model trust the other's labels?"
///       recipe Recipes.quickstart
///       axis "alpha" [ 0.0; 0.3; 0.8 ] (fun alpha r -> { r with EStep.PseudoWeight = [ alpha ] })
///       seeds [ 0..4 ]
///       controls [ Control.TeacherFree; Control.StaticTwoStage ]
///       baseline "staticTwoStage"
///       decide Student.Gnn "glem" 0.5
///   }
///
/// The value is a Result: Experiment.check says what can be wrong. Operations stand in any order; functions are applied to
/// the base in the end. In lower case, as the language's own words are: it is read as one.
type experiment(name: string) =
    let labelled key (values: 'value list) (change: 'value -> Recipe -> Recipe) =
        try
            Ok [ for value in values -> Settings.show value, change value ]
        with :? ArgumentException ->
            Error(
                InSetting(
                    key,
                    $"values of type %s{typeof<'value>.Name}",
                    "numbers, texts, choices, or levels with labels"
                )
            )

    member _.Yield(()) : ExperimentDraft = {
        Value = Experiment.ofRecipe name Recipes.quickstart
        Axes = []
        Arms = []
        Excluded = []
    }

    /// What is asked.
    [<CustomOperation "question">]
    member _.Question(draft: ExperimentDraft, text) = { draft with Value.Question = text }

    /// The base recipe; quickstart where none is given.
    [<CustomOperation "recipe">]
    member _.Recipe(draft: ExperimentDraft, recipe) = { draft with Value.Recipe = recipe }

    /// An axis: its name, its values, and what each makes of the base.
    [<CustomOperation "axis">]
    member _.Axis(draft: ExperimentDraft, name: string, values: 'value list, change: 'value -> Recipe -> Recipe) = {
        draft with
            Axes = draft.Axes @ [ name, labelled $"axes.%s{name}" values change ]
    }

    /// An axis of levels with labels of their own.
    [<CustomOperation "levels">]
    member _.Levels(draft: ExperimentDraft, name: string, levels: (string * (Recipe -> Recipe)) list) = {
        draft with
            Axes = draft.Axes @ [ name, Ok levels ]
    }

    /// An arm beside the base, at each level of the axes.
    [<CustomOperation "arm">]
    member _.Arm(draft: ExperimentDraft, name: string, change: Recipe -> Recipe) = {
        draft with
            Arms = draft.Arms @ [ name, change, false ]
    }

    /// An arm that is run once, whatever the axes are.
    [<CustomOperation "pinned">]
    member _.Pinned(draft: ExperimentDraft, name: string, change: Recipe -> Recipe) = {
        draft with
            Arms = draft.Arms @ [ name, change, true ]
    }

    /// Leaves out the cells of which this holds.
    [<CustomOperation "except">]
    member _.Except(draft: ExperimentDraft, excluded: Cell -> bool) = {
        draft with
            Excluded = draft.Excluded @ [ excluded ]
    }

    /// Replicates.
    [<CustomOperation "seeds">]
    member _.Seeds(draft: ExperimentDraft, seeds) = { draft with Value.Seeds = seeds }

    /// Controls at the base's own place; at each level of what changes data or students.
    [<CustomOperation "controls">]
    member _.Controls(draft: ExperimentDraft, controls) = { draft with Value.Controls = controls }

    /// Controls at each level of every axis that means something to them.
    [<CustomOperation "controlsAtEachLevel">]
    member _.ControlsAtEachLevel(draft: ExperimentDraft, controls) = {
        draft with
            Value.ControlsAtEachLevel = controls
    }

    /// What differences are taken against: an arm, and levels.
    [<CustomOperation "baseline">]
    member _.Baseline(draft: ExperimentDraft, name) = {
        draft with
            Value.Baseline = Some name
    }

    /// The decision rule: a student's test accuracy in an arm, at levels, by at least so many points above the baseline.
    [<CustomOperation "decide">]
    member _.Decide(draft: ExperimentDraft, student: Student, candidate: string, points: float) = {
        draft with
            Value.Rule =
                Some {
                    Student = student
                    Candidate = candidate
                    By = points
                }
    }

    /// Stops unless the base reaches this validation accuracy, 0 to 1, on a rung of the ladder (summary.json's key).
    [<CustomOperation "gate">]
    member _.Gate(draft: ExperimentDraft, rung: string, least: float) = {
        draft with
            Value.Gate = Some { Rung = rung; AtLeast = least }
    }

    /// Successive halving over EM rounds: whose validation accuracy decides, the rounds that every cell gets, and the share of
    /// cells that stay each time the rounds double.
    [<CustomOperation "halving">]
    member _.Halving(draft: ExperimentDraft, student: Student, firstRounds: int, keep: float) = {
        draft with
            Value.Halving =
                Some {
                    Student = student
                    FirstRounds = firstRounds
                    Keep = keep
                }
    }

    /// How often the base is run once more on the first seed, from nothing, to tell noise from effect.
    [<CustomOperation "repeats">]
    member _.Repeats(draft: ExperimentDraft, count: int) = { draft with Value.Repeats = count }

    /// What --quick sets beside cutting the recipe short; levels of an axis and seeds, at most.
    [<CustomOperation "smoke">]
    member _.Smoke(draft: ExperimentDraft, levels: int, seeds: int, settings: string list) = {
        draft with
            Value.Smoke = {
                Settings = settings
                Levels = levels
                Seeds = seeds
            }
    }

    /// Minutes that all cells may take together.
    [<CustomOperation "budget">]
    member _.Budget(draft: ExperimentDraft, minutes: float) = {
        draft with
            Value.BudgetMinutes = Some minutes
    }

    member _.Run(draft: ExperimentDraft) : Result<Experiment, GlemError> =
        let recipe = draft.Value.Recipe

        let arm (name, change: Recipe -> Recipe, pinned) : ExperimentArm = {
            Name = name
            Settings = change recipe |> RecipeChange.between $"arms.%s{name}" recipe |> Result.orRaise
            Pinned = pinned
        }

        try
            let whole = {
                draft.Value with
                    Axes = [
                        for name, levels in draft.Axes ->
                            levels |> Result.bind (Axis.ofFunctions name recipe) |> Result.orRaise
                    ]
                    Arms = draft.Arms |> List.map arm
            }

            Experiment.check whole
            |> Result.bind Experiment.cells
            |> Result.map (
                List.filter (fun cell -> draft.Excluded |> List.exists (fun excluded -> excluded cell))
                >> List.map Cell.name
                >> List.distinct
            )
            |> Result.bind (fun left -> Experiment.check { whole with Without = left })
        with GlemException error ->
            Error error
