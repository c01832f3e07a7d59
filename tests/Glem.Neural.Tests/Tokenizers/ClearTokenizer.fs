namespace Glem.Tests

open System
open System.Collections.Generic
open System.Globalization
open System.Text
open Glem

/// BERT's tokenizer as one would write it down, without a thought for speed: the oracle of the fast one.
module ClearTokenizer =
    let private decomposed (runes: Rune list) =
        runes
        |> List.collect (fun rune ->
            match CanonicalDecomposition.parts rune.Value with
            | [||] -> [ rune ]
            | parts -> parts |> Array.map Rune |> Array.toList)

    /// Canonical order: between two starters, marks go by class, stably (Unicode Standard, D109).
    let private ordered (runes: Rune list) =
        let combiningClass (rune: Rune) = CanonicalDecomposition.combiningClass rune.Value

        let rec go runes =
            match runes with
            | [] -> []
            | starter :: rest when combiningClass starter = 0 -> starter :: go rest
            | _ ->
                let marks = runes |> List.takeWhile (fun rune -> combiningClass rune > 0)
                List.sortBy combiningClass marks @ go (List.skip marks.Length runes)

        go runes

    let private isAnyOf categories (rune: Rune) = List.contains (Rune.GetUnicodeCategory rune) categories

    let private clean runes =
        let isControl rune =
            isAnyOf [ UnicodeCategory.Control; UnicodeCategory.Format; UnicodeCategory.PrivateUse ] rune
            && not (List.contains rune.Value [ int '\t'; int '\n'; int '\r' ])

        runes
        |> List.filter (fun (rune: Rune) -> not (rune = Rune.ReplacementChar || isControl rune))
        |> List.map (fun rune -> if Rune.IsWhiteSpace rune then Rune ' ' else rune)

    let private spaceIdeographs runes =
        runes
        |> List.collect (fun rune ->
            if CharacterClass.isIdeograph rune then [ Rune ' '; rune; Rune ' ' ] else [ rune ])

    let private lower (rune: Rune) =
        if rune.Value = 0x130 then [ Rune 'i'; Rune 0x307 ] else [ Rune.ToLowerInvariant rune ]

    let normalize (normalizer: BertNormalizer) (text: string) =
        let optionally applies (f: Rune list -> Rune list) = if applies then f else id

        [ for rune in text.EnumerateRunes() -> rune ]
        |> optionally normalizer.CleanText clean
        |> optionally normalizer.HandleChineseChars spaceIdeographs
        |> optionally
            (defaultArg normalizer.StripAccents normalizer.Lowercase)
            (decomposed >> ordered >> List.filter (fun rune -> not (isAnyOf [ UnicodeCategory.NonSpacingMark ] rune)))
        |> optionally normalizer.Lowercase (List.collect lower)
        |> List.map string
        |> String.concat ""

    let words (text: string) =
        let isSplitOff (rune: Rune) =
            Rune.IsPunctuation rune || rune.IsAscii && "$+<=>^`|~".Contains(char rune.Value)

        String.concat
            ""
            [ for rune in text.EnumerateRunes() ->
                  if Rune.IsWhiteSpace rune then " "
                  elif isSplitOff rune then $" %O{rune} "
                  else string rune ]
        |> fun spaced -> spaced.Split(' ', StringSplitOptions.RemoveEmptyEntries)

    let pieces (vocabulary: IReadOnlySet<string>) (word: string) =
        let rec go start =
            if start = word.Length then
                Some []
            else
                let prefix = if start = 0 then "" else "##"

                seq { word.Length - start .. -1 .. 1 }
                |> Seq.map (fun length -> length, prefix + word.Substring(start, length))
                |> Seq.tryFind (fun (_, piece) -> vocabulary.Contains piece)
                |> Option.bind (fun (length, piece) -> go (start + length) |> Option.map (fun rest -> piece :: rest))

        if Seq.length (word.EnumerateRunes()) > 100 then [ "[UNK]" ] else go 0 |> Option.defaultValue [ "[UNK]" ]

    /// The tokens of a text that has no added token in it.
    let tokens (vocabulary: IReadOnlySet<string>) normalizer text =
        normalize normalizer text |> words |> Seq.collect (pieces vocabulary) |> Seq.toList
