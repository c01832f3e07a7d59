namespace Glem

open System
open System.IO
open Argu

/// glem quickstart, glem run.
module RunCommand =
    let private files = [
        "run.json"
        "metrics.jsonl"
        "elbo.jsonl"
        "audit.jsonl"
        "summary.json"
        "predictions.csv"
        "map.csv"
        "checkpoints/"
        "report.html"
        "report.md"
        "report.tex"
    ]

    /// The first of runs/name, runs/name-2, runs/name-3 … that does not exist.
    let private freshOutput name =
        Seq.initInfinite (fun i -> if i = 0 then $"runs/%s{name}" else $"runs/%s{name}-%d{i + 1}")
        |> Seq.find (fun folder -> not (Directory.Exists folder))

    let private show (output: string) (summary: Summary) =
        Console.heading "Accuracy, from the simplest model up"
        Ladder.render Console.screen summary
        Console.heading $"Everything is in %s{output}/"
        files |> List.map (fun file -> "  " + file) |> List.iter Console.line
        Console.line ""
        Console.line $"Open %s{output}/report.html, or classify a text that is not in the graph:"
        Console.line $"  ./glem predict --run %s{output} --text \"Reads and writes JSON documents\""

    let private execute (compute: Compute) (store: Store) (recipe: Recipe) seed (output: string option) command =
        let output = output |> Option.defaultWith (fun () -> freshOutput $"%s{recipe.Name}-seed%d{seed}")

        Trial.checkOutput output
        |> Result.bind (fun () -> Datasets.atLabelRate recipe.LabelRate recipe.Dataset)
        |> Result.bind (fun dataset ->
            let nodes, classes = dataset.Graph.NodeCount, dataset.ClassNames.Length
            let edges = dataset.Graph.Edges.EdgeCount / 2

            Console.line
                $"GLEM, recipe %s{recipe.Name}, seed %d{seed}: %s{dataset.Info.Name}, %d{nodes} nodes, %d{edges} edges, %d{classes} classes"

            ProtocolNote.ofProtocol recipe.Protocol |> Option.iter Console.line
            Recipe.usesHeldOutLabels recipe |> ProtocolNote.ofTeachers |> Option.iter Console.line
            HeldOutLinks.describe recipe.Links dataset |> Option.iter Console.line

            Console.line $"%d{Glem.Torch.Extensions.Engine.Threads} threads, %s{Compute.describe compute}"

            let request = {
                Recipe = recipe
                Dataset = dataset
                Seed = seed
                Compute = compute
                Output = output
                Store = store
                Command = command
            }

            Interruption.during false (fun cancel -> ProgressView.Run(Trial.runUntil cancel request))
            |> Result.map (show output))

    let quickstart (options: ParseResults<QuickstartArguments>) =
        let seed = options.GetResult(QuickstartArguments.Seed, 0)
        let quick = options.Contains QuickstartArguments.Quick
        let recipe = if quick then Recipes.quick Recipes.quickstart else Recipes.quickstart
        let command = $"""./glem quickstart --seed %d{seed}%s{if quick then " --quick" else ""}"""

        StoreOption.find (options.TryGetResult QuickstartArguments.Store)
        |> Result.bind (fun store ->
            execute (Compute.automatic ()) store recipe seed (options.TryGetResult QuickstartArguments.Out) command)

    let private compute (options: ParseResults<RunArguments>) =
        ComputeOptions.precision (options.TryGetResult RunArguments.Precision)
        |> Result.bind (ComputeOptions.memory (options.TryGetResult RunArguments.MemoryBudget))

    let run (options: ParseResults<RunArguments>) =
        let seed = options.GetResult(RunArguments.Seed, 0)
        let settings = options.GetResults RunArguments.Set
        let quoted = settings |> List.map (fun setting -> $" --set %s{setting}") |> String.concat ""
        let name = options.GetResult RunArguments.Recipe

        let withDataset (recipe: Recipe) =
            match options.TryGetResult RunArguments.Dataset with
            | Some dataset -> { recipe with Dataset = dataset }
            | None -> recipe

        let recipe =
            Recipes.find name
            |> Result.bind (Settings.setAll settings)
            |> Result.map withDataset
            |> Result.map (fun recipe -> if options.Contains RunArguments.Quick then Recipes.quick recipe else recipe)
            |> Result.bind Recipe.validate
            |> Result.bind Recipe.runnable

        match recipe, compute options, StoreOption.find (options.TryGetResult RunArguments.Store) with
        | Error error, _, _
        | _, Error error, _
        | _, _, Error error -> Error error
        | Ok recipe, Ok compute, Ok store ->
            let quick = if options.Contains RunArguments.Quick then " --quick" else ""

            let precision =
                options.TryGetResult RunArguments.Precision
                |> Option.map (sprintf " --precision %s")
                |> Option.defaultValue ""

            let command =
                $"./glem run --recipe %s{name} --dataset %s{recipe.Dataset} --seed %d{seed}%s{quoted}%s{precision}%s{quick}"

            execute compute store recipe seed (options.TryGetResult RunArguments.Out) command
