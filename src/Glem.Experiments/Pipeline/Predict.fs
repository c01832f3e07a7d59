namespace Glem

open System

/// One text's classes, the likeliest first, with their probabilities.
type TextPrediction = {
    Id: string
    Classes: struct (string * float)[]
}

/// Structure-free prediction: the trained language model on texts that no graph holds (Zhao et al. 2023, section 4.4).
module Predict =
    /// Classifies texts, [id, text], with the LM checkpoint of a run directory.
    /// Error: a checkpoint that is absent or damaged, an empty text by its id.
    let texts
        (compute: Compute)
        (runFolder: string)
        (items: struct (string * string)[])
        : Result<TextPrediction[], GlemError> =
        match items |> Array.tryFind (fun (struct (_, text)) -> String.IsNullOrWhiteSpace text) with
        | Some(struct (id, _)) ->
            let name = if id = "" then "the text" else $"text '%s{id}'"
            Error(InValue(name, "nothing but blanks", "a text to classify"))
        | None ->
            Checkpoint.loadLm (RunFolder.checkpoint Student.Lm runFolder)
            |> Result.map (fun saved ->
                let texts = items |> Array.map (fun (struct (_, text)) -> text)
                let packed = Tokenizer.encodeAll saved.Tokenizer saved.MaxTokens texts
                let sequences = Array.init packed.Count packed.Text
                let posterior = LanguageModel.predict compute saved.Model saved.Weights sequences

                items
                |> Array.mapi (fun i (struct (id, _)) -> {
                    Id = id
                    Classes =
                        posterior.Row(i * 1<node>).ToArray()
                        |> Array.mapi (fun k probability -> struct (saved.ClassNames[k], float probability))
                        |> Array.sortByDescending (fun (struct (_, probability)) -> probability)
                }))
