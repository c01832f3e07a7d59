module Glem.Experiments.Tests.ExperimentTests

open System
open System.IO
open System.Text.Json.Nodes
open FsCheck
open FsCheck.FSharp
open Glem
open Xunit

let private alpha value (recipe: Recipe) = {
    recipe with
        EStep = {
            recipe.EStep with
                PseudoWeight = [ value ]
        }
}

let private beta value (recipe: Recipe) = {
    recipe with
        MStep = {
            recipe.MStep with
                PseudoWeight = [ value ]
        }
}

let private filter choice (recipe: Recipe) = {
    recipe with
        EStep = { recipe.EStep with Filter = choice }
}

let private names experiment = Experiment.cells experiment |> Result.orRaise |> List.map Cell.name |> List.distinct

let private sketch =
    experiment "alpha-beta" {
        question "How much should each model trust the other's labels?"
        recipe Recipes.scratch
        axis "alpha" [ 0.0; 0.3; 0.5 ] alpha
        axis "beta" [ 0.0; 0.05 ] beta
        seeds [ 0..2 ]
        controls [ Control.TeacherFree; Control.StaticTwoStage ]
        baseline "staticTwoStage"
        decide Student.Gnn "glem,alpha=0.3" 0.5
        gate "lmOnly" 0.5
        budget 90.0
        except (fun cell -> List.contains ("alpha", "0.5") cell.Levels && List.contains ("beta", "0") cell.Levels)
    }
    |> Result.orRaise

/// The builder's or the file's complaint stands at a key and holds every part.
let private refuses (key: string) (parts: string list) (result: Result<Experiment, GlemError>) =
    match result with
    | Error(InSetting(found, _, _) as error) ->
        Assert.Equal(key, found)

        for part in parts do
            Assert.Contains(part, GlemError.message error)
    | other -> Assert.Fail $"%A{other}"

[<Fact>]
let ``cells are the axes' products, without what was left out, and controls at the base's place`` () =
    Assert.Equal<string list>(
        [
            "glem,alpha=0,beta=0"
            "glem,alpha=0,beta=0.05"
            "glem,alpha=0.3,beta=0"
            "glem,alpha=0.3,beta=0.05"
            "glem,alpha=0.5,beta=0.05"
            "teacherFree"
            "staticTwoStage"
        ],
        names sketch
    )

    let cells = Experiment.cells sketch |> Result.orRaise
    Assert.Equal(21, cells.Length)
    Assert.Equal<int list>(List.replicate 7 0 @ List.replicate 7 1 @ List.replicate 7 2, cells |> List.map _.Seed)

[<Fact>]
let ``a cell's recipe is the base with what its levels and its arm change, and nothing else`` () =
    let cell name = Experiment.cells sketch |> Result.orRaise |> List.find (fun cell -> Cell.name cell = name)
    Assert.Equal(Recipes.scratch |> alpha 0.3 |> beta 0.0, (cell "glem,alpha=0.3,beta=0").Recipe)
    Assert.Equal(Recipes.scratch |> alpha 0.0 |> beta 0.0, (cell "teacherFree").Recipe)
    Assert.Equal({ Recipes.scratch with Rounds = 0 }, (cell "staticTwoStage").Recipe)

[<Fact>]
let ``a level that is the base's own value is a level all the same, and says so`` () =
    // scratch's alpha is 0.5.
    let level = sketch.Axes.Head.Levels |> List.last
    Assert.Equal<string list>([ "eStep.pseudoWeight=0.5" ], level.Settings)

[<Fact>]
let ``controls are crossed with what changes data or students, and with EM's own settings where it is asked for`` () =
    let grid more =
        experiment "controls" {
            recipe Recipes.scratch

            axis "hidden" [ 64; 128 ] (fun hidden r -> {
                r with
                    Lm = { r.Lm with Hidden = hidden }
            })

            axis "alpha" [ 0.3; 0.8 ] alpha
            axis "rounds" [ 1; 2 ] (fun rounds r -> { r with Rounds = rounds })
            controls [ Control.StaticTwoStage ]
            controlsAtEachLevel more
        }
        |> Result.orRaise
        |> names
        |> List.filter (fun name -> not (name.StartsWith "glem"))

    let static' = [ "staticTwoStage,hidden=64"; "staticTwoStage,hidden=128" ]
    Assert.Equal<string list>(static', grid [])

    Assert.Equal<string list>(
        static'
        @ [
            for hidden in [ 64; 128 ] do
                for rounds in [ 1; 2 ] -> $"teacherFree,hidden=%d{hidden},rounds=%d{rounds}"
        ],
        grid [ Control.TeacherFree ]
    )

[<Fact>]
let ``each control changes who teaches, or whether anyone does, and nothing else`` () =
    let all = [
        Control.TeacherFree
        Control.MatchedRandom
        Control.Oracle
        Control.StaticTwoStage
        Control.SelfTraining
    ]

    let changes =
        {
            Experiment.ofRecipe "controls" Recipes.scratch with
                Controls = all
        }
        |> Experiment.cells
        |> Result.orRaise
        |> List.map (fun cell -> cell.Arm, RecipeChange.at (RecipeChange.paths Recipes.scratch cell.Recipe) cell.Recipe)

    Assert.Equal<(string * string list) list>(
        [
            "glem", []
            "teacherFree", [ "eStep.pseudoWeight=0"; "mStep.pseudoWeight=0" ]
            "matchedRandom", [ "eStep.teacher=shuffled"; "mStep.teacher=shuffled" ]
            "oracle", [ "eStep.teacher=oracle"; "mStep.teacher=oracle" ]
            "staticTwoStage", [ "rounds=0" ]
            "selfTraining", [ "eStep.teacher=itself" ]
        ],
        changes
    )

[<Fact>]
let ``arms change the base at each level, and pinned ones once`` () =
    let grid =
        experiment "arms" {
            recipe Recipes.scratch
            axis "alpha" [ 0.3; 0.8 ] alpha
            arm "three rounds" (fun r -> { r with Rounds = 3 })
            pinned "trusting" (alpha 0.95)
        }
        |> Result.orRaise

    Assert.Equal<string list>(
        [
            "glem,alpha=0.3"
            "glem,alpha=0.8"
            "three%0020rounds,alpha=0.3"
            "three%0020rounds,alpha=0.8"
            "trusting"
        ],
        names grid
    )

    let recipes = Experiment.cells grid |> Result.orRaise |> List.map _.Recipe

    Assert.Equal(
        {
            alpha 0.8 Recipes.scratch with
                Rounds = 3
        },
        recipes[3]
    )

    Assert.Equal(alpha 0.95 Recipes.scratch, recipes[4])

[<Fact>]
let ``each misuse is an error at its place`` () =
    let withAxes axes =
        axes
        |> List.map (fun (name, levels) -> Axis.ofFunctions name Recipes.scratch levels)
        |> List.fold
            (fun rest axis -> Result.bind (fun axes -> Result.map (fun axis -> axes @ [ axis ]) axis) rest)
            (Ok [])
        |> Result.bind (fun axes ->
            Experiment.check {
                Experiment.ofRecipe "x" Recipes.scratch with
                    Axes = axes
            })

    let alphas = "alpha", [ "a", alpha 0.1; "b", alpha 0.2 ]
    refuses "axes" [ "alpha twice" ] (withAxes [ alphas; alphas ])
    refuses "axes.alpha" [ "no level" ] (withAxes [ "alpha", [] ])
    refuses "axes.idle" [ "change nothing" ] (withAxes [ "idle", [ "a", id; "b", id ] ])

    refuses
        "axes.alpha"
        [ "a and b"; "eStep.pseudoWeight=0.1" ]
        (withAxes [ "alpha", [ "a", alpha 0.1; "b", alpha 0.1 ] ])

    refuses "axes.alpha" [ "level a twice" ] (withAxes [ "alpha", [ "a", alpha 0.1; "A", alpha 0.2 ] ])

    refuses
        "axes.other"
        [ "eStep.pseudoWeight"; "alpha sets too" ]
        (withAxes [ alphas; "other", [ "low", alpha 0.3; "high", alpha 0.4 ] ])

    refuses
        "eStep.pseudoWeight"
        [ "1.5"; "glem,alpha=1.5" ]
        (withAxes [ "alpha", [ "1.5", alpha 1.5; "1", alpha 1.0 ] ])

    let check change = Experiment.check (change sketch)
    refuses "baseline" [ "the arm statik"; "staticTwoStage" ] (check (fun e -> { e with Baseline = Some "statik" }))

    refuses
        "baseline"
        [ "alpha=0.4"; "0.3" ]
        (check (fun e -> {
            e with
                Baseline = Some "glem,alpha=0.4"
        }))

    refuses
        "baseline"
        [ "the axis alpha"; "teacherFree" ]
        (check (fun e -> {
            e with
                Baseline = Some "teacherFree,alpha=0"
        }))

    refuses "rule" [ "no baseline" ] (check (fun e -> { e with Baseline = None }))
    refuses "seeds" [ "none" ] (check (fun e -> { e with Seeds = [] }))
    refuses "seeds" [ "1 twice" ] (check (fun e -> { e with Seeds = [ 1; 1 ] }))
    refuses "without" [ "glem,alpha=9" ] (check (fun e -> { e with Without = [ "glem,alpha=9" ] }))

    refuses
        "gate.rung"
        [ "lm"; "lmOnly" ]
        (check (fun e -> {
            e with
                Gate = Some { Rung = "lm"; AtLeast = 0.5 }
        }))

    refuses "budgetMinutes" [ "0" ] (check (fun e -> { e with BudgetMinutes = Some 0.0 }))

    let arm settings pinned = {
        Name = "own"
        Settings = settings
        Pinned = pinned
    }

    refuses
        "arms.own"
        [ "eStep.pseudoWeight"; "alpha sets too" ]
        (check (fun e -> {
            e with
                Arms = [ arm [ "eStep.pseudoWeight=0.9" ] false ]
        }))

    refuses "arms.own" [ "nothing" ] (check (fun e -> { e with Arms = [ arm [] false ] }))

    refuses
        "arms"
        [ "teacherfree twice" ]
        (check (fun e -> {
            e with
                Arms = [
                    {
                        arm [ "rounds=1" ] true with
                            Name = "teacherFree"
                    }
                ]
        }))

    refuses "--set" [ "mStep.pseudoWeight"; "beta" ] (Experiment.withSettings [ "mStep.pseudoWeight=0.1" ] sketch)

[<Fact>]
let ``values without a label of their own are refused, and no value is invented`` () =
    refuses
        "axes.odd"
        [ "labels" ]
        (experiment "odd" { axis "odd" [ (fun () -> 1) ] (fun value r -> { r with Rounds = value () }) })

/// Experiments of any shape that makes sense: names with anything in them, axes with and without the base's values.
let private experiments = gen {
    let! name = Gen.elements [ "a"; "Ünïcode / \"x\", y=z %"; ".." ]
    let! labels = Gen.elements [ [ "low"; "high" ]; [ "a,b=c"; "%2C"; "ä" ]; [ "." ] ]
    // One level alone must not be the base's 0.5.
    let! alphas =
        if labels.Length = 1 then
            Gen.constant [| 0.25 |]
        else
            Gen.shuffle [ 0.0; 0.25; 0.5; 1.0 ]

    let! filters =
        Gen.elements [
            []
            [ FilterRecipe.Everyone; FilterRecipe.Top 0.8; FilterRecipe.AtLeast 0.9 ]
        ]

    let! seeds = Gen.choose (1, 4)
    let! controls = Gen.subListOf [ Control.TeacherFree; Control.StaticTwoStage ]
    let! hasArm = Gen.elements [ true; false ]
    let! hasRule = Gen.elements [ true; false ]
    let! minutes = Gen.elements [ None; Some 12.5 ]
    let! hasGate = Gen.elements [ true; false ]
    let! keep = Gen.elements [ None; Some 0.25; Some 0.5 ]
    let! repeats = Gen.choose (0, 2)

    let axis name levels = Axis.ofFunctions name Recipes.scratch levels |> Result.orRaise

    let value = {
        Experiment.ofRecipe name Recipes.scratch with
            Question = name
            Axes = [
                axis "alpha" (List.zip labels (alphas |> List.ofArray |> List.truncate labels.Length |> List.map alpha))

                if not filters.IsEmpty then
                    axis "filter" [ for choice in filters -> Settings.show choice, filter choice ]
            ]
            Arms = [
                if hasArm then
                    {
                        Name = $"arm %s{name}"
                        Settings = [ "rounds=1" ]
                        Pinned = hasRule
                    }
            ]
            Controls = List.ofSeq controls
            Seeds = [ 0 .. seeds - 1 ]
            Baseline = if hasArm then Some(CellName.format $"arm %s{name}" []) else None
            Rule =
                if hasArm && hasRule then
                    Some {
                        Student = Student.Lm
                        Candidate = "glem"
                        By = 0.5
                    }
                else
                    None
            Gate = if hasGate then Some { Rung = "lmOnly"; AtLeast = 0.4 } else None
            Halving =
                keep
                |> Option.map (fun keep -> {
                    Student = Student.Gnn
                    FirstRounds = 1
                    Keep = keep
                })
            Repeats = repeats
            BudgetMinutes = minutes
    }

    return value
}

let private quiet = Config.QuickThrowOnFailure.WithQuietOnSuccess true

[<Fact>]
let ``an experiment survives its JSON`` () =
    let law value =
        let value = Experiment.check value |> Result.orRaise
        ExperimentJson.ofText "x.json" (ExperimentJson.write value) = Ok value

    Check.One(quiet, Prop.forAll (Arb.fromGen experiments) law)
    Assert.Equal(Ok sketch, ExperimentJson.ofText "x.json" (ExperimentJson.write sketch))

[<Fact>]
let ``cells with different words never share a name, and every name is a folder's`` () =
    let words = Gen.elements [ "a"; "A"; "a,b"; "a=b"; "b"; "%"; "%002C"; "."; ".."; "/"; "ä b"; "\000" ]

    let side = gen {
        let! arm = words
        let! count = Gen.choose (0, 2)
        let! axes = Gen.listOfLength count words
        let! labels = Gen.listOfLength count words
        return arm, List.zip axes labels
    }

    let law ((one, other): (string * (string * string) list) * (string * (string * string) list)) =
        let name (arm, levels) = CellName.format arm levels

        let isFolder (name: string) =
            Path.GetFileName name = name && name <> "." && name <> ".." && not (name.Contains '\000')

        (one = other) = (name one = name other)
        && isFolder (name one)
        && CellName.parse "x" (name one) = Ok one

    Check.One(quiet.WithMaxTest 500, Prop.forAll (Gen.two side |> Arb.fromGen) law)

[<Fact>]
let ``a hand-written file needs a name, a recipe and what it varies`` () =
    let text =
        """{ "name": "mine", "recipe": { "base": "scratch", "rounds": 3 }, "seeds": [4, 5],
             "axes": { "name": "alpha", "levels": [ { "label": "low", "settings": "eStep.pseudoWeight=0.1" },
                                                    { "label": "high", "settings": "eStep.pseudoWeight=0.9" } ] },
             "controls": "staticTwoStage", "baseline": "staticTwoStage" }"""

    let read = ExperimentJson.ofText "mine.json" text |> Result.orRaise
    Assert.Equal<string list>([ "glem,alpha=low"; "glem,alpha=high"; "staticTwoStage" ], names read)
    Assert.Equal({ Recipes.scratch with Rounds = 3 }, read.Recipe)
    Assert.Equal<int list>([ 4; 5 ], read.Seeds)
    // A name stands for its recipe.
    let named = ExperimentJson.ofText "x.json" """{ "name": "x", "recipe": "scratch" }""" |> Result.orRaise
    Assert.Equal(Recipes.scratch, named.Recipe)

[<Fact>]
let ``a file's mistake is refused with its place`` () =
    let refuses (parts: string list) text =
        match ExperimentJson.ofText "mine.json" text with
        | Error(InFile("mine.json", _, _, _) as error) ->
            for part in parts do
                Assert.Contains(part, GlemError.message error)
        | other -> Assert.Fail $"%A{other}"

    refuses [ "key 'sedes'"; "unknown field"; "seeds" ] """{ "name": "x", "recipe": "scratch", "sedes": [1] }"""
    refuses [ "key 'recipe.rouns'"; "rounds" ] """{ "name": "x", "recipe": { "rouns": 1 } }"""
    refuses [ "key 'recipe'"; "nothing" ] """{ "name": "x" }"""

    refuses
        [ "key 'axes.0.levels.0.settings'" ]
        """{ "name": "x", "recipe": "scratch", "axes": [{ "name": "a", "levels": [{ "label": "b" }] }] }"""

    refuses
        [ "key 'controls.0'"; "oracel"; "teacherFree" ]
        """{ "name": "x", "recipe": "scratch", "controls": ["oracel"] }"""

    refuses
        [ "key 'eStep.alpha'"; "pseudoWeight" ]
        """{ "name": "x", "recipe": "scratch", "arms": [{ "name": "a", "settings": ["eStep.alpha=1"], "pinned": true }] }"""

    refuses [ "line 2"; "broken JSON" ] "{ \"name\": \"x\",\n \"recipe\" }"

[<Fact>]
let ``the smoke test keeps each axis's ends and what the rule names, and cuts the rest short`` () =
    let small = Experiment.quick sketch |> Result.orRaise
    Assert.Equal("alpha-beta-quick", small.Name)
    Assert.Equal<int list>([ 0 ], small.Seeds)
    Assert.Equal<string list>([ "0"; "0.3"; "0.5" ], small.Axes[0].Levels |> List.map _.Label)
    Assert.Equal<string list>([ "0"; "0.05" ], small.Axes[1].Levels |> List.map _.Label)
    Assert.Equal(1, small.Recipe.Rounds)
    Assert.Equal(None, small.Gate)

    let fewer =
        Experiment.quick {
            sketch with
                Rule = None
                Baseline = None
        }
        |> Result.orRaise

    Assert.Equal<string list>([ "0"; "0.5" ], fewer.Axes[0].Levels |> List.map _.Label)

[<Fact>]
let ``shards have every cell once, alike in cost and whoever splits them`` () =
    let cells = Experiment.cells sketch |> Result.orRaise
    let shards = [ for k in 1..3 -> CellCost.shard k 3 cells ]

    Assert.Equal<Cell list>(
        cells |> List.sortBy (fun cell -> Cell.name cell, cell.Seed),
        List.concat shards |> List.sortBy (fun cell -> Cell.name cell, cell.Seed)
    )

    let cost (shard: Cell list) = shard |> List.sumBy (fun cell -> CellCost.units cell.Recipe)
    let costs = List.map cost shards
    let largest = cells |> List.map (fun (cell: Cell) -> CellCost.units cell.Recipe) |> List.max
    Assert.True(List.max costs - List.min costs <= largest, $"%A{costs}")
    Assert.Equal<Cell list>(shards[1], CellCost.shard 2 3 cells)

let private page = Path.Combine(GlemProcess.root, "docs", "experiments.md") |> File.ReadAllText

let private block language =
    let start = page.IndexOf $"```%s{language}\n" + language.Length + 4
    page.Substring(start, page.IndexOf("```", start) - start)

[<Fact>]
let ``experiments.md prints scripts/alpha-beta.fsx as it is, and an experiment as JSON`` () =
    Assert.Equal(File.ReadAllText(Path.Combine(GlemProcess.root, "scripts", "alpha-beta.fsx")), block "fsharp")
    let read = ExperimentJson.ofText "alpha.json" (block "json") |> Result.orRaise
    Assert.Equal<string list>([ "glem,alpha=low"; "glem,alpha=high"; "staticTwoStage" ], names read)
