namespace Glem

open System

/// The stage that makes a word into tokens.
[<RequireQualifiedAccess>]
type TokenModel =
    | WordPiece of WordPiece
    | Bpe of Bpe
    | Unigram of Unigram

/// What a model needs while it works; one a thread.
[<Sealed>]
type internal ModelScratch() =
    member val Bpe = BpeScratch()
    member val Unigram = UnigramScratch()
    member val Cache = WordCache()

module internal TokenModel =
    let private appendNew model (scratch: ModelScratch) (word: ReadOnlySpan<char>) sink =
        match model with
        | TokenModel.WordPiece model -> WordPiece.append model word sink
        | TokenModel.Bpe model -> Bpe.append model scratch.Bpe word sink
        | TokenModel.Unigram model -> Unigram.append model scratch.Unigram word sink

    /// WordPiece is faster than a cache would be.
    let private remembers model =
        match model with
        | TokenModel.WordPiece _ -> false
        | TokenModel.Bpe _
        | TokenModel.Unigram _ -> true

    /// Appends the tokens of [first, first + length).
    let append (model: TokenModel) (scratch: ModelScratch) (text: CharBuffer) first length (sink: TokenSink) =
        let word = text.Span.Slice(first, length)
        sink.Enter(text, first)

        if not (remembers model && scratch.Cache.TryAppend(word, sink)) then
            let before = sink.Count
            appendNew model scratch word sink

            if remembers model then
                scratch.Cache.Remember(word, sink, before)
