namespace Glem

open System.Globalization
open System.IO
open System.Text.Json
open Argu

/// glem predict.
module PredictCommand =
    let private percent (probability: float) = probability.ToString("P1", CultureInfo.InvariantCulture).Replace(" ", "")

    let private show top (prediction: TextPrediction) =
        if prediction.Id <> "" then
            Console.line prediction.Id

        for struct (name, probability) in Array.truncate top prediction.Classes do
            Console.line $"  %6s{percent probability}  %s{name}"

    let private toJsonLine top (prediction: TextPrediction) =
        let classes =
            Array.truncate top prediction.Classes
            |> Array.map (fun (struct (name, probability)) -> {|
                ``class`` = name
                probability = probability
            |})

        JsonSerializer.Serialize {|
            id = prediction.Id
            classes = classes
        |}

    let private toCsvLine (prediction: TextPrediction) =
        let quote (field: string) = "\"" + field.Replace("\"", "\"\"") + "\""
        let struct (name, probability) = prediction.Classes[0]
        let probability = probability.ToString("0.######", CultureInfo.InvariantCulture)
        $"%s{quote prediction.Id},%s{quote name},%s{probability}"

    let private write top (path: string) (predictions: TextPrediction[]) =
        match (Path.GetExtension path |> string).ToLowerInvariant() with
        | ".jsonl" -> Ok(predictions |> Array.map (toJsonLine top))
        | ".csv" -> Ok(Array.append [| "id,class,probability" |] (predictions |> Array.map toCsvLine))
        | other -> Error(InSetting("--out", $"a file ending in '%s{other}'", ".csv or .jsonl"))
        |> Result.bind (fun lines -> RunFile.write path (String.concat "\n" lines + "\n"))
        |> Result.map (fun () -> Console.line $"%d{predictions.Length} predictions in %s{path}")

    let run (options: ParseResults<PredictArguments>) =
        let top = options.GetResult(PredictArguments.Top, 3)

        let items =
            match options.TryGetResult PredictArguments.Text, options.TryGetResult PredictArguments.Input with
            | Some text, None -> Ok [| struct ("", text) |]
            | None, Some path -> TextTable.read path
            | _ -> Error(InSetting("predict", "neither or both of --text and --input", "one of them"))

        items
        |> Result.bind (Predict.texts (Compute.automatic ()) (options.GetResult PredictArguments.Run))
        |> Result.bind (fun predictions ->
            match options.TryGetResult PredictArguments.Out with
            | Some path -> write top path predictions
            | None -> Ok(predictions |> Array.iter (show top)))
