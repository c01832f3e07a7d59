namespace Glem

open System

/// WordPiece (Schuster & Nakajima 2012; as in BERT, Devlin et al. 2019): a word is cut greedily into the longest pieces
/// of the vocabulary; pieces that do not start the word are written with a prefix.
type WordPiece =
    internal
        { UnknownId: int
          Prefix: string
          MaxCharsPerWord: int
          Initial: PieceTrie
          Continuing: PieceTrie }

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

        { UnknownId = unknownId
          Prefix = prefix
          MaxCharsPerWord = maxCharsPerWord
          Initial = PieceTrie pieces
          Continuing =
            pieces
            |> Array.filter (fun (struct (piece, _)) -> piece.StartsWith(prefix, StringComparison.Ordinal))
            |> Array.map (fun (struct (piece, id)) -> struct (piece.Substring prefix.Length, id))
            |> PieceTrie }

    let private codePoints (word: ReadOnlySpan<char>) =
        let mutable count = word.Length

        for unit in word do
            if Char.IsLowSurrogate unit then
                count <- count - 1

        count

    /// Appends the ids of one word's pieces.
    let internal append (model: WordPiece) (word: ReadOnlySpan<char>) (ids: ResizeArray<int>) =
        if word.Length > model.MaxCharsPerWord && codePoints word > model.MaxCharsPerWord then
            ids.Add model.UnknownId
        else
            let before = ids.Count
            let mutable rest = word
            let mutable trie = model.Initial

            while not rest.IsEmpty do
                let struct (id, length) = trie.Longest rest

                if id < 0 then
                    ids.RemoveRange(before, ids.Count - before)
                    ids.Add model.UnknownId
                    rest <- ReadOnlySpan.Empty
                else
                    ids.Add id
                    rest <- rest.Slice length
                    trie <- model.Continuing
