namespace Glem

open System.IO
open System.Text.Json
open System.Text.Json.Nodes

/// Recipes with names.
module Recipes =
    let private adamW: OptimiserRecipe = {
        Rule = Rule.AdamW
        LearningRate = 2e-3
        WeightDecay = 0.01
        Beta1 = 0.9
        Beta2 = 0.999
        Epsilon = 1e-8
        ClipNorm = 1.0
        WarmUp = 0.1
        Decay = true
        LayerDecay = 1.0
    }

    let private lmFit: FitRecipe = {
        Epochs = 12.0
        Batch = 32
        Accumulate = 1
        EvaluationsPerEpoch = 1.0
        Patience = 0
        LabelSmoothing = 0.1
        Optimiser = adamW
    }

    let private gnnFit: FitRecipe = {
        Epochs = 200.0
        Batch = 0
        Accumulate = 1
        EvaluationsPerEpoch = 1.0
        Patience = 50
        LabelSmoothing = 0.0
        Optimiser = {
            adamW with
                LearningRate = 0.01
                WeightDecay = 5e-4
                ClipNorm = 0.0
                WarmUp = 0.0
                Decay = false
        }
    }

    let private step: StepRecipe = {
        Teacher = TeacherRecipe.Other
        PseudoWeight = [ 0.05 ]
        Temperature = [ 0.2 ]
        Labels = LabelRecipe.Soft
        Divergence = TeacherToStudent
        PseudoSmoothing = 0.0
        Pool = PoolRecipe.Unlabelled
        Filter = FilterRecipe.Everyone
        Sureness = SurenessRecipe.Confidence
        Sampling = SamplingRecipe.All
        Start = Pretrained
        Fit = gnnFit
    }

    /// A small BERT from random weights and a 2-layer GCN on dotnet-api. Tuned on validation.
    let scratch: Recipe = {
        Name = "scratch"
        Dataset = "dotnet-api"
        LabelRate = 1.0
        Protocol = Transductive
        Links = { Valid = 0.0; Test = 0.0; Seed = 0 }
        Lm = {
            Pretrained = None
            Layers = 2
            Hidden = 128
            Heads = 4
            Intermediate = 512
            Dropout = 0.1
            AttentionDropout = 0.1
            Pooling = Mean
            Embedding = Mean
            Projection = 0
            HeadDropout = 0.3
            TokenDropout = 0.3
            MaxTokens = 128
            Vocabulary = 8000
            SplitIdentifiers = false
            GradientCheckpointing = false
            Freeze = {
                Embeddings = false
                Layers = 0
                Encoder = false
            }
            Lora = {
                Rank = 0
                Alpha = 16.0
                Dropout = 0.0
                Targets = [ "query"; "value" ]
            }
        }
        Mlm = {
            Hidden = 0.15
            Fit = { lmFit with Epochs = 8.0 }
        }
        LmFit = lmFit
        Gnn = {
            Model = GnnModel.Gcn
            Hidden = 256
            Dropout = 0.5
            InputDropout = None
            AttentionDropout = None
            EdgeDropout = None
            Layers = None
            Heads = None
            Hops = None
            Alpha = None
            Aggregator = None
            BatchNorm = None
            FanOuts = None
            Features = Embeddings
            LabelInput = Off
            LabelFolds = 4
            Consistency = None
            ReliableLabels = None
        }
        GnnFit = gnnFit
        Order = LmFirst
        Reduction = GroupMeans
        Rounds = 2
        Convergence = { Epsilon = 0.0; Patience = 0 }
        EStep = {
            step with
                PseudoWeight = [ 0.5 ]
                Fit = {
                    lmFit with
                        Epochs = 4.0
                        Optimiser = { adamW with LearningRate = 1e-3 }
                }
        }
        MStep = step
    }

    /// GLEM in minutes on two cores: glem-mini and a 2-layer GCN on dotnet-api. Tuned on validation.
    let quickstart: Recipe =
        let fit epochs rate = {
            lmFit with
                Epochs = epochs
                Optimiser = { adamW with LearningRate = rate }
        }

        {
            scratch with
                Name = "quickstart"
                Lm = {
                    scratch.Lm with
                        Pretrained = Some "glem-mini"
                        Layers = 4
                        Hidden = 256
                        Intermediate = 1024
                        Vocabulary = 12000
                        SplitIdentifiers = true
                        HeadDropout = 0.2
                        TokenDropout = 0.2
                }
                Mlm = {
                    scratch.Mlm with
                        Fit = { scratch.Mlm.Fit with Epochs = 0.0 }
                }
                LmFit = fit 4.0 1e-3
                EStep = {
                    scratch.EStep with
                        Fit = fit 2.0 8e-4
                }
        }

    /// Quickstart cut to a fraction of its time, for grids of many runs: one round, 64 tokens of a text, 3 and 1 LM epochs.
    let ablation: Recipe = {
        quickstart with
            Name = "ablation"
            Lm = { quickstart.Lm with MaxTokens = 64 }
            LmFit = { quickstart.LmFit with Epochs = 3.0 }
            Rounds = 1
            EStep = {
                quickstart.EStep with
                    Fit = {
                        quickstart.EStep.Fit with
                            Epochs = 1.0
                    }
            }
    }

    /// The recipe cut down until it runs in seconds: for smoke tests, not for numbers.
    let quick (recipe: Recipe) =
        let cut epochs (fit: FitRecipe) = {
            fit with
                Epochs = min fit.Epochs epochs
        }

        {
            recipe with
                Name = $"%s{recipe.Name}-quick"
                Lm = {
                    recipe.Lm with
                        MaxTokens = min recipe.Lm.MaxTokens 32
                }
                Mlm = {
                    recipe.Mlm with
                        Fit = cut 0.25 recipe.Mlm.Fit
                }
                LmFit = cut 1.0 recipe.LmFit
                GnnFit = cut 20.0 recipe.GnnFit
                Rounds = min recipe.Rounds 1
                EStep = {
                    recipe.EStep with
                        Fit = cut 1.0 recipe.EStep.Fit
                }
                MStep = {
                    recipe.MStep with
                        Fit = cut 20.0 recipe.MStep.Fit
                }
        }

    let private published (recipe: PublishedRecipe) : SourcedRecipe = {
        Recipe =
            { scratch with Name = recipe.Name }
            |> Settings.setAll (List.map fst recipe.Settings)
            |> Result.orRaise
        What = recipe.What
        Sources = [
            for setting, source in recipe.Settings -> setting.Substring(0, setting.IndexOf '='), source
        ]
        Otherwise = "not published; Glem's own, as in scratch"
        Unsaid = recipe.Unsaid
    }

    let private own recipe what = {
        Recipe = recipe
        What = what
        Sources = []
        Otherwise = "Glem's own, tuned on dotnet-api's validation nodes"
        Unsaid = []
    }

    /// The recipes that have a name, each with its sources.
    let sourced: SourcedRecipe list = [
        own quickstart "GLEM in minutes on two cores: glem-mini and a GCN on dotnet-api"
        own ablation "quickstart cut to a fraction of its time, for grids of many runs"
        own scratch "the same with a smaller BERT from random weights"
        yield! OfficialRecipes.all |> List.map published
    ]

    /// The same without their sources.
    let named = sourced |> List.map _.Recipe

    let private tryNamed name = sourced |> List.tryFind (fun sourced -> sourced.Recipe.Name = name)
    let private names = named |> List.map _.Name |> String.concat ", "

    let private ofFile (path: string) : Result<SourcedRecipe, GlemError> =
        try
            match
                JsonNode.Parse(
                    File.ReadAllText path,
                    documentOptions = JsonDocumentOptions(AllowDuplicateProperties = false)
                )
            with
            | :? JsonObject as json ->
                // A recipe file says what it starts from ("base"), and what it changes.
                let baseName =
                    match json["base"] with
                    | null -> quickstart.Name
                    | name -> name.ToString()

                json.Remove "base" |> ignore

                match tryNamed baseName with
                | None -> Error(InFile(path, "key 'base'", baseName, $"one of %s{names}"))
                | Some start ->
                    Settings.overlay json start.Recipe
                    |> Result.map (SourcedRecipe.changed (Path.GetFileName path |> string) (Settings.paths json) start)
                    |> Result.mapError (function
                        | InSetting(key, found, expected) -> InFile(path, $"key '%s{key}'", found, expected)
                        | error -> error)
            | _ -> Error(InFile(path, "", "something else", "a JSON object"))
        with
        | :? JsonException as problem ->
            Error(InFile(path, $"line %d{problem.LineNumber.GetValueOrDefault() + 1L}", "broken JSON", "a recipe"))
        | :? IOException as problem -> Error(InFile(path, "", problem.Message, "a readable recipe"))

    /// As find, with the sources.
    let findSourced (nameOrFile: string) : Result<SourcedRecipe, GlemError> =
        match tryNamed nameOrFile with
        | Some sourced -> Ok sourced
        | None when File.Exists nameOrFile -> ofFile nameOrFile
        | None -> Error(InSetting("recipe", nameOrFile, $"a JSON file, or one of %s{names}"))

    /// A recipe by name, or from a JSON file that holds what differs from its "base" (quickstart where it names none).
    let find (nameOrFile: string) : Result<Recipe, GlemError> = findSourced nameOrFile |> Result.map _.Recipe
