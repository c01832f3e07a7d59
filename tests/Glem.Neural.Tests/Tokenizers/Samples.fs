namespace Glem.Tests

open FsCheck.FSharp
open Glem

/// Vocabularies and texts that the tests of tokenizers are about.
module Samples =
    let specials = [ "[PAD]"; "[UNK]"; "[CLS]"; "[SEP]"; "[MASK]" ]

    /// Pieces of a few letters and signs, so that random text is often known, and often not.
    let pieces =
        [ "a"; "b"; "c"; "ab"; "abc"; "bc"; "##a"; "##b"; "##c"; "##bc"; "##ca"; "##abc"
          "e"; "##e"; "é"; "o"; "##o"; "i"; "##i"; "ς"; "σ"; "##σ"; "ß"; "中"; "文"; "ᄒ"; "##ᅡ"; "##ᆫ"
          "."; ","; "["; "]"; "-"; "!"; "'"; "𐐨"; "##𐐨"; "\U0001D165"; "##\U0001D165"; "##\U0001D16D" ]

    let vocabulary =
        match Vocabulary.create (specials @ pieces) with
        | Ok vocabulary -> vocabulary
        | Error duplicate -> failwith $"piece %d{duplicate} twice"

    let tokenizerWith normalizer =
        match Tokenizer.bert normalizer vocabulary with
        | Ok tokenizer -> tokenizer
        | Error missing -> failwith $"no %s{missing}"

    let tokenizer = tokenizerWith BertNormalizer.uncased

    let private character =
        Gen.frequency
            [ 12, Gen.elements [ "a"; "b"; "c"; "e"; "o"; "i"; "A"; "B"; "E" ]
              4, Gen.elements [ " "; "\t"; "\n"; "\u00A0"; "\u3000"; "\u2028" ]
              3, Gen.elements [ "."; ","; "["; "]"; "-"; "!"; "'"; "$"; "~"; "—"; "«"; ";"; "\u1FEF" ]
              3, Gen.elements [ "é"; "É"; "İ"; "ß"; "ẞ"; "Σ"; "ς"; "ộ"; "Å"; "한"; "각"; "ǅ"; "𐐀" ]
              // nonspacing, spacing and enclosing marks; starters and not; in and out of canonical order
              3, Gen.elements [ "\u0301"; "\u0327"; "\u0323"; "\u034F"; "\u20DD"; "\u302E"; "\U0001D165"; "\U0001D16D"; "\U0001D172"; "\u093F"; "\u094D" ]
              2, Gen.elements [ "中"; "文"; "\uF900"; "\U00020000"; "\U0002B820"; "\U0002B920"; "カ"; "\u3099" ]
              2, Gen.elements [ "\u0000"; "\u0085"; "\u00AD"; "\u200B"; "\uFEFF"; "\uFFFD"; "\uE000"; "\u0378"; "\uFFFF"; "\U000E0041" ]
              1, Gen.elements [ "\uD83D"; "\uDE00" ] // surrogates that may stand alone
              1, Gen.choose (0, 0x10FFFF) |> Gen.map (fun code -> if code &&& 0xFFF800 = 0xD800 then "" else System.Char.ConvertFromUtf32 code) ]

    /// Text of every kind of character that some stage treats in its own way; without an added token in it.
    let text = Gen.listOf character |> Gen.map (String.concat "")

    let texts = Arb.fromGen text

    let normalizers =
        Gen.map4
            (fun clean ideographs strip lower ->
                { CleanText = clean
                  HandleChineseChars = ideographs
                  StripAccents = strip
                  Lowercase = lower })
            (Gen.elements [ true; false ])
            (Gen.elements [ true; false ])
            (Gen.elements [ None; Some true; Some false ])
            (Gen.elements [ true; false ])
