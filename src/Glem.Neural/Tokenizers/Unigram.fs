namespace Glem

open System
open System.Text

/// Unigram (Kudo 2018): a word is cut into the pieces whose log probabilities have the largest sum.
type Unigram = internal {
    Pieces: struct (string * float)[]
    UnknownId: int
    ByteFallback: bool
    /// Of a character that no piece covers: the smallest score less 10.
    UnknownScore: float
    Trie: PieceTrie
    /// The id of each byte's piece, -1 for one that is missing; empty without byte fallback.
    Bytes: int[]
}

/// What cutting one word needs; one a thread.
[<Sealed>]
type internal UnigramScratch() =
    /// Of the best way to each place: its score, and the last piece's start and id.
    member val Scores: float[] = Array.empty with get, set
    member val Starts: int[] = Array.empty with get, set
    member val Ids: int[] = Array.empty with get, set
    /// Tokens from the last to the first, as id, start and stop.
    member val Backwards = ResizeArray<struct (int * int * int)>()

    member this.Reserve(places: int) =
        if this.Scores.Length < places then
            let size = max places (2 * this.Scores.Length)
            this.Scores <- Array.zeroCreate size
            this.Starts <- Array.zeroCreate size
            this.Ids <- Array.zeroCreate size

        Array.Fill(this.Starts, -1, 0, places)
        this.Backwards.Clear()

module Unigram =
    /// Piece i has id i; `unknownId` is that of one of them.
    let create (pieces: struct (string * float)[]) (unknownId: int) (byteFallback: bool) =
        let smallest =
            pieces
            |> Array.fold (fun smallest (struct (_, score)) -> min smallest score) Double.PositiveInfinity

        let trie = pieces |> Array.mapi (fun id (struct (piece, _)) -> struct (piece, id)) |> PieceTrie

        let idOf (piece: string) =
            let struct (id, length) = trie.Longest(piece.AsSpan())
            if length = piece.Length then id else -1

        {
            Pieces = pieces
            UnknownId = unknownId
            ByteFallback = byteFallback
            UnknownScore = smallest - 10.
            Trie = trie
            Bytes =
                if byteFallback then
                    Array.init 256 (fun byte -> idOf (ByteTokens.name (Operators.byte byte)))
                else
                    Array.empty
        }

    let private arrive (scratch: UnigramScratch) stop start id score =
        if scratch.Starts[stop] < 0 || score > scratch.Scores[stop] then
            scratch.Scores[stop] <- score
            scratch.Starts[stop] <- start
            scratch.Ids[stop] <- id

    /// Viterbi: the best way to every place, from left to right.
    let private search (model: Unigram) (scratch: UnigramScratch) (word: ReadOnlySpan<char>) =
        scratch.Reserve(word.Length + 1)
        scratch.Scores[0] <- 0.
        let mutable start = 0

        while start < word.Length do
            let score = scratch.Scores[start]
            let units = if Char.IsHighSurrogate word[start] then 2 else 1
            let mutable covered = false
            let mutable node = model.Trie.Root
            let mutable stop = start

            while node >= 0 && stop < word.Length do
                node <- model.Trie.Step(node, word[stop])
                stop <- stop + 1

                if node >= 0 && model.Trie.IdAt node >= 0 then
                    let id = model.Trie.IdAt node
                    let struct (_, pieceScore) = model.Pieces[id]
                    arrive scratch stop start id (pieceScore + score)
                    covered <- covered || stop - start = units

            if not covered then
                arrive scratch (start + units) start model.UnknownId (model.UnknownScore + score)

            start <- start + units

    /// The best way back, neighbouring unknown characters as one.
    let private trace (model: Unigram) (scratch: UnigramScratch) length =
        let tokens = scratch.Backwards
        let mutable stop = length

        while stop > 0 do
            let id, start = scratch.Ids[stop], scratch.Starts[stop]

            match tokens.Count with
            | 0 -> tokens.Add(struct (id, start, stop))
            | count ->
                match tokens[count - 1] with
                | struct (after, _, last) when after = model.UnknownId && id = after ->
                    tokens[count - 1] <- struct (id, start, last)
                | _ -> tokens.Add(struct (id, start, stop))

            stop <- start

    let private spellable (model: Unigram) (bytes: byte[]) =
        model.ByteFallback && bytes |> Array.forall (fun byte -> model.Bytes[int byte] >= 0)

    /// Appends one word's tokens.
    let internal append (model: Unigram) (scratch: UnigramScratch) (word: ReadOnlySpan<char>) (sink: TokenSink) =
        search model scratch word
        trace model scratch word.Length

        for i in scratch.Backwards.Count - 1 .. -1 .. 0 do
            let struct (id, start, stop) = scratch.Backwards[i]

            if id = model.UnknownId && model.ByteFallback then
                let bytes: byte[] = Array.zeroCreate (Encoding.UTF8.GetByteCount(word.Slice(start, stop - start)))
                Encoding.UTF8.GetBytes(word.Slice(start, stop - start), Span bytes) |> ignore

                if spellable model bytes then
                    for byte in bytes do
                        sink.Add(model.Bytes[int byte], start, stop)
                else
                    sink.Add(id, start, stop)
            else
                sink.Add(id, start, stop)
