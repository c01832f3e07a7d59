namespace Glem

open System

/// WordPiece (Schuster & Nakajima 2012; as in BERT, Devlin et al. 2019): a word is cut greedily into the longest pieces
/// of the vocabulary; pieces that do not start the word are written with a prefix.
type WordPiece = internal {
    UnknownId: int
    Prefix: string
    MaxCharsPerWord: int
    Initial: PieceTrie
    Continuing: PieceTrie
}

module WordPiece =
    /// BERT's prefix of pieces inside a word.
    [<Literal>]
    let DefaultPrefix = "##"

    /// BERT's bound, in code points.
    [<Literal>]
    let DefaultMaxCharsPerWord = 100

    /// `unknownId` stands for a word that cannot be cut or has more than `maxCharsPerWord` code points.
    let create (vocabulary: Vocabulary) (unknownId: int) (prefix: string) (maxCharsPerWord: int) =
        let pieces = [| for id in 0 .. vocabulary.Size - 1 -> struct (vocabulary.TokenOf id, id) |]

        {
            UnknownId = unknownId
            Prefix = prefix
            MaxCharsPerWord = maxCharsPerWord
            Initial = PieceTrie pieces
            Continuing =
                pieces
                |> Array.filter (fun (struct (piece, _)) -> piece.StartsWith(prefix, StringComparison.Ordinal))
                |> Array.map (fun (struct (piece, id)) -> struct (piece.Substring prefix.Length, id))
                |> PieceTrie
        }

    let private codePoints (word: ReadOnlySpan<char>) =
        let mutable count = word.Length

        for unit in word do
            if Char.IsLowSurrogate unit then
                count <- count - 1

        count

    /// Appends one word's pieces.
    let internal append (model: WordPiece) (word: ReadOnlySpan<char>) (sink: TokenSink) =
        if word.Length > model.MaxCharsPerWord && codePoints word > model.MaxCharsPerWord then
            sink.Add(model.UnknownId, 0, word.Length)
        else
            let before = sink.Count
            let mutable from = 0
            let mutable trie = model.Initial

            while from < word.Length do
                let struct (id, length) = trie.Longest(word.Slice from)

                if id < 0 then
                    sink.Truncate before
                    sink.Add(model.UnknownId, 0, word.Length)
                    from <- word.Length
                else
                    sink.Add(id, from, from + length)
                    from <- from + length
                    trie <- model.Continuing
