namespace Glem

/// A place in a template: a special token, or one of the texts, with its segment (BERT's token type).
type TemplatePiece =
    | SpecialPiece of id: int * segment: int
    | FirstText of segment: int
    | SecondText of segment: int

/// What a token's offsets say of blanks at its ends: they are in, or (ByteLevel, RoBERTa) not, with or without the one
/// that the pre-tokeniser put before the text.
type OffsetBlanks =
    | Kept
    | Trimmed of prefixAdded: bool

/// The last stage of a tokenizer: which special tokens surround one text, and two.
type PostProcessor = {
    Single: TemplatePiece list
    Pair: TemplatePiece list
    OffsetBlanks: OffsetBlanks
}

module PostProcessor =
    /// The texts as they are, in segments 0 and 1.
    let none = {
        Single = [ FirstText 0 ]
        Pair = [ FirstText 0; SecondText 1 ]
        OffsetBlanks = Kept
    }

    /// [CLS] A [SEP] and [CLS] A [SEP] B [SEP] (Devlin et al. 2019, figure 2).
    let bert cls sep =
        let single = [ SpecialPiece(cls, 0); FirstText 0; SpecialPiece(sep, 0) ]

        {
            Single = single
            Pair = single @ [ SecondText 1; SpecialPiece(sep, 1) ]
            OffsetBlanks = Kept
        }

    /// RoBERTa's (Liu et al. 2019): as BERT's, but with two separators between the texts, and all in segment 0.
    let roberta cls sep =
        let single = [ SpecialPiece(cls, 0); FirstText 0; SpecialPiece(sep, 0) ]

        {
            Single = single
            Pair = single @ [ SpecialPiece(sep, 0); SecondText 0; SpecialPiece(sep, 0) ]
            OffsetBlanks = Kept
        }

    /// How many special tokens a template adds.
    let specialCount template =
        template
        |> List.sumBy (function
            | SpecialPiece _ -> 1
            | FirstText _
            | SecondText _ -> 0)
