namespace Glem

open System
open System.Threading.Tasks

/// Texts that an encoder learns from, in token sequences.
type Corpus = {
    /// TextDigest of the texts in their order.
    Fingerprint: string
    TextCount: int
    /// Special tokens included.
    Sequences: TokenisedTexts
}

module Corpus =
    /// Tokens that a text's last sequence must have to be worth a place.
    let private fewest = 8

    let fingerprint (texts: string[]) = TextDigest.ofTexts texts |> Convert.ToHexStringLower

    /// Each text whole, cut into sequences of `maxTokens` where it is longer, so that no word of it is lost.
    let ofTexts (tokenizer: Tokenizer) (maxTokens: int) (texts: string[]) : Corpus =
        let specials = tokenizer.Specials
        let cut = Array.zeroCreate<ReadOnlyMemory<int>[]> texts.Length

        let sequences (text: string) =
            Tokenizer.encodePlain tokenizer text
            |> Array.chunkBySize (maxTokens - 2)
            |> Array.filter (fun part -> part.Length >= fewest - 2)
            |> Array.map (fun part -> ReadOnlyMemory(Array.concat [ [| specials.Cls |]; part; [| specials.Sep |] ]))

        Parallel.For(0, texts.Length, (fun i -> cut[i] <- sequences texts[i])) |> ignore

        {
            Fingerprint = fingerprint texts
            TextCount = texts.Length
            Sequences = Array.concat cut
        }
