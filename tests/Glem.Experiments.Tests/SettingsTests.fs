module Glem.Experiments.Tests.SettingsTests

open System
open System.IO
open System.Text.Json.Nodes
open FsCheck
open FsCheck.FSharp
open Glem
open Xunit

let private start = Recipes.quickstart
let private set assignment = Settings.set assignment start

let private overlay (json: string) = Settings.overlay (JsonNode.Parse json) start

let private refuses (key: string) (parts: string list) (result: Result<'r, GlemError>) =
    match result with
    | Error(InSetting(found, _, _) as error) ->
        Assert.Equal(key, found)

        for part in parts do
            Assert.Contains(part, GlemError.message error)
    | other -> Assert.Fail $"%A{other}"

[<Fact>]
let ``a recipe survives its JSON, whatever its numbers are`` () =
    let recipes = gen {
        let! alpha = Gen.choose (0, 1_000_000)
        let! rate = Gen.choose (1, 1_000_000)
        let! rounds = Gen.choose (0, 9)
        let! order = Gen.elements [ LmFirst; GnnFirst ]
        let! begin' = Gen.elements [ Scratch; Start.Pretrained; Previous ]
        let! name = Gen.elements [ "a"; "Ünïcode \"x\""; "" ]

        return
            { start with
                Name = name
                Rounds = rounds
                Order = order
                EStep =
                    { start.EStep with
                        PseudoWeight = float alpha / 1e6
                        Start = begin' }
                LmFit =
                    { start.LmFit with
                        Optimiser = { start.LmFit.Optimiser with LearningRate = float rate / 7e9 } } }
    }

    let law recipe =
        let text = (Settings.toJson recipe).ToJsonString()
        Settings.overlay (JsonNode.Parse text) start = Ok recipe

    Check.One(Config.QuickThrowOnFailure.WithQuietOnSuccess true, Prop.forAll (Arb.fromGen recipes) law)

[<Fact>]
let ``a setting changes its field and no other`` () =
    Assert.Equal(Ok { start with EStep = { start.EStep with PseudoWeight = 0.3 } }, set "eStep.pseudoWeight=0.3")
    Assert.Equal(Ok { start with Rounds = 5 }, set " rounds = 5 ")
    Assert.Equal(Ok { start with Order = GnnFirst }, set "order=gnnFirst")
    Assert.Equal(Ok { start with Lm = { start.Lm with Pooling = Cls } }, set "lm.pooling=CLS")
    Assert.Equal(Ok { start with Dataset = "my=data" }, set "dataset=my=data")
    let optimiser = { start.LmFit.Optimiser with Decay = false }
    Assert.Equal(Ok { start with LmFit = { start.LmFit with Optimiser = optimiser } }, set "lmFit.optimiser.decay=false")
    Assert.Equal(Ok { start with Rounds = 7 }, overlay """{ "rounds": 7 }""")

[<Fact>]
let ``an unknown field is refused by its whole path, with the names that there are`` () =
    set "eStep.fit.optimiser.learningrate=1" |> refuses "eStep.fit.optimiser.learningrate" [ "learningRate"; "weightDecay"; "clipNorm" ]
    set "alpha=1" |> refuses "alpha" [ "eStep"; "mStep"; "rounds" ]
    overlay """{ "lm": { "layers": 3, "width": 4 } }""" |> refuses "lm.width" [ "hidden"; "layers" ]

[<Theory>]
[<InlineData("rounds=two", "rounds", "whole number")>]
[<InlineData("rounds=1.5", "rounds", "whole number")>]
[<InlineData("rounds=99999999999", "rounds", "whole number")>]
[<InlineData("eStep.pseudoWeight=half", "eStep.pseudoWeight", "a number")>]
[<InlineData("eStep.pseudoWeight=NaN", "eStep.pseudoWeight", "a number")>]
[<InlineData("lmFit.optimiser.decay=1", "lmFit.optimiser.decay", "true or false")>]
[<InlineData("order=lmLast", "order", "lmFirst, gnnFirst")>]
[<InlineData("name=3", "name", "a text")>]
[<InlineData("eStep=0.5", "eStep", "an object")>]
[<InlineData("rounds", "rounds", "path=value")>]
let ``a value of another kind is refused by path, with what is expected`` (assignment: string, key: string, expected: string) =
    set assignment |> refuses key [ expected ]

[<Theory>]
[<InlineData "eStep.pseudoWeight=1.01">]
[<InlineData "eStep.pseudoWeight=-0.01">]
[<InlineData "mStep.pseudoWeight=2">]
[<InlineData "eStep.temperature=0">]
[<InlineData "mStep.topFraction=1.5">]
[<InlineData "lm.heads=3">]
[<InlineData "lm.heads=0">]
[<InlineData "lm.dropout=1">]
[<InlineData "lm.maxTokens=2">]
[<InlineData "gnn.hidden=0">]
[<InlineData "rounds=-1">]
[<InlineData "lmFit.epochs=-1">]
[<InlineData "lmFit.optimiser.learningRate=0">]
[<InlineData "mlm.hidden=1">]
[<InlineData "gnnFit.labelSmoothing=1.5">]
let ``a number out of its range is refused by path and value`` (assignment: string) =
    let parts = assignment.Split '='
    set assignment |> Result.bind Recipe.validate |> refuses parts[0] [ parts[1] ]

[<Fact>]
let ``every named recipe is valid, and so is its quick version`` () =
    for recipe in Recipes.named do
        Assert.Equal(Ok recipe, Recipe.validate recipe)
        Assert.Equal(Ok recipe, Recipes.find recipe.Name)
        Assert.True((Recipes.quick recipe |> Recipe.validate).IsOk)

let private ofFile (content: string) =
    let folder = Directory.CreateTempSubdirectory "glem-recipe-"

    try
        let path = Path.Combine(folder.FullName, "mine.json")
        File.WriteAllText(path, content)
        Recipes.find path
    finally
        folder.Delete true

[<Fact>]
let ``a recipe file says what differs from its base`` () =
    let json = """{ "base": "quickstart", "name": "mine", "eStep": { "pseudoWeight": 0.9, "fit": { "epochs": 1.5 } } }"""

    let expected =
        { start with
            Name = "mine"
            EStep =
                { start.EStep with
                    PseudoWeight = 0.9
                    Fit = { start.EStep.Fit with Epochs = 1.5 } } }

    Assert.Equal(Ok expected, ofFile json)
    Assert.Equal(Ok { start with Rounds = 0 }, ofFile """{ "rounds": 0 }""")

[<Theory>]
[<InlineData("""{ "base": "slowstart" }""", "slowstart", "quickstart")>]
[<InlineData("""{ "lm": { "width": 3 } }""", "lm.width", "layers")>]
[<InlineData("""{ "rounds": "many" }""", "rounds", "whole number")>]
[<InlineData("""{ "rounds": 1, "rounds": 2 }""", "line 1", "recipe")>]
[<InlineData("{\n  \"rounds\": ,\n}", "line 2", "recipe")>]
[<InlineData("[]", "something else", "object")>]
let ``a recipe file that is wrong is refused by file, place and what is expected`` (json: string, found: string, expected: string) =
    match ofFile json with
    | Error(InFile _ as error) ->
        let message = GlemError.message error
        Assert.Contains("mine.json", message)
        Assert.Contains(found, message)
        Assert.Contains(expected, message)
    | other -> Assert.Fail $"%A{other}"

[<Fact>]
let ``a recipe that is neither a name nor a file is refused with the names that there are`` () =
    Recipes.find "fastest" |> refuses "recipe" [ "fastest"; "quickstart" ]
