namespace Glem

open System
open System.Collections.Generic
open System.Text

/// How to make a vocabulary from a corpus.
type WordPieceTraining = {
    /// The number of tokens aimed at, special ones included. A small corpus may give fewer.
    VocabularySize: int
    /// How often two pieces must stand side by side to become one.
    MinFrequency: int
    /// How many characters are kept, the most frequent ones; a word with another is [UNK].
    AlphabetLimit: int
    Normalizer: BertNormalizer
    /// Cut names such as JsonSerializer where their case changes, before the normaliser takes it away.
    SplitIdentifiers: bool
}

/// WordPiece vocabularies made as Hugging Face's BertWordPieceTrainer makes them, that is by byte-pair encoding
/// (Sennrich et al. 2016) over pieces with BERT's prefix: join the most frequent pair of neighbours until there are
/// enough pieces. It departs in two points. Words beyond WordPiece.DefaultMaxCharsPerWord are not learnt from, because
/// none is ever encoded. And ties are broken by ids alone, so that the order of the texts cannot matter.
module WordPieceTrainer =
    /// The defaults of Hugging Face's trainer, but 8,000 tokens where it has 30,000: right for a corpus of megabytes.
    let defaults = {
        VocabularySize = 8000
        MinFrequency = 2
        AlphabetLimit = 1000
        Normalizer = BertNormalizer.uncased
        SplitIdentifiers = false
    }

    let private specials = [ "[PAD]"; "[UNK]"; "[CLS]"; "[SEP]"; "[MASK]" ]

    /// The characters to keep, in code point order. Of equally frequent ones at the limit, the smaller stay.
    let private alphabet limit (words: (int[] * int)[]) =
        let counts = Dictionary<int, int64>()

        for word, count in words do
            for character in word do
                counts[character] <- counts.GetValueOrDefault(character, 0L) + int64 count

        counts
        |> Seq.sortBy (fun entry -> struct (-entry.Value, entry.Key))
        |> Seq.truncate limit
        |> Seq.map _.Key
        |> Seq.sort
        |> Seq.toArray

    /// A pair of neighbouring pieces as one key; its order is that of (left, right).
    let private pairOf (left: int) (right: int) = (int64 left <<< 32) ||| int64 right

    /// Pairs with how often they occur, and in which words (perhaps no longer).
    [<Sealed>]
    type private PairIndex() =
        let counts = Dictionary<int64, int64>()
        let places = Dictionary<int64, ResizeArray<int>>()
        // The most frequent first, of equals the smaller key. An entry's count may be out of date: too high, never too low.
        let queue = PriorityQueue<int64, struct (int64 * int64)>()

        member _.CountOf(pair: int64) = counts.GetValueOrDefault(pair, 0L)

        member _.Count(pair: int64, more: int64) = counts[pair] <- counts.GetValueOrDefault(pair, 0L) + more

        member _.AddPlace(pair: int64, word: int) =
            match places.TryGetValue pair with
            | true, words when words[words.Count - 1] = word -> ()
            | true, words -> words.Add word
            | _ -> places[pair] <- ResizeArray [ word ]

        member this.Enqueue(pair: int64) = queue.Enqueue(pair, struct (-(this.CountOf pair), pair))

        /// The most frequent pair, if there is one.
        member this.TryTop() =
            let mutable pair = 0L
            let mutable priority = struct (0L, 0L)
            let mutable top = ValueNone

            while top.IsNone && queue.TryDequeue(&pair, &priority) do
                let struct (negated, _) = priority
                let count = this.CountOf pair

                if count = -negated then
                    top <- ValueSome pair
                elif count > 0 then
                    this.Enqueue pair

            top

        /// The words that may hold a pair, which is forgotten: none will hold it when they have been counted again.
        member _.TakePlaces(pair: int64) =
            let words = places[pair]
            places.Remove pair |> ignore
            words

    /// The word with every `left right` joined to `joined`.
    let private join (left: int) (right: int) (joined: int) (word: int[]) =
        let result = ResizeArray<int> word.Length
        let mutable i = 0

        while i < word.Length do
            if i + 1 < word.Length && word[i] = left && word[i + 1] = right then
                result.Add joined
                i <- i + 2
            else
                result.Add word[i]
                i <- i + 1

        result.ToArray()

    /// Joins pairs until `tokens` holds `size` of them or no pair occurs often enough.
    ///   words : ids of pieces and how often the word occurs   tokens : by id, grows
    let private merge (settings: WordPieceTraining) (words: (int[] * int)[]) (tokens: ResizeArray<string>) =
        let idOf = Dictionary<string, int>(StringComparer.Ordinal)
        tokens |> Seq.iteri (fun id token -> idOf[token] <- id)
        let pieces = words |> Array.map fst
        let pairs = PairIndex()
        let changed = HashSet<int64>()

        let count sign w =
            let word = pieces[w]

            for i in 0 .. word.Length - 2 do
                pairs.Count(pairOf word[i] word[i + 1], sign * int64 (snd words[w]))

        // The pairs that have become more frequent: those with the new piece.
        let place isNew w =
            let word = pieces[w]

            for i in 0 .. word.Length - 2 do
                if isNew word[i] || isNew word[i + 1] then
                    let pair = pairOf word[i] word[i + 1]
                    pairs.AddPlace(pair, w)
                    changed.Add pair |> ignore

        let enqueueChanged () =
            for pair in changed do
                pairs.Enqueue pair

            changed.Clear()

        for w in 0 .. pieces.Length - 1 do
            count 1L w
            place (fun _ -> true) w

        enqueueChanged ()
        let mutable running = true

        while running && tokens.Count < settings.VocabularySize do
            match pairs.TryTop() with
            | ValueSome pair when pairs.CountOf pair >= int64 settings.MinFrequency ->
                let left, right = int (pair >>> 32), int (pair &&& 0xFFFFFFFFL)
                let token = tokens[left] + tokens[right].Substring WordPiece.DefaultPrefix.Length

                if idOf.TryAdd(token, tokens.Count) then
                    tokens.Add token

                let fresh = idOf[token]

                for w in pairs.TakePlaces pair do
                    let joined = join left right fresh pieces[w]

                    if joined.Length < pieces[w].Length then
                        count -1L w
                        pieces[w] <- joined
                        count 1L w
                        place (fun piece -> piece = fresh) w

                enqueueChanged ()
            | _ -> running <- false

    let private normalizers (settings: WordPieceTraining) = [
        if settings.SplitIdentifiers then
            Normalizer.splitIdentifiers
        Normalizer.Bert settings.Normalizer
    ]

    /// The tokenizer that training with these settings makes around the vocabulary that it found. The error is the name of
    /// a special token that the vocabulary lacks.
    let around (settings: WordPieceTraining) (vocabulary: Vocabulary) : Result<Tokenizer, string> =
        Tokenizer.bert settings.Normalizer vocabulary
        |> Result.map (fun tokenizer ->
            Tokenizer.ofParts {
                tokenizer.Parts with
                    Normalizers = normalizers settings
            })

    let private checkAtLeast name least value =
        if value >= least then
            Ok()
        else
            Error(InValue(name, string value, $"at least %d{least}"))

    /// A tokenizer whose vocabulary is [PAD], [UNK], [CLS], [SEP], [MASK], the alphabet, the alphabet inside words, and
    /// joined pieces in the order in which they were found. The same word counts give the same vocabulary.
    /// Errors: settings below 1; a vocabulary too small for the alphabet.
    let train (settings: WordPieceTraining) (texts: seq<string>) : Result<Tokenizer, GlemError> =
        let trained () =
            let words =
                WordCounts.ofTexts (normalizers settings) texts
                |> Seq.map (fun entry -> [| for rune in entry.Key.EnumerateRunes() -> rune.Value |], entry.Value)
                |> Seq.filter (fun (word, _) -> word.Length <= WordPiece.DefaultMaxCharsPerWord)
                |> Seq.toArray

            let alphabet = alphabet settings.AlphabetLimit words
            let kept = HashSet alphabet
            let words = words |> Array.map (fun (word, count) -> Array.filter kept.Contains word, count)

            let inside =
                words
                |> Seq.collect (fun (word, _) -> Seq.skip (min 1 word.Length) word)
                |> Seq.distinct
                |> Seq.sort
                |> Seq.toArray

            let tokens = ResizeArray specials
            let text (character: int) = (Rune character).ToString()
            let initialId = Dictionary<int, int>()
            let insideId = Dictionary<int, int>()

            for character in alphabet do
                initialId[character] <- tokens.Count
                tokens.Add(text character)

            for character in inside do
                insideId[character] <- tokens.Count
                tokens.Add(WordPiece.DefaultPrefix + text character)

            if tokens.Count > settings.VocabularySize then
                Error(
                    InValue(
                        "VocabularySize",
                        string settings.VocabularySize,
                        $"at least %d{tokens.Count}: %d{specials.Length} special tokens and the characters at the start of and inside words; or a smaller AlphabetLimit"
                    )
                )
            else
                let ids (word: int[]) =
                    word |> Array.mapi (fun i character -> if i = 0 then initialId[character] else insideId[character])

                merge settings (words |> Array.map (fun (word, count) -> ids word, count)) tokens
                Ok tokens

        checkAtLeast "VocabularySize" 1 settings.VocabularySize
        |> Result.bind (fun () -> checkAtLeast "MinFrequency" 1 settings.MinFrequency)
        |> Result.bind (fun () -> checkAtLeast "AlphabetLimit" 1 settings.AlphabetLimit)
        |> Result.bind trained
        |> Result.map (fun tokens ->
            match tokens |> Vocabulary.create |> Result.mapError string |> Result.bind (around settings) with
            | Ok tokenizer -> tokenizer
            | Error problem -> invalidOp $"The trainer's own vocabulary is not one: %s{problem}")
