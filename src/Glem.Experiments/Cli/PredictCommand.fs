namespace Glem

open System
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

    let private student (options: ParseResults<PredictArguments>) =
        match options.GetResult(PredictArguments.Model, "lm") with
        | "lm" -> Ok Student.Lm
        | "gnn" -> Ok Student.Gnn
        | other -> Error(InSetting("--model", other, "lm or gnn"))

    let private items (options: ParseResults<PredictArguments>) student =
        let ids (list: string) =
            list.Split(',', StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries)
            |> List.ofArray

        match
            options.TryGetResult PredictArguments.Text,
            options.TryGetResult PredictArguments.Input,
            options.TryGetResult PredictArguments.Neighbours
        with
        | Some _, None, Some _ when student = Student.Lm ->
            Error(InSetting("--neighbours", "--model lm, which reads the text alone", "--model gnn"))
        | Some text, None, neighbours ->
            Ok [|
                {
                    Id = ""
                    Text = text
                    Neighbours = neighbours |> Option.map ids |> Option.defaultValue []
                }
            |]
        | None, Some _, Some _ -> Error(InSetting("--neighbours", "--input", "--text, or a column 'neighbours'"))
        | None, Some path, None -> TextTable.read path
        | _ -> Error(InSetting("predict", "neither or both of --text and --input", "one of them"))

    /// What the GNN did not have.
    let private note (items: NewNode[]) =
        let alone = items |> Array.filter _.Neighbours.IsEmpty

        match items.Length, alone.Length with
        | _, 0 -> ()
        | 1, _ -> Console.line "without neighbours: the GNN saw the text's node alone"
        | all, some -> Console.line $"%d{some} of %d{all} without neighbours: the GNN saw each of their nodes alone"

    let run (options: ParseResults<PredictArguments>) =
        let top = options.GetResult(PredictArguments.Top, 3)
        let folder = options.GetResult PredictArguments.Run

        student options
        |> Result.bind (fun student -> items options student |> Result.map (fun items -> student, items))
        |> Result.bind (fun (student, items) ->
            let predict =
                match student with
                | Student.Lm -> Predict.texts
                | Student.Gnn -> PredictInGraph.nodes

            predict (Compute.automatic ()) folder items
            |> Result.bind (fun predictions ->
                match options.TryGetResult PredictArguments.Out with
                | Some path -> write top path predictions
                | None -> Ok(predictions |> Array.iter (show top)))
            |> Result.map (fun () ->
                if student = Student.Gnn then
                    note items))
