namespace Glem

open System
open System.Collections.Generic
open System.Text

/// What a byte-pair encoding does beside merging. Fields as in a tokenizer.json.
type BpeOptions = {
    /// Stands for a character that is no token; without one, such a character is dropped.
    UnknownId: int option
    /// Neighbouring unknown characters are one token.
    FuseUnknown: bool
    /// A character that is no token is spelt in byte tokens, if there are all of them.
    ByteFallback: bool
    /// A word that is a token is that token, whatever the merges say.
    IgnoreMerges: bool
}

/// Byte-pair encoding (Sennrich et al. 2016): a word starts as its characters, and the two neighbours that were merged
/// first in training are merged first, until none of the merges applies.
type Bpe = internal {
    Options: BpeOptions
    Vocabulary: Vocabulary
    /// By rank: the ids of what is merged.
    Merges: struct (int * int)[]
    /// The two ids as one key, to the merge's rank and the id of what it makes.
    Ranks: Dictionary<int64, struct (int * int)>
    /// Ids of characters below 0x180, where ByteAlphabet is; -1 for what is no token.
    Near: int[]
    Far: Dictionary<int, int>
    /// Ids of byte tokens, -1 for one that is missing; empty without byte fallback.
    Bytes: int[]
}

/// What merging one word needs; one a thread.
[<Sealed>]
type internal BpeScratch() =
    /// Symbols are numbered as they stand in the word; one that was merged into another has id -1.
    member val Ids: int[] = Array.zeroCreate 64 with get, set
    member val Firsts: int[] = Array.zeroCreate 64 with get, set
    member val Stops: int[] = Array.zeroCreate 64 with get, set
    member val Next: int[] = Array.zeroCreate 64 with get, set
    member val Previous: int[] = Array.zeroCreate 64 with get, set
    member val Count = 0 with get, set
    /// Symbols whose merge with the next one may apply: the smallest rank first, of equals the leftmost.
    member val Queue = PriorityQueue<int, int64>()

    member this.Add(id: int, first: int, stop: int) =
        if this.Count = this.Ids.Length then
            let grown (values: int[]) =
                let mutable values = values
                Array.Resize(&values, 2 * values.Length)
                values

            this.Ids <- grown this.Ids
            this.Firsts <- grown this.Firsts
            this.Stops <- grown this.Stops
            this.Next <- grown this.Next
            this.Previous <- grown this.Previous

        let i = this.Count
        this.Ids[i] <- id
        this.Firsts[i] <- first
        this.Stops[i] <- stop
        this.Previous[i] <- i - 1
        this.Next[i] <- i + 1
        this.Count <- i + 1

module Bpe =
    let private key (left: int) (right: int) = (int64 left <<< 32) ||| int64 right

    /// The merges are pairs of tokens, by rank. The error: the merge that names no token, and what it lacks.
    let create
        (vocabulary: Vocabulary)
        (options: BpeOptions)
        (merges: struct (string * string)[])
        : Result<Bpe, int * string> =
        let ranks = Dictionary<int64, struct (int * int)>(merges.Length)
        let ids = Array.zeroCreate merges.Length

        let missing =
            merges
            |> Seq.indexed
            |> Seq.tryPick (fun (rank, struct (left, right)) ->
                match vocabulary.TryIdOf left, vocabulary.TryIdOf right, vocabulary.TryIdOf(left + right) with
                | Some leftId, Some rightId, Some joined ->
                    ids[rank] <- struct (leftId, rightId)
                    ranks[key leftId rightId] <- struct (rank, joined)
                    None
                | None, _, _ -> Some(rank, left)
                | _, None, _ -> Some(rank, right)
                | _ -> Some(rank, left + right))

        match missing with
        | Some problem -> Error problem
        | None ->
            let near = Array.create 0x180 -1
            let far = Dictionary<int, int>()

            for id in 0 .. vocabulary.Size - 1 do
                let token = vocabulary.TokenOf id

                if token.Length = 1 && int token[0] < near.Length then
                    near[int token[0]] <- id
                elif
                    token.Length = 1 && not (Char.IsSurrogate token[0])
                    || token.Length = 2 && Char.IsSurrogatePair(token, 0)
                then
                    far[Char.ConvertToUtf32(token, 0)] <- id

            Ok {
                Options = options
                Vocabulary = vocabulary
                Merges = ids
                Ranks = ranks
                Near = near
                Far = far
                Bytes = if options.ByteFallback then ByteTokens.ids vocabulary else Array.empty
            }

    /// The symbols that a word starts as.
    let private spell (model: Bpe) (scratch: BpeScratch) (word: ReadOnlySpan<char>) =
        scratch.Count <- 0
        let utf8 = Span<byte>(Array.zeroCreate 4)
        let mutable unknownBefore = false
        let mutable i = 0

        while i < word.Length do
            let mutable rune = Rune.ReplacementChar
            let mutable units = 1

            if not (Char.IsAscii word[i]) then
                Rune.DecodeFromUtf16(word.Slice i, &rune, &units) |> ignore

            let code = if Char.IsAscii word[i] then int word[i] else rune.Value
            let mutable id = -1

            if code < model.Near.Length then
                id <- model.Near[code]
            elif not (model.Far.TryGetValue(code, &id)) then
                id <- -1

            if id >= 0 then
                scratch.Add(id, i, i + units)
                unknownBefore <- false
            else
                let length = (Rune code).EncodeToUtf8 utf8
                let mutable spelt = model.Options.ByteFallback

                for k in 0 .. length - 1 do
                    spelt <- spelt && model.Bytes[int utf8[k]] >= 0

                if spelt then
                    for k in 0 .. length - 1 do
                        scratch.Add(model.Bytes[int utf8[k]], i, i + units)
                else
                    match model.Options.UnknownId with
                    | Some _ when unknownBefore && model.Options.FuseUnknown ->
                        scratch.Stops[scratch.Count - 1] <- i + units
                    | Some unknown -> scratch.Add(unknown, i, i + units)
                    | None -> ()

                unknownBefore <- not spelt && model.Options.UnknownId.IsSome

            i <- i + units

        if scratch.Count > 0 then
            scratch.Next[scratch.Count - 1] <- -1

    let private enqueue (model: Bpe) (scratch: BpeScratch) left =
        let mutable merge = struct (0, 0)
        let right = scratch.Next[left]

        if right >= 0 && model.Ranks.TryGetValue(key scratch.Ids[left] scratch.Ids[right], &merge) then
            let struct (rank, _) = merge
            scratch.Queue.Enqueue(left, (int64 rank <<< 32) ||| int64 left)

    /// O(n log n): each merge takes one symbol away and puts two entries into the queue at most.
    let private mergeAll (model: Bpe) (scratch: BpeScratch) =
        for left in 0 .. scratch.Count - 2 do
            enqueue model scratch left

        let mutable left = 0
        let mutable priority = 0L

        while scratch.Queue.TryDequeue(&left, &priority) do
            let mutable merge = struct (0, 0)

            // An entry is out of date when either of its symbols has changed since.
            if
                scratch.Ids[left] >= 0
                && scratch.Next[left] >= 0
                && model.Ranks.TryGetValue(key scratch.Ids[left] scratch.Ids[scratch.Next[left]], &merge)
            then
                let struct (rank, joined) = merge

                if rank = int (priority >>> 32) then
                    let right = scratch.Next[left]
                    let after = scratch.Next[right]
                    scratch.Ids[left] <- joined
                    scratch.Stops[left] <- scratch.Stops[right]
                    scratch.Ids[right] <- -1
                    scratch.Next[left] <- after

                    if after >= 0 then
                        scratch.Previous[after] <- left

                    enqueue model scratch left

                    if scratch.Previous[left] >= 0 then
                        enqueue model scratch scratch.Previous[left]

    /// Appends one word's tokens.
    let internal append (model: Bpe) (scratch: BpeScratch) (word: ReadOnlySpan<char>) (sink: TokenSink) =
        let mutable whole = -1

        if model.Options.IgnoreMerges && model.Vocabulary.Lookup.TryGetValue(word, &whole) then
            sink.Add(whole, 0, word.Length)
        else
            spell model scratch word
            mergeAll model scratch
            let mutable i = if scratch.Count = 0 then -1 else 0

            while i >= 0 do
                sink.Add(scratch.Ids[i], scratch.Firsts[i], scratch.Stops[i])
                i <- scratch.Next[i]
