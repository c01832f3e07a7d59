namespace Glem

/// A variation of the base recipe that is no axis.
type ExperimentArm = {
    Name: string
    /// What it sets of the base, as "path=value".
    Settings: string list
    /// Run once, and not at each level of the axes.
    Pinned: bool
}

/// What the experiment is to decide, said before it is run: one student's test accuracy in an arm against the baseline's.
type DecisionRule = {
    Student: Student
    /// An arm, and levels: "glem,alpha=0.3". Axes that it does not name are chosen on validation.
    Candidate: string
    /// Percentage points of test accuracy.
    By: float
}

/// Stops an experiment whose base does not stand: a rung of its ladder on the first seed.
type Gate = {
    /// summary.json's key: "lmOnly".
    Rung: string
    /// Validation accuracy, 0 to 1.
    AtLeast: float
}

/// Successive halving over EM rounds (Jamieson & Talwalkar 2016, "Non-stochastic best arm identification"): cells compete
/// for their later rounds. Halving says more.
type HalvingRule = {
    /// Whose validation accuracy, on average over seeds, decides.
    Student: Student
    /// Rounds that every cell gets; those that stay get twice as many, and so on up to their recipe's.
    FirstRounds: int
    /// Share of the cells that stay each time, above 0 and below 1, rounded up.
    Keep: float
}

/// What --quick makes of an experiment beside what Recipes.quick makes of its recipe.
type Smoke = {
    /// "path=value".
    Settings: string list
    /// Levels of each axis, at most; those that a rule names stay.
    Levels: int
    /// Seeds, at most.
    Seeds: int
}

/// An experiment: a question, what is run to answer it, and what counts as an answer. Pure data: a script, a JSON file and
/// C# say the same thing with it. Experiment.check says what makes sense.
type Experiment = {
    Name: string
    Question: string
    /// The base: what the arm "glem" runs, and what all else changes.
    Recipe: Recipe
    Axes: Axis list
    Arms: ExperimentArm list
    Controls: Control list
    /// Controls that are run at each level of the axes too.
    ControlsAtEachLevel: Control list
    /// Names of cells that are not run.
    Without: string list
    Seeds: int list
    /// The arm, and levels, that differences are taken against. On axes that it does not name: the cell's own levels.
    Baseline: string option
    Rule: DecisionRule option
    Gate: Gate option
    Smoke: Smoke
    /// Cells that do badly after few rounds are spared the rest.
    Halving: HalvingRule option
    /// How often the base is run once more on the first seed, from nothing: what moves between these runs is noise.
    Repeats: int
    /// What all cells may take together; a cell that would go beyond is not begun.
    BudgetMinutes: float option
}

/// What of a cell a run is.
[<RequireQualifiedAccess>]
type CellPart =
    | Whole
    /// So many rounds of it: a rung of successive halving.
    | Rung of rounds: int
    /// The same once more, counted from 1, with nothing taken from the store.
    | Repeat of int

/// One run of an experiment.
type Cell = {
    Arm: string
    /// Axis and label, in the axes' order; none of an axis that the arm is not crossed with.
    Levels: (string * string) list
    Control: Control option
    Part: CellPart
    Recipe: Recipe
    Seed: int
}

module Cell =
    /// What a part is called in a cell's name, as if it were an axis's level; no axis may be called so.
    let roundsLevel, repeatLevel = "rounds", "repeat"

    /// What it is called but for its seed; CellName says how.
    let name (cell: Cell) =
        let part =
            match cell.Part with
            | CellPart.Whole -> []
            | CellPart.Rung rounds -> [ roundsLevel, string rounds ]
            | CellPart.Repeat count -> [ repeatLevel, string count ]

        CellName.format cell.Arm (cell.Levels @ part)

    /// The cell that a run is a part of.
    let whole (cell: Cell) = { cell with Part = CellPart.Whole }

    let isWhole (cell: Cell) = cell.Part = CellPart.Whole

    let isRepeat (cell: Cell) =
        match cell.Part with
        | CellPart.Repeat _ -> true
        | CellPart.Whole
        | CellPart.Rung _ -> false

    /// Whether it learns from labels that are there to score it.
    let usesHeldOutLabels (cell: Cell) = Recipe.usesHeldOutLabels cell.Recipe

module Experiment =
    /// The arm of the base recipe itself.
    let ownArm = "glem"

    // Where the gate's run is none of the cells.
    let private gateName = "base"

    /// An experiment of one run.
    let ofRecipe (name: string) (recipe: Recipe) : Experiment = {
        Name = name
        Question = ""
        Recipe = recipe
        Axes = []
        Arms = []
        Controls = []
        ControlsAtEachLevel = []
        Without = []
        Seeds = [ 0 ]
        Baseline = None
        Rule = None
        Gate = None
        Smoke = { Settings = []; Levels = 2; Seeds = 1 }
        Halving = None
        Repeats = 0
        BudgetMinutes = None
    }

    /// What is run at each of some axes' levels.
    type private Crossing = {
        Name: string
        Control: Control option
        Settings: string list
        Axes: Axis list
    }

    let private crossings (experiment: Experiment) =
        let control eachLevel control = {
            Name = Control.name control
            Control = Some control
            Settings = Control.settings control
            Axes = experiment.Axes |> List.filter (Axis.paths >> Control.isCrossed eachLevel control)
        }

        [
            {
                Name = ownArm
                Control = None
                Settings = []
                Axes = experiment.Axes
            }
            for arm in experiment.Arms do
                {
                    Name = arm.Name
                    Control = None
                    Settings = arm.Settings
                    Axes = if arm.Pinned then [] else experiment.Axes
                }
            for one in experiment.Controls do
                control false one
            for one in experiment.ControlsAtEachLevel do
                control true one
        ]

    /// Every choice of one level of each axis.
    let rec private combinations (axes: Axis list) : (string * Level) list list =
        match axes with
        | [] -> [ [] ]
        | axis :: rest -> [
            for level in axis.Levels do
                for others in combinations rest -> (axis.Name, level) :: others
          ]

    // One assignment list at a time: of two for one field the later holds, whole. The arm's come last.
    let private recipeOf (experiment: Experiment) (crossing: Crossing) levels =
        (Ok experiment.Recipe, (levels |> List.map (fun (_, level: Level) -> level.Settings)) @ [ crossing.Settings ])
        ||> List.fold (fun recipe settings -> recipe |> Result.bind (Settings.setAll settings))
        |> Result.bind Recipe.validate

    /// One cell of each name, the left-out ones among them.
    let private shapes (experiment: Experiment) : Result<Cell list, GlemError> =
        let ofName crossing levels problem =
            let name = CellName.format crossing.Name [ for axis, level in levels -> axis, level.Label ]

            match problem with
            | InSetting(key, found, expected) -> InSetting(key, $"%s{found} in the cell %s{name}", expected)
            | other -> other

        let cell crossing levels =
            match recipeOf experiment crossing levels with
            | Error error -> raise (GlemException(ofName crossing levels error))
            | Ok recipe -> {
                Arm = crossing.Name
                Levels = [ for axis, level in levels -> axis, level.Label ]
                Control = crossing.Control
                Part = CellPart.Whole
                Recipe = recipe
                Seed = List.head experiment.Seeds
              }

        try
            Ok [
                for crossing in crossings experiment do
                    for levels in combinations crossing.Axes -> cell crossing levels
            ]
        with GlemException error ->
            Error error

    /// The run that the gate looks at, and that repeats repeat: the base on the first seed, by whatever name it has among the
    /// cells.
    let gateCell (experiment: Experiment) (cells: Cell list) : Cell =
        let seed = experiment.Seeds.Head

        cells
        |> List.tryFind (fun cell -> cell.Recipe = experiment.Recipe && cell.Seed = seed && Cell.isWhole cell)
        |> Option.defaultValue {
            Arm = gateName
            Levels = []
            Control = None
            Part = CellPart.Whole
            Recipe = experiment.Recipe
            Seed = seed
        }

    /// What an experiment runs, all cells of a seed before the next one's, and repeats last. Error: a recipe that makes no sense.
    let cells (experiment: Experiment) : Result<Cell list, GlemError> =
        shapes experiment
        |> Result.map (fun shapes ->
            let cells = [
                for seed in experiment.Seeds do
                    for cell in shapes do
                        if not (List.contains (Cell.name cell) experiment.Without) then
                            { cell with Seed = seed }
            ]

            let again count = {
                gateCell experiment cells with
                    Part = CellPart.Repeat count
            }

            cells @ List.map again [ 1 .. experiment.Repeats ])

    // Checks

    let private refuse key found expected = raise (GlemException(InSetting(key, found, expected)))

    // Folder names: to some file systems "A" is "a".
    let private eachOnce key (names: string list) =
        for name in names do
            if name.Trim() = "" then
                refuse key "an empty name" "a name"

        names
        |> List.countBy _.ToLowerInvariant()
        |> List.tryFind (fun (_, count) -> count > 1)
        |> Option.iter (fun (name, _) -> refuse key $"%s{name} twice" "each name once")

    let private quoted names = names |> String.concat ", "

    /// Whether a name speaks of cells that there are.
    let private checkSide key (experiment: Experiment) name =
        let arm, levels = CellName.parse key name |> Result.orRaise
        let crossings = crossings experiment

        match crossings |> List.tryFind (fun crossing -> crossing.Name = arm) with
        | None -> refuse key $"the arm %s{arm}" $"one of %s{crossings |> List.map _.Name |> quoted}"
        | Some crossing ->
            for axis, label in levels do
                match crossing.Axes |> List.tryFind (fun known -> known.Name = axis) with
                | None ->
                    let known = crossing.Axes |> List.map _.Name |> quoted

                    refuse
                        key
                        $"the axis %s{axis}"
                        $"""an axis that %s{arm} is crossed with%s{if known = "" then ", of which there is none" else ": " + known}"""
                | Some known when known.Levels |> List.forall (fun level -> level.Label <> label) ->
                    refuse key $"%s{axis}=%s{label}" $"one of %s{known.Levels |> List.map _.Label |> quoted}"
                | Some _ -> ()

    let private checkAxes (experiment: Experiment) =
        eachOnce "axes" (experiment.Axes |> List.map _.Name)

        for axis in experiment.Axes do
            eachOnce $"axes.%s{axis.Name}" (axis.Levels |> List.map _.Label)

        for i, axis in List.indexed experiment.Axes do
            for other in List.take i experiment.Axes do
                for path in Axis.paths axis do
                    if List.contains path (Axis.paths other) then
                        refuse
                            $"axes.%s{axis.Name}"
                            $"%s{path}, which the axis %s{other.Name} sets too"
                            "axes that set fields of their own"

    let private checkArms (experiment: Experiment) =
        eachOnce "arms" (gateName :: List.map _.Name (crossings experiment))

        for arm in experiment.Arms do
            if arm.Settings.IsEmpty then
                refuse $"arms.%s{arm.Name}" "a change of nothing" $"a change: the base itself is the arm %s{ownArm}"

            for axis in experiment.Axes do
                for path in arm.Settings |> List.map RecipeChange.path do
                    if not arm.Pinned && List.contains path (Axis.paths axis) then
                        refuse
                            $"arms.%s{arm.Name}"
                            $"%s{path}, which the axis %s{axis.Name} sets too"
                            "other fields, or a pinned arm"

    let private checkCells (experiment: Experiment) =
        let shapes = shapes experiment |> Result.orRaise
        let names = shapes |> List.map Cell.name

        for name in names do
            // Beside it stand "seed0.partial-…"; file systems stop at 255 bytes.
            if name.Length > 200 then
                refuse "axes" $"the cell %s{name}, of %d{name.Length} letters" "names and labels that make 200 at most"

        for name in experiment.Without do
            if not (List.contains name names) then
                refuse "without" name $"a cell's name, such as %s{List.last names}"

        if names |> List.forall (fun name -> List.contains name experiment.Without) then
            refuse "without" "every cell" "a cell that is run"

    let private checkSeeds (experiment: Experiment) =
        if experiment.Seeds.IsEmpty then
            refuse "seeds" "none" "at least one"

        experiment.Seeds |> List.map string |> eachOnce "seeds"

    let private checkRule (experiment: Experiment) =
        experiment.Baseline |> Option.iter (checkSide "baseline" experiment)

        match experiment.Rule, experiment.Baseline with
        | None, _ -> ()
        | Some _, None -> refuse "rule" "no baseline" "a baseline to decide against"
        | Some rule, Some baseline ->
            checkSide "rule.candidate" experiment rule.Candidate

            if rule.Candidate = baseline then
                refuse "rule.candidate" $"%s{rule.Candidate}, the baseline" "another arm or level"

            if not (rule.By >= 0.0 && rule.By <= 100.0) then
                refuse "rule.by" (Settings.show rule.By) "percentage points from 0 to 100"

    let private checkLimits (experiment: Experiment) =
        match experiment.Gate with
        | None -> ()
        | Some gate ->
            if Ladder.rungs |> List.forall (fun (key, _, _) -> key <> gate.Rung) then
                refuse "gate.rung" gate.Rung $"one of %s{Ladder.rungs |> List.map (fun (key, _, _) -> key) |> quoted}"

            if not (gate.AtLeast >= 0.0 && gate.AtLeast <= 1.0) then
                refuse "gate.atLeast" (Settings.show gate.AtLeast) "an accuracy from 0 to 1"

        match experiment.BudgetMinutes with
        | Some minutes when not (minutes > 0.0 && minutes < infinity) ->
            refuse "budgetMinutes" (Settings.show minutes) "minutes, above 0"
        | _ -> ()

        if experiment.Repeats < 0 then
            refuse "repeats" (string experiment.Repeats) "a whole number from 0"

        for part in [ Cell.roundsLevel; Cell.repeatLevel ] do
            let isUsed =
                (part = Cell.repeatLevel && experiment.Repeats > 0)
                || (part = Cell.roundsLevel && experiment.Halving.IsSome)

            if isUsed && experiment.Axes |> List.exists (fun axis -> axis.Name = part) then
                refuse "axes" part $"another name: \"%s{part}\" tells parts of a cell here"

        match experiment.Halving with
        | None -> ()
        | Some halving ->
            if halving.FirstRounds < 1 then
                refuse "halving.firstRounds" (string halving.FirstRounds) "a whole number from 1"

            if not (halving.Keep > 0.0 && halving.Keep < 1.0) then
                refuse "halving.keep" (Settings.show halving.Keep) "a share above 0 and below 1"

        if experiment.Smoke.Levels < 1 then
            refuse "smoke.levels" (string experiment.Smoke.Levels) "a whole number from 1"

        if experiment.Smoke.Seeds < 1 then
            refuse "smoke.seeds" (string experiment.Smoke.Seeds) "a whole number from 1"

        Settings.setAll experiment.Smoke.Settings experiment.Recipe |> Result.orRaise |> ignore

    /// The experiment, if it makes sense. Error: the first thing that does not, by its place in the JSON: a name twice, an
    /// empty or idle axis, two that set one field, an arm that contradicts an axis, a cell whose recipe is out of range, a
    /// baseline or rule that speaks of what is not there.
    let check (experiment: Experiment) : Result<Experiment, GlemError> =
        try
            eachOnce "name" [ experiment.Name ]
            checkSeeds experiment
            checkAxes experiment
            checkArms experiment
            checkCells experiment
            checkRule experiment
            checkLimits experiment
            Ok experiment
        with GlemException error ->
            Error error

    // Changes

    /// With other settings of the base recipe. Error: one that an axis sets, and that would have no effect.
    let withSettings (settings: string list) (experiment: Experiment) : Result<Experiment, GlemError> =
        let taken =
            settings
            |> List.map RecipeChange.path
            |> List.tryPick (fun path ->
                experiment.Axes
                |> List.tryFind (Axis.paths >> List.contains path)
                |> Option.map (fun axis -> path, axis))

        match taken with
        | Some(path, axis) -> Error(InSetting("--set", path, $"a field that the axis %s{axis.Name} does not set"))
        | None ->
            Settings.setAll settings experiment.Recipe
            |> Result.bind (fun recipe -> check { experiment with Recipe = recipe })

    /// Its smoke test: a recipe cut short, few levels and seeds; no gate and no budget, whose numbers speak of the real one.
    let quick (experiment: Experiment) : Result<Experiment, GlemError> =
        let named =
            [ experiment.Baseline; experiment.Rule |> Option.map _.Candidate ]
            |> List.choose id
            |> List.collect (CellName.parse "rule" >> Result.map snd >> Result.defaultValue [])

        let thinned (axis: Axis) =
            axis
            |> Axis.thinned experiment.Smoke.Levels (fun level -> List.contains (axis.Name, level.Label) named)

        Recipes.quick experiment.Recipe
        |> Settings.setAll experiment.Smoke.Settings
        |> Result.bind (fun recipe ->
            let small = {
                experiment with
                    Name = $"%s{experiment.Name}-quick"
                    Recipe = recipe
                    Axes = experiment.Axes |> List.map thinned
                    Without = []
                    Seeds = experiment.Seeds |> List.truncate experiment.Smoke.Seeds
                    Gate = None
                    Repeats = min experiment.Repeats 1
                    BudgetMinutes = None
            }

            shapes small
            |> Result.bind (fun shapes ->
                let names = shapes |> List.map Cell.name

                check {
                    small with
                        Without = experiment.Without |> List.filter (fun name -> List.contains name names)
                }))
