module Glem.Experiments.Tests.SettingsTests

open System
open System.IO
open System.Text.Json.Nodes
open FsCheck
open FsCheck.FSharp
open Glem
open Xunit

let private start = Recipes.scratch
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

        return {
            start with
                Name = name
                Rounds = rounds
                Order = order
                EStep = {
                    start.EStep with
                        PseudoWeight = [ float alpha / 1e6 ]
                        Start = begin'
                }
                LmFit = {
                    start.LmFit with
                        Optimiser = {
                            start.LmFit.Optimiser with
                                LearningRate = float rate / 7e9
                        }
                }
        }
    }

    let law recipe =
        let text = (Settings.toJson recipe).ToJsonString()
        Settings.overlay (JsonNode.Parse text) start = Ok recipe

    Check.One(Config.QuickThrowOnFailure.WithQuietOnSuccess true, Prop.forAll (Arb.fromGen recipes) law)

/// Every kind of value that a setting can be, and the ways in which they nest.
type Signal =
    | Confidence
    | Margin

type Rate = { Peak: float; Steps: int }

type Choice =
    | Everything
    | Share of float
    | Chosen of by: Signal
    | Paced of rate: Rate
    // Its field has the name of a case of its field's type: {"nested": {"share": 0.5}} is Nested(Share 0.5).
    | Nested of share: Choice
    | Listed of shares: float list
    | Perhaps of limit: int option
    | Top of fraction: float * by: Signal
    | Either of left: Choice * right: Choice option

type Plan = {
    Title: string
    Switch: bool
    Source: string option
    Weights: float list
    Choice: Choice
    Choices: Choice list
    Rates: Rate list option
    Grid: int list list
    Signals: Signal option list
}

let private plans =
    let text =
        Gen.elements (List.ofSeq "aZ0 .=,\"{}[]ü€\n\\")
        |> Gen.listOf
        |> Gen.map (List.map string >> String.concat "")

    ArbMap.defaults
    |> ArbMap.mergeArb (Arb.fromGen text)
    |> ArbMap.mergeArb (ArbMap.defaults |> ArbMap.arbitrary<NormalFloat> |> Arb.convert _.Get NormalFloat)
    |> ArbMap.arbitrary<Plan * Plan>

let private holds law = Check.One(Config.QuickThrowOnFailure.WithQuietOnSuccess true, Prop.forAll plans law)

[<Fact>]
let ``a value's JSON laid over any other value gives the value back`` () =
    holds (fun (plan, other) ->
        Settings.overlay (JsonNode.Parse((Settings.toJson plan).ToJsonString())) other = Ok plan)

[<Fact>]
let ``a value's fields as settings, each its JSON, make the value of any other`` () =
    holds (fun (plan, other) ->
        let assignments = [
            for field in (Settings.toJson plan).AsObject() ->
                match field.Value with
                | null -> $"%s{field.Key}=null"
                | value -> $"%s{field.Key} = %s{value.ToJsonString()}"
        ]

        Settings.setAll assignments other = Ok plan)

let private plan = {
    Title = "plain"
    Switch = false
    Source = None
    Weights = [ 0.8; 0.5 ]
    Choice = Everything
    Choices = []
    Rates = Some [ { Peak = 1.0; Steps = 3 } ]
    Grid = [ [ 1; 2 ] ]
    Signals = [ None ]
}

[<Fact>]
let ``JSON is as short as it can be read back`` () =
    let other = {
        plan with
            Choice = Everything
            Choices = [ Share 1.0 ]
    }

    let shows (json: string) plan =
        Assert.Equal(json, (Settings.toJson plan).ToJsonString())
        Assert.Equal(Ok plan, Settings.overlay (JsonNode.Parse json) other)

    let rest choice =
        """{"title":"plain","switch":false,"source":null,"weights":[0.8,0.5],"choice":"""
        + choice
        + ""","choices":[],"rates":{"peak":1,"steps":3},"grid":[[1,2]],"signals":[null]}"""

    plan |> shows (rest "\"everything\"")
    { plan with Choice = Share 0.5 } |> shows (rest """{"share":0.5}""")
    { plan with Choice = Top(0.5, Margin) } |> shows (rest """{"top":{"fraction":0.5,"by":"margin"}}""")

    {
        plan with
            Choice = Paced { Peak = 2.0; Steps = 0 }
    }
    |> shows (rest """{"paced":{"peak":2,"steps":0}}""")

    { plan with Choice = Listed [ 0.5 ] } |> shows (rest """{"listed":0.5}""")
    { plan with Choice = Nested(Share 0.5) } |> shows (rest """{"nested":{"share":0.5}}""")

[<Fact>]
let ``a setting reaches through cases, lists and options`` () =
    let becomes expected assignments = Assert.Equal(Ok expected, Settings.setAll assignments plan)
    [ "weights=0.3" ] |> becomes { plan with Weights = [ 0.3 ] }
    [ "weights=[0.3, 0.2]" ] |> becomes { plan with Weights = [ 0.3; 0.2 ] }

    [ "source=microsoft/deberta-base" ]
    |> becomes {
        plan with
            Source = Some "microsoft/deberta-base"
    }

    [ "rates=null" ] |> becomes { plan with Rates = None }
    [ "choice.share=0.8" ] |> becomes { plan with Choice = Share 0.8 }
    [ "choice.chosen=margin" ] |> becomes { plan with Choice = Chosen Margin }
    [ "choice.chosen.by=MARGIN" ] |> becomes { plan with Choice = Chosen Margin }

    [ "choice.listed.shares=[1,0]" ]
    |> becomes {
        plan with
            Choice = Listed [ 1.0; 0.0 ]
    }

    [ "choice.perhaps=null" ] |> becomes { plan with Choice = Perhaps None }
    [ "choice=perhaps" ] |> becomes { plan with Choice = Perhaps None }

    [ "choice.paced.peak=1"; "choice.paced.steps=2" ]
    |> becomes {
        plan with
            Choice = Paced { Peak = 1.0; Steps = 2 }
    }

    [ "choice.top.fraction=0.8"; "choice.top.by=margin" ]
    |> becomes { plan with Choice = Top(0.8, Margin) }

    [ """choice={"top":{"fraction":0.8}}"""; "choice.top.by=margin" ]
    |> becomes { plan with Choice = Top(0.8, Margin) }

    [ "choice.either.left.share=1" ]
    |> becomes {
        plan with
            Choice = Either(Share 1.0, None)
    }

    [ "choice.share=0.8"; "choice=everything" ] |> becomes plan

    Assert.Equal(
        Ok { plan with Choice = Top(0.1, Margin) },
        Settings.set "choice.top.fraction=0.1" { plan with Choice = Top(0.8, Margin) }
    )

[<Theory>]
[<InlineData("choice.bottom=1", "choice", "bottom", "everything, share, chosen")>]
[<InlineData("choice=bottom", "choice", "bottom", "everything, share, chosen")>]
[<InlineData("choice.top.fraction=1", "choice.top.by", "nothing", "confidence, margin")>]
[<InlineData("choice=share", "choice.share", "nothing", "a number")>]
[<InlineData("choice.top.by=1", "choice.top.fraction", "nothing", "a number")>]
[<InlineData("choice.top.size=1", "choice.top.size", "an unknown field", "fraction, by")>]
[<InlineData("choice.top=0.5", "choice.top", "0.5", "an object")>]
[<InlineData("choice.everything=1", "choice.everything", "1", "an object")>]
[<InlineData("choice.either.left.bottom=1", "choice.either.left", "bottom", "everything")>]
[<InlineData("choices=[\"everything\",\"bottom\"]", "choices.1", "bottom", "everything")>]
[<InlineData("weights=[0.1,\"half\"]", "weights.1", "half", "a number")>]
[<InlineData("weights=[0.1,half]", "weights", "[0.1,half]", "a number")>]
[<InlineData("rates=[{\"peak\":1}]", "rates.0.steps", "nothing", "a whole number")>]
[<InlineData("title=null", "title", "null", "a text")>]
let ``a wrong case, field or item is refused by its whole path, with what was found and the names that there are``
    (assignment: string, key: string, found: string, known: string)
    =
    Settings.set assignment plan |> refuses key [ found; known ]

[<Fact>]
let ``two cases of one union at once are refused`` () =
    Settings.setAll [ "choice.share=1"; "choice.chosen=margin" ] plan
    |> refuses "choice" [ "share"; "chosen" ]

[<Fact>]
let ``a setting changes its field and no other`` () =
    Assert.Equal(
        Ok {
            start with
                EStep = {
                    start.EStep with
                        PseudoWeight = [ 0.3 ]
                }
        },
        set "eStep.pseudoWeight=0.3"
    )

    Assert.Equal(Ok { start with Rounds = 5 }, set " rounds = 5 ")
    Assert.Equal(Ok { start with Order = GnnFirst }, set "order=gnnFirst")

    Assert.Equal(
        Ok {
            start with
                Lm = { start.Lm with Pooling = Cls }
        },
        set "lm.pooling=CLS"
    )

    Assert.Equal(Ok { start with Dataset = "my=data" }, set "dataset=my=data")

    let optimiser = {
        start.LmFit.Optimiser with
            Decay = false
    }

    Assert.Equal(
        Ok {
            start with
                LmFit = {
                    start.LmFit with
                        Optimiser = optimiser
                }
        },
        set "lmFit.optimiser.decay=false"
    )

    Assert.Equal(Ok { start with Rounds = 7 }, overlay """{ "rounds": 7 }""")

[<Fact>]
let ``an unknown field is refused by its whole path, with the names that there are`` () =
    set "eStep.fit.optimiser.learningrate=1"
    |> refuses "eStep.fit.optimiser.learningrate" [ "learningRate"; "weightDecay"; "clipNorm" ]

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
let ``a value of another kind is refused by path, with what is expected``
    (assignment: string, key: string, expected: string)
    =
    set assignment |> refuses key [ expected ]

[<Theory>]
[<InlineData "eStep.pseudoWeight=1.01">]
[<InlineData "eStep.pseudoWeight=-0.01">]
[<InlineData "mStep.pseudoWeight=2">]
[<InlineData "eStep.temperature=0">]
[<InlineData "mStep.filter.top=1.5">]
[<InlineData "lm.heads=3">]
[<InlineData "lm.heads=0">]
[<InlineData "lm.dropout=1">]
[<InlineData "lm.maxTokens=2">]
[<InlineData "gnn.hidden=0">]
[<InlineData "gnn.fanOuts=-2">]
[<InlineData "gnn.fanOuts=[5,5,5]">]
[<InlineData "rounds=-1">]
[<InlineData "lmFit.epochs=-1">]
[<InlineData "lmFit.optimiser.learningRate=0">]
[<InlineData "mlm.hidden=1">]
[<InlineData "gnnFit.labelSmoothing=1.5">]
let ``a number out of its range is refused by path and value`` (assignment: string) =
    let parts = assignment.Split '='
    set assignment |> Result.bind Recipe.validate |> refuses parts[0] [ parts[1] ]

[<Fact>]
let ``fan-outs fit the layers of a model that has such, and are refused for one that has none`` () =
    for model in [ "mlp"; "gcn"; "sage"; "gat"; "gatv2" ] do
        let recipe =
            Settings.setAll [ $"gnn.model=%s{model}"; "gnn.layers=3"; "gnn.fanOuts=[10,-1,0]" ] start
            |> Result.bind Recipe.validate
            |> Result.orRaise

        Assert.Equal(Some [ 10; -1; 0 ], recipe.Gnn.FanOuts)

    for model in [ "appnp"; "sgc"; "revGat"; "gamlp"; "sagn" ] do
        Settings.setAll [ $"gnn.model=%s{model}"; "gnn.fanOuts=[10,10]" ] start
        |> Result.bind Recipe.validate
        |> refuses "gnn.fanOuts" [ "no stack of layers"; "null"; "sage" ]

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
    let json =
        """{ "base": "scratch", "name": "mine", "eStep": { "pseudoWeight": 0.9, "fit": { "epochs": 1.5 } } }"""

    let expected = {
        start with
            Name = "mine"
            EStep = {
                start.EStep with
                    PseudoWeight = [ 0.9 ]
                    Fit = { start.EStep.Fit with Epochs = 1.5 }
            }
    }

    Assert.Equal(Ok expected, ofFile json)
    Assert.Equal(Ok { Recipes.quickstart with Rounds = 0 }, ofFile """{ "rounds": 0 }""")

[<Theory>]
[<InlineData("""{ "base": "slowstart" }""", "slowstart", "quickstart")>]
[<InlineData("""{ "lm": { "width": 3 } }""", "lm.width", "layers")>]
[<InlineData("""{ "rounds": "many" }""", "rounds", "whole number")>]
[<InlineData("""{ "rounds": 1, "rounds": 2 }""", "line 1", "recipe")>]
[<InlineData("{\n  \"rounds\": ,\n}", "line 2", "recipe")>]
[<InlineData("[]", "something else", "object")>]
let ``a recipe file that is wrong is refused by file, place and what is expected``
    (json: string, found: string, expected: string)
    =
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
