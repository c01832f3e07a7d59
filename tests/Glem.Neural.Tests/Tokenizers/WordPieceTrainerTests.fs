namespace Glem.Tests

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

    let private settings =
        { WordPieceTrainer.defaults with
            VocabularySize = 60 }

    /// The same merges by counting all pairs afresh for each one.
    let private clear (settings: WordPieceTraining) (texts: string list) =
        let words =
            texts |> List.collect (fun text -> ClearTokenizer.words (ClearTokenizer.normalize settings.Normalizer text) |> Array.toList)

        let cut (word: string) = word |> Seq.mapi (fun i unit -> if i = 0 then string unit else "##" + string unit) |> Seq.toList
        let cutWords = words |> List.map cut
        let letters prefix = cutWords |> List.concat |> List.filter (fun (piece: string) -> piece.StartsWith "##" = prefix) |> List.distinct
        let plainLetters = letters false @ (letters true |> List.map _.Substring(2)) |> List.distinct |> List.sortWith (fun a b -> String.CompareOrdinal(a, b))
        let insideLetters = letters true |> List.sortWith (fun a b -> String.CompareOrdinal(a, b))

        let rec join left right pieces =
            match pieces with
            | a :: b :: rest when a = left && b = right -> left + right.Substring 2 :: join left right rest
            | a :: rest -> a :: join left right rest
            | [] -> []

        let rec go (tokens: string list) (words: string list list) =
            let rank = tokens |> List.mapi (fun i token -> token, i) |> dict
            let pairs = words |> List.collect List.pairwise |> List.countBy id |> List.filter (fun (_, count) -> count >= settings.MinFrequency)

            if tokens.Length >= settings.VocabularySize || pairs.IsEmpty then
                tokens
            else
                let (left, right), _ = pairs |> List.minBy (fun ((left, right), count) -> -count, rank[left], rank[right])
                let joined = left + right.Substring 2
                go (if rank.ContainsKey joined then tokens else tokens @ [ joined ]) (words |> List.map (join left right))

        go (Samples.specials @ plainLetters @ insideLetters) cutWords

    let private word = Gen.choose (1, 6) |> Gen.bind (fun length -> Gen.listOfLength length (Gen.elements [ "a"; "b"; "c" ])) |> Gen.map (String.concat "")
    let private corpus = Gen.listOf word |> Gen.map (String.concat " ") |> Gen.listOf
    let private check cases law = Check.One(Config.QuickThrowOnFailure, Prop.forAll (Arb.fromGen cases) law)

    [<Fact>]
    let ``the vocabulary is that of counting all pairs afresh for each merge`` () =
        check corpus (fun texts -> train settings texts = clear settings texts)

    [<Fact>]
    let ``the order of the texts and of the words in them does not matter`` () =
        check corpus (fun texts ->
            let shuffled = texts |> List.rev |> List.map (fun text -> text.Split ' ' |> Array.rev |> String.concat " ")
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
            [ { settings with VocabularySize = 6 }, "VocabularySize: found 6, expected at least 8"
              { settings with MinFrequency = 0 }, "MinFrequency: found 0, expected at least 1"
              { settings with AlphabetLimit = -1 }, "AlphabetLimit: found -1, expected at least 1" ] do
            match WordPieceTrainer.train settings [ "ab" ] with
            | Error error -> Assert.StartsWith(expected, GlemError.message error)
            | Ok _ -> Assert.Fail expected
