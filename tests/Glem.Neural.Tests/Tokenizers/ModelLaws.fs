namespace Glem.Neural.Tests

open System
open System.Text
open System.Text.RegularExpressions
open FsCheck
open FsCheck.FSharp
open Glem
open Xunit
open ModelSamples

/// Byte-pair encoding, Unigram and the words before them, against the same as one would write it down.
module ModelLaws =
    let private check (cases: Gen<'a>) (law: 'a -> bool) =
        Check.One(Config.QuickThrowOnFailure.WithMaxTest 500, Prop.forAll (Arb.fromGen cases) law)

    let private tokens (tokenizer: Tokenizer) text =
        Tokenizer.encodePlain tokenizer text |> Array.map (Tokenizer.tokenOf tokenizer) |> Array.toList

    /// Merge the best pair, the leftmost of equals, and start over.
    let rec private clearBpe (merges: struct (string * string) list) (symbols: string list) =
        let ranked =
            List.pairwise symbols
            |> List.indexed
            |> List.choose (fun (i, (left, right)) ->
                merges |> List.tryFindIndex ((=) (struct (left, right))) |> Option.map (fun rank -> rank, i))

        match ranked with
        | [] -> symbols
        | _ ->
            let _, i = List.min ranked

            List.take i symbols @ [ symbols[i] + symbols[i + 1] ] @ List.skip (i + 2) symbols |> clearBpe merges

    /// All ways to cut a word into pieces.
    let rec private cuts (pieces: Map<string, float>) (word: string) : (float * string list) list =
        if word = "" then
            [ 0., [] ]
        else
            [
                for length in 1 .. word.Length do
                    match pieces.TryFind(word.Substring(0, length)) with
                    | None -> ()
                    | Some score ->
                        for rest, others in cuts pieces (word.Substring length) do
                            score + rest, word.Substring(0, length) :: others
            ]

    [<Fact>]
    let ``merging by the queue is merging the best pair time and again`` () =
        check (Gen.zip merges letters) (fun ((known, merges), word) ->
            tokens (Tokenizer.ofParts (bpe plainBpe known merges)) word =
                clearBpe (List.ofArray merges) [ for letter in word -> string letter ])

    [<Fact>]
    let ``a word that is a token is that token where merges are ignored`` () =
        check (Gen.zip merges (Gen.choose (0, 1000))) (fun ((known, _), pick) ->
            let word = known[pick % known.Length]
            let whole = bpe { plainBpe with IgnoreMerges = true } known [||]
            tokens (Tokenizer.ofParts whole) word = [ word ])

    [<Theory>]
    [<InlineData(false, "a|?|?|b")>]
    [<InlineData(true, "a|?|b")>]
    let ``characters that are no token are unknown, fused or not`` (fuse: bool) (expected: string) =
        let options = {
            plainBpe with
                UnknownId = Some 0
                FuseUnknown = fuse
        }

        let tokenizer = Tokenizer.ofParts (bpe options [ "?"; "a"; "b" ] [||])
        Assert.Equal(expected, tokens tokenizer "a中😀b" |> String.concat "|")

    [<Fact>]
    let ``without an unknown token such characters are dropped`` () =
        Assert.Equal<string list>([ "a"; "b" ], tokens (Tokenizer.ofParts (bpe plainBpe [ "a"; "b" ] [||])) "a中b")

    [<Fact>]
    let ``byte fallback spells a character's UTF-8, in both models`` () =
        let bytes = [ for byte in 0..255 -> $"<0x%02X{byte}>" ]
        let expected = [ "a"; "<0xE4>"; "<0xB8>"; "<0xAD>"; "b" ]
        let options = { plainBpe with ByteFallback = true }
        let pair = Tokenizer.ofParts (bpe options ([ "?"; "a"; "b" ] @ bytes) [||])
        Assert.Equal<string list>(expected, tokens pair "a中b")

        let pieces = [| for piece in [ "?"; "a"; "b" ] @ bytes -> struct (piece, -1.) |]

        Assert.Equal<string list>(expected, tokens (Tokenizer.ofParts (unigram pieces true)) "a中b")

    [<Fact>]
    let ``Unigram finds a cut of the largest sum`` () =
        let scores = Gen.choose (-9999, -1) |> Gen.map (fun score -> float score / 1000.)

        let vocabularies =
            Gen.zip (Gen.listOf letters) (Gen.listOfLength 40 scores)
            |> Gen.map (fun (words, scores) ->
                let pieces = "a" :: "b" :: "c" :: words |> List.filter ((<>) "") |> List.distinct |> List.truncate 40
                List.zip pieces (List.truncate pieces.Length scores))

        check
            (Gen.zip vocabularies (letters |> Gen.map (fun word -> word.Substring(0, min 10 word.Length))))
            (fun (vocabulary, word) ->
                let pieces = [|
                    struct ("?", -20.)
                    for piece, score in vocabulary do
                        struct (piece, score)
                |]

                let found = tokens (Tokenizer.ofParts (unigram pieces false)) word
                let scores = Map.ofList vocabulary
                let best = cuts scores word |> List.map fst |> List.max

                String.Concat found = word && abs (List.sumBy (fun piece -> scores[piece]) found - best) < 1e-9)

    [<Fact>]
    let ``neighbouring unknown characters are one unknown piece`` () =
        let tokenizer = Tokenizer.ofParts (unigram [| struct ("?", 0.); struct ("a", -1.) |] false)
        Assert.Equal<string list>([ "a"; "?"; "a"; "?" ], tokens tokenizer "a中😀ab")

    let private words cut (text: string) =
        let buffer = CharBuffer false
        buffer.Load(text.AsSpan())
        let spans = ResizeArray<struct (int * int)>()
        cut buffer 0 buffer.Length spans

        [
            for struct (start, length) in spans -> buffer.Span.Slice(start, length).ToString()
        ]

    [<Fact>]
    let ``byte-level words are what GPT-2's expression matches`` () =
        let expression = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

        let pieces =
            Gen.elements [
                " "
                " "
                "\n"
                "\t"
                "'"
                "s"
                "ll"
                "re"
                "v"
                "e"
                "A"
                "é"
                "中"
                "1"
                "²"
                "!"
                "-"
                "\u0301"
                "\u00A0"
            ]
            |> Gen.listOf
            |> Gen.map (String.concat "")

        check pieces (fun text ->
            words ByteLevelWords.cut text = [ for found in Regex.Matches(text, expression) -> found.Value ])

    [<Fact>]
    let ``an expression sees a character of two units as one of its category`` () =
        let pattern = TextPattern.create (Expression @"\p{L}+|.") |> orFail
        let found = ResizeArray<struct (int * int)>()
        TextPattern.matches pattern ("a𐐀b😀é".AsSpan()) found
        Assert.Equal<struct (int * int) list>([ struct (0, 4); struct (4, 2); struct (6, 1) ], List.ofSeq found)

    [<Theory>]
    [<InlineData("Removed", "the|final|countdown")>]
    [<InlineData("Isolated", "the|-|final|-|-|countdown")>]
    [<InlineData("MergedWithPrevious", "the-|final-|-|countdown")>]
    [<InlineData("MergedWithNext", "the|-final|-|-countdown")>]
    [<InlineData("Contiguous", "the|-|final|--|countdown")>]
    let ``splits behave as Hugging Face's documentation shows`` (name: string) (expected: string) =
        let behavior =
            [ Removed; Isolated; MergedWithPrevious; MergedWithNext; Contiguous ]
            |> List.find (fun behavior -> string behavior = name)

        let cut (text: CharBuffer) first count spans =
            let found = ResizeArray<struct (int * int)>()
            TextPattern.matches (TextPattern(Literal "-", None)) text.Span found
            SplitBehavior.cut behavior found false first count spans

        Assert.Equal(expected, words cut "the-final--countdown" |> String.concat "|")

    [<Fact>]
    let ``byte-level text decodes to itself`` () =
        check Samples.text (fun text ->
            let whole = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes text)

            let tokenizer =
                Tokenizer.ofParts {
                    byteLevel.Parts with
                        Normalizers = []
                        PreTokenizers = [ PreTokenizer.ByteLevel(false, true) ]
                }

            Tokenizer.decode tokenizer (Tokenizer.encodePlain tokenizer text) = whole)

    [<Fact>]
    let ``offsets are inside the text, and knowing them changes no id`` () =
        for tokenizer in [ Samples.tokenizer; byteLevel; sentencePiece ] do
            check Samples.text (fun text ->
                let aligned = Tokenizer.encodeAligned tokenizer 100_000 text
                let inner = aligned.Offsets[1 .. aligned.Offsets.Length - 2]
                let length = Seq.length (text.EnumerateRunes())

                aligned.Ids = Tokenizer.encode tokenizer 100_000 text
                && inner |> Array.forall (fun (struct (start, stop)) -> 0 <= start && start <= stop && stop <= length))

    [<Fact>]
    let ``marks that change places leave offsets in order`` () =
        // Classes 224, 226, a format character that is dropped, 216: the last comes first.
        let aligned = Tokenizer.encodeAligned Samples.tokenizer 100 "\u2014\u302E\U0001D16D\u200B\U0001D165"
        Assert.All(aligned.Offsets, (fun (struct (start, stop)) -> Assert.True(start <= stop)))
