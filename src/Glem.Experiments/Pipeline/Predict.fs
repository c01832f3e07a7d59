namespace Glem

open System

/// One text's classes, the likeliest first, with their probabilities.
type TextPrediction = {
    Id: string
    Classes: struct (string * float)[]
}

/// Structure-free prediction: the trained language model on texts that no graph holds (Zhao et al. 2023, section 4.4).
module Predict =
    /// Error: a text of blanks, by its id.
    let check (items: NewNode[]) : Result<unit, GlemError> =
        match items |> Array.tryFind (fun item -> String.IsNullOrWhiteSpace item.Text) with
        | Some item ->
            let name = if item.Id = "" then "the text" else $"text '%s{item.Id}'"
            Error(InValue(name, "nothing but blanks", "a text to classify"))
        | None -> Ok()

    /// One item's prediction.   probabilities : [c]
    let ranked (classNames: string[]) (item: NewNode) (probabilities: float32[]) = {
        Id = item.Id
        Classes =
            Array.map2 (fun name probability -> struct (name, float probability)) classNames probabilities
            |> Array.sortByDescending (fun (struct (_, probability)) -> probability)
    }

    /// Classifies texts with the LM checkpoint of a run directory; neighbours do not matter to it.
    /// Error: a checkpoint that is absent or damaged, an empty text by its id.
    let texts (compute: Compute) (runFolder: string) (items: NewNode[]) : Result<TextPrediction[], GlemError> =
        check items
        |> Result.bind (fun () -> Checkpoint.loadLm (RunFolder.checkpoint Student.Lm runFolder))
        |> Result.map (fun saved ->
            let sequences = SavedLanguageModel.encode saved (items |> Array.map _.Text)
            let posterior = LanguageModel.predict compute saved.Model saved.Weights sequences

            items
            |> Array.mapi (fun i item -> ranked saved.ClassNames item (posterior.Row(i * 1<node>).ToArray())))
