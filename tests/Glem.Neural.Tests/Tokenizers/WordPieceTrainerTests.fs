namespace Glem.Neural.Tests

open System
open System.Collections.Generic
open FsCheck
open FsCheck.FSharp
open Glem
open Xunit

/// Training a vocabulary.
module WordPieceTrainerTests =
    let private train settings texts =
        match WordPieceTrainer.train settings texts with
        | Ok tokenizer -> Seq.toList tokenizer.Parts.Vocabulary.Tokens
        | Error error -> failwith (GlemError.message error)

    let private settings = {
        WordPieceTrainer.defaults with
            VocabularySize = 60
    }

    /// The same merges by counting all pairs afresh for each one.
    let private clear (settings: WordPieceTraining) (texts: string list) =
        let words =
            texts
            |> List.collect (fun text ->
                ClearTokenizer.words (ClearTokenizer.normalize settings.Normalizer text) |> Array.toList)

        let cut (word: string) : string list =
            word |> Seq.mapi (fun i unit -> if i = 0 then string unit else "##" + string unit) |> Seq.toList

        let ordinal (pieces: string list) =
            pieces |> List.distinct |> List.sortWith (fun a b -> String.CompareOrdinal(a, b))

        let inside, initial = words |> List.collect cut |> List.partition _.StartsWith("##")
        let letters = initial @ (inside |> List.map _.Substring(2))

        let rec join left (right: string) pieces =
            match pieces with
            | a :: b :: rest when a = left && b = right -> left + right.Substring 2 :: join left right rest
            | a :: rest -> a :: join left right rest
            | [] -> []

        let rec go (tokens: string list) (words: string list list) =
            let rank = tokens |> List.mapi (fun i token -> token, i) |> dict

            let pairs =
                words
                |> List.collect List.pairwise
                |> List.countBy id
                |> List.filter (fun (_, count) -> count >= settings.MinFrequency)

            if tokens.Length >= settings.VocabularySize || pairs.IsEmpty then
                tokens
            else
                let (left, right), _ =
                    pairs |> List.minBy (fun ((left, right), count) -> -count, rank[left], rank[right])

                let joined = left + right.Substring 2

                go
                    (if rank.ContainsKey joined then tokens else tokens @ [ joined ])
                    (words |> List.map (join left right))

        go (Samples.specials @ ordinal letters @ ordinal inside) (List.map cut words)

    let private word =
        Gen.choose (1, 6)
        |> Gen.bind (fun length -> Gen.listOfLength length (Gen.elements [ "a"; "b"; "c" ]))
        |> Gen.map (String.concat "")

    let private corpus = Gen.listOf word |> Gen.map (String.concat " ") |> Gen.listOf
    let private check cases law = Check.One(Config.QuickThrowOnFailure, Prop.forAll (Arb.fromGen cases) law)

    [<Fact>]
    let ``the vocabulary is that of counting all pairs afresh for each merge`` () =
        check corpus (fun texts -> train settings texts = clear settings texts)

    [<Fact>]
    let ``the order of the texts and of the words in them does not matter`` () =
        check corpus (fun texts ->
            let shuffled =
                texts |> List.rev |> List.map (fun text -> text.Split ' ' |> Array.rev |> String.concat " ")

            train settings texts = train settings shuffled)

    [<Fact>]
    let ``every word of the corpus is known afterwards`` () =
        check corpus (fun texts ->
            match WordPieceTrainer.train settings texts with
            | Error _ -> false
            | Ok tokenizer ->
                texts
                |> List.forall (fun text ->
                    not (Tokenizer.encodePlain tokenizer text |> Array.contains tokenizer.Specials.Unknown)))

    [<Fact>]
    let ``frequent words become single pieces, rare ones do not`` () =
        let tokens = train settings [ "graph graph graph graph"; "graph node" ]
        Assert.Contains("graph", tokens)
        Assert.DoesNotContain("node", tokens)

    [<Fact>]
    let ``the alphabet keeps the most frequent characters`` () =
        let tokens = train { settings with AlphabetLimit = 2 } [ "ab ab ab cb" ]
        Assert.Contains("a", tokens)
        Assert.Contains("b", tokens)
        Assert.DoesNotContain("c", tokens)

    [<Fact>]
    let ``settings that cannot be met are named`` () =
        for settings, expected in
            [
                { settings with VocabularySize = 6 }, "VocabularySize: found 6, expected at least 8"
                { settings with MinFrequency = 0 }, "MinFrequency: found 0, expected at least 1"
                { settings with AlphabetLimit = -1 }, "AlphabetLimit: found -1, expected at least 1"
            ] do
            match WordPieceTrainer.train settings [ "ab" ] with
            | Error error -> Assert.StartsWith(expected, GlemError.message error)
            | Ok _ -> Assert.Fail expected

    [<Fact>]
    let ``identifiers are cut where their case changes, in training, in encoding and behind a tokenizer json`` () =
        let texts = [
            "JsonSerializer reads Json"
            "IAsyncEnumerable of XMLReader"
            "plain UPPER words v2Beta"
        ]

        let settings = {
            WordPieceTrainer.defaults with
                VocabularySize = 400
                MinFrequency = 1
                SplitIdentifiers = true
        }

        let tokenizer = WordPieceTrainer.train settings texts |> Result.orRaise

        let words (text: string) =
            Tokenizer.encodePlain tokenizer text |> Seq.map (Tokenizer.tokenOf tokenizer) |> String.concat " "

        Assert.Equal("json serializer reads json", words texts[0])
        Assert.Equal("i async enumerable of xml reader", words texts[1])
        Assert.Equal("plain upper words v2 beta", words texts[2])
        use folder = new TemporaryFolder()
        let path = folder.File "tokenizer"
        System.IO.Directory.CreateDirectory path |> ignore
        TokenizerFolder.save path 32 tokenizer
        let again = TokenizerFolder.load path |> Result.orRaise

        for text in texts do
            Assert.Equal<int>(Tokenizer.encode tokenizer 32 text, Tokenizer.encode again 32 text)
            let aligned = Tokenizer.encodeAligned again 32 text
            let struct (first, last) = aligned.Offsets[1]
            Assert.Equal(Tokenizer.tokenOf again aligned.Ids[1], text.Substring(first, last - first).ToLowerInvariant())
