namespace Glem

open System
open System.Text

/// From tokens back to text. Fields as in a tokenizer.json.
type WordPieceDecoder =
    {
        /// What marks a token that continues a word.
        Prefix: string
        /// Close up the blanks before English punctuation and contractions.
        Cleanup: bool
    }

module WordPieceDecoder =
    let private closeUp (text: string) =
        [ " .", "."
          " ?", "?"
          " !", "!"
          " ,", ","
          " ' ", "'"
          " n't", "n't"
          " 'm", "'m"
          " do not", " don't"
          " 's", "'s"
          " 've", "'ve"
          " 're", "'re" ]
        |> List.fold (fun (text: string) (spaced, closed) -> text.Replace(spaced, closed, StringComparison.Ordinal)) text

    /// The text of a run of tokens.
    let decode (decoder: WordPieceDecoder) (tokens: seq<string>) =
        let text = StringBuilder()

        tokens
        |> Seq.iteri (fun i token ->
            let piece =
                if i = 0 then token
                elif token.StartsWith(decoder.Prefix, StringComparison.Ordinal) then token.Substring decoder.Prefix.Length
                else " " + token

            text.Append(if decoder.Cleanup then closeUp piece else piece) |> ignore)

        text.ToString()
