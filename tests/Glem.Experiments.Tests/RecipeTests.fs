/// Recipes with names, their sources, and what `glem recipe` says of them.
module Glem.Experiments.Tests.RecipeTests

open System
open System.IO
open Glem
open TorchSharp
open Xunit

let private find = Recipes.find >> Result.orRaise
let private names = Recipes.named |> List.map _.Name

[<Fact>]
let ``a published recipe says each setting once, and each stands in the recipe and has a source`` () =
    for published in OfficialRecipes.all do
        let recipe = find published.Name
        let paths = published.Settings |> List.map (fun (setting, _) -> setting.Split('=')[0])
        Assert.Equal<string list>(List.distinct paths, paths)

        for setting, source in published.Settings do
            Assert.Equal(Ok recipe, Settings.set setting recipe)
            Assert.NotEqual<string>("", source)

[<Fact>]
let ``the fields that are shown, set on any other recipe, make the recipe`` () =
    for recipe in Recipes.named do
        for other in Recipes.named do
            let settings = Settings.fields recipe |> List.map (fun (path, value) -> $"%s{path}=%s{value}")
            Assert.Equal(Ok recipe, Settings.setAll settings other)

/// GLEM's published commands: OGB/*/README.md of AndyJZhao/GLEM.
[<Theory>]
[<InlineData("arxiv-revgat", "lmFirst", 2, 0.8, 0.05, "everyone", "scratch", 2e-5, 3.0)>]
[<InlineData("arxiv-gcn", "gnnFirst", 2, 0.5, 0.7, "{\"top\":0.8}", "previous", 3e-5, 1.0)>]
[<InlineData("papers-gamlp", "lmFirst", 1, 0.4, 0.05, "{\"top\":0.85}", "scratch", 2e-5, 6.0)>]
let ``the authors' recipes have the numbers of their commands``
    (name, order: string, rounds, alpha: float, beta: float, filter: string, start: string, rate: float, epochs: float)
    =
    let recipe = find name
    Assert.Equal(order, Settings.show recipe.Order)
    Assert.Equal(rounds, recipe.Rounds)
    Assert.Equal<float list>([ alpha ], recipe.EStep.PseudoWeight)
    Assert.Equal<float list>([ beta ], recipe.MStep.PseudoWeight)
    Assert.Equal<float list>([ 0.2 ], recipe.EStep.Temperature)
    Assert.Equal(filter, Settings.show recipe.EStep.Filter)
    Assert.Equal(start, Settings.show recipe.EStep.Start)
    Assert.Equal(rate, recipe.EStep.Fit.Optimiser.LearningRate)
    Assert.Equal(epochs, recipe.EStep.Fit.Epochs)
    Assert.Equal(Some "microsoft/deberta-base", recipe.Lm.Pretrained)

/// Learning rates of the published code: a GNN's are constant, RevGAT's after 50 of 2,000 epochs; an LM's fall to 0.
[<Fact>]
let ``every published recipe has the learning-rate schedules of its code`` () =
    for published in OfficialRecipes.all do
        let recipe = find published.Name
        let isHuggingFace = List.contains published AuthorsRecipes.all

        for fit in [ recipe.GnnFit; recipe.MStep.Fit ] do
            let factors = [ 0; 25; 50; 51; 2000 ] |> List.map (Schedule.factor fit.Optimiser 2000)

            let expected =
                if recipe.Gnn.Model = GnnModel.RevGat then
                    [ 0.0; 0.5; 1.0; 1.0; 1.0 ]
                else
                    [ 1.0; 1.0; 1.0; 1.0; 1.0 ]

            Assert.Equal<float>(expected, factors)

        if recipe.Gnn.Model = GnnModel.RevGat then
            Assert.Equal(2000.0, recipe.GnnFit.Epochs)
            Assert.Equal(Rule.RmsProp, recipe.GnnFit.Optimiser.Rule)
            Assert.Equal(0.002, recipe.GnnFit.Optimiser.LearningRate)

        // PyG's and GraphStorm's keep the LM's rate too. PyG's has no LM on gold labels.
        for fit in [ recipe.LmFit; recipe.EStep.Fit ] do
            if fit.Epochs > 0.0 then
                let last = Schedule.factor fit.Optimiser 2000 2000
                Assert.Equal((if isHuggingFace then 0.0 else 1.0), last)

        Assert.Equal(0.0, recipe.EStep.Fit.Optimiser.WarmUp)

[<Fact>]
let ``SAGN's recipe trains with the authors' consistency`` () =
    Assert.Equal(Some ConsistencyRecipe.published, (find "products-sagn").Gnn.Consistency)

[<Theory>]
[<InlineData("graphstorm",
             "setting gnn.model: found rgcn, which is not built yet, expected a model for one kind of edge, such as gcn")>]
[<InlineData("arxiv-gcn",
             "setting lm.pretrained: found microsoft/deberta-base, which is no folder of a model here, expected null, an encoder from random weights, or a folder with config.json and weights")>]
let ``a model that is not built is refused by its name, with what there is, instead of training another one``
    (name: string, message: string)
    =
    let isRefused (result: Result<'r, GlemError>) =
        match result with
        | Error error -> Assert.Equal(message, GlemError.message error)
        | Ok _ -> Assert.Fail $"%s{name} runs"

    let compute: Compute = {
        Device = torch.CPU
        Precision = Precision.Float32
        Memory = MemoryBudget.standard ()
    }

    isRefused (Recipe.runnable (find name))
    isRefused (Study.prepare compute (fun _ _ -> ()) (find name) Colours.dataset.Value 0)

[<Fact>]
let ``a field's source is the latest change that speaks of it`` () =
    use folder = new TestFolder()

    folder.Write(
        "mine.json",
        """{ "base": "arxiv-gcn", "name": "mine", "eStep": { "filter": { "atLeast": 0.9 }, "fit": { "epochs": 2 } } }"""
    )

    let mine = Recipes.findSourced (folder.File "mine.json") |> Result.orRaise
    let source path = SourcedRecipe.source path mine
    Assert.Equal("mine", mine.Recipe.Name)
    Assert.Equal("mine.json", source "eStep.filter")
    Assert.Equal("mine.json", source "eStep.fit.epochs")
    Assert.Equal("OGB/ogbn-arxiv/README.md, --pl_filter", source "mStep.filter")
    Assert.Equal("OGB/ogbn-arxiv/README.md, --lm_lr", source "eStep.fit.optimiser.learningRate")
    Assert.Equal("not published; Glem's own, as in scratch", source "gnn.labelFolds")
    Assert.Equal("without effect: mlm.fit.epochs is 0", source "mlm.fit.batch")

/// `glem recipe …` as its lines, each as its cells.
let private recipe folder arguments =
    (GlemProcess.succeeds folder ("recipe" :: arguments)).Split('\n', StringSplitOptions.RemoveEmptyEntries)
    |> Array.map _.Split("  ", StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries)

let private anywhere = Path.GetTempPath()

[<Fact>]
let ``recipe list says what each recipe is and whether it runs here`` () =
    let rows = recipe anywhere [ "list" ]
    Assert.Equal<string list>(names, [ for row in rows -> row[0] ])
    Assert.Equal<string>([| "quickstart"; "runs here" |], rows[0][..1])
    Assert.Equal<string>([| "arxiv-revgat"; "lacks microsoft/deberta-base, ogbn-arxiv" |], rows[3][..1])

    for row in rows do
        Assert.Equal(3, row.Length)

[<Fact>]
let ``recipe show prints every field but the name, with its value and its source`` () =
    let rows = recipe anywhere [ "show"; "arxiv-revgat" ]

    for path, value in Settings.fields (find "arxiv-revgat") do
        if path <> "name" then
            let row = rows |> Array.filter (fun row -> row[0] = path) |> Assert.Single
            Assert.Equal(value, row[1])
            Assert.True(row.Length = 3, path)

    Assert.Contains([| "eStep.pseudoWeight"; "0.8"; "OGB/ogbn-arxiv/README.md, --lm_pl_weight" |], rows)
    Assert.Contains(rows, (fun row -> row[0].StartsWith "Edges both ways, with self-loops"))

[<Fact>]
let ``recipe diff prints the fields that differ and no other, of names and of files`` () =
    use folder = new TestFolder()
    folder.Write("mine.json", """{ "rounds": 3, "eStep": { "pseudoWeight": [0.8, 0.5] } }""")

    Assert.Equal<string[][]>(
        [|
            [| "field"; "quickstart"; "mine.json" |]
            [| "rounds"; "2"; "3" |]
            [| "eStep.pseudoWeight"; "0.5"; "[0.8,0.5]" |]
        |],
        recipe folder.Path [ "diff"; "quickstart"; "mine.json" ]
    )

    Assert.Equal<string>(
        [| "quickstart and quickstart say the same." |],
        recipe folder.Path [ "diff"; "quickstart"; "quickstart" ] |> Array.exactlyOne
    )

[<Fact>]
let ``a recipe that does not exist, or does not run, is refused`` () =
    use folder = new TestFolder()
    GlemProcess.refuses folder.Path [ "recipe"; "show"; "fastest" ] [ "fastest"; "quickstart"; "arxiv-revgat" ]
    GlemProcess.refuses folder.Path [ "recipe"; "diff"; "quickstart"; "fastest" ] [ "fastest"; "arxiv-gcn" ]
    GlemProcess.refuses folder.Path [ "recipe"; "diff"; "quickstart" ] [ "--help" ]
    GlemProcess.refuses folder.Path [ "run"; "--recipe"; "graphstorm"; "--out"; "out" ] [ "rgcn"; "gcn" ]
