namespace Glem

open System
open System.Collections.Generic

/// The ids of words met before. Bounded: long words are not kept, and a full cache learns nothing more.
[<Sealed>]
type internal WordCache() =
    let words = Dictionary<string, int[]>(StringComparer.Ordinal)
    let mutable lookup = words.GetAlternateLookup<ReadOnlySpan<char>>()

    static let longest = 48
    static let capacity = 1 <<< 16

    /// Appends a known word's ids; false for an unknown one. Offsets are not kept, so that a sink that tracks knows none.
    member _.TryAppend(word: ReadOnlySpan<char>, sink: TokenSink) =
        let mutable ids: int[] = Array.Empty()

        if word.Length <= longest && not sink.Tracks && lookup.TryGetValue(word, &ids) then
            sink.Ids.AddRange(ReadOnlySpan ids)
            true
        else
            false

    /// What the sink holds from `before` on are the word's ids.
    member _.Remember(word: ReadOnlySpan<char>, sink: TokenSink, before: int) =
        if word.Length <= longest && not sink.Tracks && words.Count < capacity then
            lookup[word] <- sink.Ids.GetRange(before, sink.Count - before).ToArray()
