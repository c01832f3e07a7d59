namespace Glem

open System
open System.Collections.Generic

/// How often each word of a corpus occurs, as the tokenizer's first two stages give them.
module WordCounts =
    /// Raises OverflowException for a word that occurs 2^31 times.
    let ofTexts (normalizers: Normalizer list) (texts: seq<string>) : IReadOnlyDictionary<string, int> =
        let counts = Dictionary<string, int>(StringComparer.Ordinal)
        let mutable countOf = counts.GetAlternateLookup<ReadOnlySpan<char>>()
        let workspace = Workspace false

        for text in texts do
            workspace.Raw.Load(text.AsSpan())
            let normalized = workspace.Normalize(normalizers, 0, workspace.Raw.Length).Span
            let mutable struct (first, length) = BertPreTokenizer.next normalized 0

            while length > 0 do
                let word = normalized.Slice(first, length)
                let mutable count = 0
                countOf.TryGetValue(word, &count) |> ignore
                countOf[word] <- Checked.(+) count 1
                let struct (nextFirst, nextLength) = BertPreTokenizer.next normalized (first + length)
                first <- nextFirst
                length <- nextLength

        counts
