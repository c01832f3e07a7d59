namespace Glem

/// A place in a template: a special token, or one of the texts, with its segment (BERT's token type).
type TemplatePiece =
    | SpecialPiece of id: int * segment: int
    | FirstText of segment: int
    | SecondText of segment: int

/// The last stage of a tokenizer: which special tokens surround one text, and two.
type PostProcessor =
    { Single: TemplatePiece list
      Pair: TemplatePiece list }

module PostProcessor =
    /// [CLS] A [SEP] and [CLS] A [SEP] B [SEP] (Devlin et al. 2019, figure 2).
    let bert cls sep =
        let single = [ SpecialPiece(cls, 0); FirstText 0; SpecialPiece(sep, 0) ]

        { Single = single
          Pair = single @ [ SecondText 1; SpecialPiece(sep, 1) ] }

    /// How many special tokens a template adds.
    let specialCount template =
        template
        |> List.sumBy (function
            | SpecialPiece _ -> 1
            | FirstText _
            | SecondText _ -> 0)
