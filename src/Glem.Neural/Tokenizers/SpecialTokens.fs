namespace Glem

/// The ids of an encoder's special tokens.
type SpecialTokens = {
    Pad: int
    Unknown: int
    Cls: int
    Sep: int
    Mask: int
}

/// What a vocabulary calls them.
type SpecialNames = {
    PadName: string
    UnknownName: string
    ClsName: string
    SepName: string
    MaskName: string
}

module SpecialNames =
    /// Devlin et al. 2019; DeBERTa and ModernBERT too.
    let bert = {
        PadName = "[PAD]"
        UnknownName = "[UNK]"
        ClsName = "[CLS]"
        SepName = "[SEP]"
        MaskName = "[MASK]"
    }

    /// Liu et al. 2019; XLM-R and CamemBERT too.
    let roberta = {
        PadName = "<pad>"
        UnknownName = "<unk>"
        ClsName = "<s>"
        SepName = "</s>"
        MaskName = "<mask>"
    }

    /// RoBERTa's where a vocabulary has them and not BERT's.
    let guess (vocabulary: Vocabulary) =
        let has name = (vocabulary.TryIdOf name).IsSome
        if has roberta.ClsName && not (has bert.ClsName) then roberta else bert

module SpecialTokens =
    /// The ids of names; the error is the first that the vocabulary lacks.
    let find (names: SpecialNames) (vocabulary: Vocabulary) : Result<SpecialTokens, string> =
        let all = [
            names.PadName
            names.UnknownName
            names.ClsName
            names.SepName
            names.MaskName
        ]

        match all |> List.tryFind (fun name -> (vocabulary.TryIdOf name).IsNone) with
        | Some missing -> Error missing
        | None ->
            let idOf name = (vocabulary.TryIdOf name).Value

            Ok {
                Pad = idOf names.PadName
                Unknown = idOf names.UnknownName
                Cls = idOf names.ClsName
                Sep = idOf names.SepName
                Mask = idOf names.MaskName
            }
