namespace Glem

open System
open Argu
open TorchSharp

/// glem pretrain.
module PretrainCommand =
    let private texts (options: ParseResults<PretrainArguments>) : Result<string[], GlemError> =
        match options.TryGetResult PretrainArguments.Dataset, options.TryGetResult PretrainArguments.Input with
        | Some name, None -> Datasets.find name |> Result.map _.Graph.Texts
        | None, Some files ->
            (files, Ok [])
            ||> List.foldBack (fun file rest ->
                rest |> Result.bind (fun rest -> TextTable.read file |> Result.map (fun texts -> texts :: rest)))
            |> Result.map (Array.concat >> Array.map _.Text)
        | _ -> Error(InSetting("pretrain", "neither or both of --dataset and --input", "one of them"))

    let private dtype (options: ParseResults<PretrainArguments>) =
        match options.GetResult(PretrainArguments.Dtype, "float32") with
        | "float32" -> Ok torch.ScalarType.Float32
        | "float16" -> Ok torch.ScalarType.Float16
        | "bfloat16" -> Ok torch.ScalarType.BFloat16
        | other -> Error(InSetting("--dtype", other, "float32, float16 or bfloat16"))

    let private recipe (options: ParseResults<PretrainArguments>) =
        Recipes.find (options.GetResult(PretrainArguments.Recipe, Recipes.scratch.Name))
        |> Result.bind (Settings.setAll (options.GetResults PretrainArguments.Set))
        |> Result.bind Recipe.validate
        |> Result.bind (fun recipe ->
            if recipe.Mlm.Fit.Epochs > 0.0 then
                Ok recipe
            else
                Error(InSetting("mlm.fit.epochs", "0", "more than none")))

    let private execute (request: PretrainRequest) =
        Console.line
            $"%s{Console.thousands request.Texts.LongLength} texts, %d{Glem.Torch.Extensions.Engine.Threads} threads, %s{Compute.describe request.Compute}"

        Interruption.during false (fun cancel ->
            let answer = ProgressView.Run(Pretrain.run request (fun () -> cancel.IsCancellationRequested))

            match answer with
            | Ok(Pretrained.Interrupted(step, steps)) ->
                let message =
                    $"stopped after step %d{step} of %d{steps}; the same command goes on from there (%s{Pretrain.partialFolder request.Output}/)"

                raise (OperationCanceledException(message, cancel))
            | answer -> answer)
        |> Result.map (fun ended ->
            match ended with
            | Pretrained.Whole(sequences, tokens) ->
                Console.line
                    $"%s{Console.thousands (int64 sequences)} sequences of %s{Console.thousands tokens} tokens, seen %g{request.Recipe.Mlm.Fit.Epochs} times"

                Console.line $"Everything is in %s{request.Output}/; ./glem model describe %s{request.Output} shows it"
            | Pretrained.Interrupted _ -> ())

    let run (options: ParseResults<PretrainArguments>) : Result<unit, GlemError> =
        let output = options.GetResult PretrainArguments.Out

        // What costs nothing is looked at first.
        Trial.checkOutput output
        |> Result.bind (fun () -> recipe options)
        |> Result.bind (fun recipe ->
            dtype options
            |> Result.bind (fun dtype ->
                ComputeOptions.precision (options.TryGetResult PretrainArguments.Precision)
                |> Result.bind (fun compute ->
                    texts options
                    |> Result.bind (fun texts ->
                        execute {
                            Recipe = recipe
                            Texts = texts
                            Seed = options.GetResult(PretrainArguments.Seed, 0)
                            Compute = compute
                            Dtype = dtype
                            Output = output
                            Command = "./glem " + String.Join(' ', Environment.GetCommandLineArgs() |> Array.skip 1)
                        }))))
