namespace Glem

open System.Globalization
open System.Text

/// The classes of characters that BERT's tokenizer tells apart (google-research/bert, tokenization.py; where Hugging
/// Face's Rust library departs from it, as that does: published vocabularies are used through that library).
module CharacterClass =
    /// Control, format and private use, which cleaning drops. Unassigned code points are none of these.
    let isControl (rune: Rune) =
        match rune.Value with
        | 0x09
        | 0x0A
        | 0x0D -> false
        | _ ->
            match Rune.GetUnicodeCategory rune with
            | UnicodeCategory.Control
            | UnicodeCategory.Format
            | UnicodeCategory.PrivateUse -> true
            | _ -> false

    /// Unicode's punctuation and every ASCII symbol: `$`, `+` and `~` split words too.
    let isPunctuation (rune: Rune) =
        if rune.IsAscii then
            Rune.IsPunctuation rune || Rune.IsSymbol rune
        else
            Rune.IsPunctuation rune

    /// Accents and other marks that take no room of their own: category Mn.
    let isNonspacingMark (rune: Rune) = Rune.GetUnicodeCategory rune = UnicodeCategory.NonSpacingMark

    /// Ideographs, each of which is a word by itself; not kana or Hangul, which are written with blanks or as words.
    /// The sixth block starts at 2B920 as in Hugging Face's library, not at 2B820.
    let isIdeograph (rune: Rune) =
        let inside first last = rune.Value >= first && rune.Value <= last

        inside 0x4E00 0x9FFF
        || inside 0x3400 0x4DBF
        || inside 0x20000 0x2A6DF
        || inside 0x2A700 0x2B73F
        || inside 0x2B740 0x2B81F
        || inside 0x2B920 0x2CEAF
        || inside 0xF900 0xFAFF
        || inside 0x2F800 0x2FA1F

    /// What a regular expression's \w matches: the character of a word for added tokens that match whole words only.
    let isWordCharacter (rune: Rune) =
        match Rune.GetUnicodeCategory rune with
        | UnicodeCategory.NonSpacingMark
        | UnicodeCategory.SpacingCombiningMark
        | UnicodeCategory.EnclosingMark
        | UnicodeCategory.DecimalDigitNumber
        | UnicodeCategory.LetterNumber
        | UnicodeCategory.ConnectorPunctuation -> true
        | _ -> Rune.IsLetter rune
