namespace Glem

open System
open System.Collections.Generic
open System.IO
open System.Text.Json
open TorchSharp
open Glem.Torch.Extensions

/// Few dense features of texts that no language model made: TF-IDF, projected. Fitted on some texts, applied to any.
type TextFeatures = {
    Words: Tfidf
    Projection: Projection
} with

    /// k, features of a text.
    member this.Width = this.Projection.Width

/// Also on disk: words.json lists the words, words.safetensors holds `idf` : [d] and the scaled `basis` : [k; d], both in
/// float32, so that features read back differ in their last digits.
module TextFeatures =
    let private wordsFile folder = Path.Combine(folder, "words.json")
    let private numbersFile folder = Path.Combine(folder, "words.safetensors")

    /// Features of texts : [n; k] row-major.
    let apply (fitted: TextFeatures) (texts: string[]) =
        Tfidf.apply fitted.Words texts |> DenseFeatures.apply fitted.Projection

    /// Writes words and numbers. Raises IOException.
    let save (folder: string) (fitted: TextFeatures) =
        use _ = torch.NewDisposeScope()
        Directory.CreateDirectory folder |> ignore
        let words = fitted.Words.Columns |> Seq.sortBy _.Value |> Seq.map _.Key |> Seq.toArray
        let scale = fitted.Projection.Scale
        let basis = fitted.Projection.Basis |> Array.collect (Array.map (fun x -> float32 (scale * x)))
        let shape = [| int64 fitted.Width; int64 words.Length |]

        Safetensors.Save(
            numbersFile folder,
            Dictionary<string, Tensor>(
                [
                    KeyValuePair("idf", torch.tensor (fitted.Words.Weights |> Array.map float32))
                    KeyValuePair("basis", torch.tensor(basis).reshape shape)
                ]
            )
        )

        RunFile.write (wordsFile folder) (JsonSerializer.Serialize words) |> Result.orRaise

    /// Reads what save wrote. Error: a file that is absent or damaged, by name.
    let load (folder: string) : Result<TextFeatures, GlemError> =
        RunFile.guard folder "words.json and words.safetensors, as `glem run` writes them" (fun () ->
            use _ = torch.NewDisposeScope()

            let bad file found expected = raise (GlemException(InFile(file folder, "", found, expected)))

            let words =
                try
                    JsonSerializer.Deserialize<string[]>(File.ReadAllText(wordsFile folder)) |> nonNull
                with :? JsonException as problem ->
                    bad wordsFile problem.Message "a list of words"

            let tensors: IReadOnlyDictionary<string, Tensor> =
                try
                    Safetensors.Load(numbersFile folder)
                with :? InvalidDataException as problem ->
                    bad numbersFile problem.Message "a whole safetensors file"

            match tensors.TryGetValue "idf", tensors.TryGetValue "basis" with
            | (true, idf), (true, basis) when
                idf.shape = [| int64 words.Length |] && basis.shape.Length = 2 && basis.shape[1] = idf.shape[0]
                  ->
                  {
                      Words = {
                          Columns = words |> Seq.mapi (fun i word -> KeyValuePair(word, i)) |> Dictionary
                          Weights = (Weight.ofTensor idf).Values |> Array.map float
                      }
                      Projection = {
                          Basis = (Weight.ofTensor basis).Values |> Array.map float |> Array.chunkBySize words.Length
                          Scale = 1.0
                      }
                  }
            | _ ->
                let d = words.Length
                bad numbersFile "other tensors" $"idf of shape [%d{d}] and basis of shape [k; %d{d}]")
