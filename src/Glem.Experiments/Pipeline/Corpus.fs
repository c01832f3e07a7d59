namespace Glem

open System
open System.Buffers.Binary
open System.Security.Cryptography
open System.Text
open System.Threading.Tasks

/// Texts that an encoder learns from, in token sequences.
type Corpus = {
    /// SHA-256 over the texts in their order, each behind its length in bytes.
    Fingerprint: string
    TextCount: int
    /// Special tokens included.
    Sequences: TokenisedTexts
}

module Corpus =
    /// Tokens that a text's last sequence must have to be worth a place.
    let private fewest = 8

    let fingerprint (texts: string[]) =
        use hash = IncrementalHash.CreateHash HashAlgorithmName.SHA256
        let length = Array.zeroCreate<byte> 4

        for text in texts do
            let bytes = Encoding.UTF8.GetBytes text
            BinaryPrimitives.WriteInt32LittleEndian(Span length, bytes.Length)
            hash.AppendData length
            hash.AppendData bytes

        Convert.ToHexStringLower(hash.GetHashAndReset())

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
