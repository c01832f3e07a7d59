namespace Glem.Tests

open System
open System.Collections.Generic
open FsCheck
open FsCheck.FSharp
open Glem
open Xunit

/// What holds for every text.
module TokenizerLaws =
    let private check (cases: Gen<'a>) (law: 'a -> bool) =
        Check.One(Config.QuickThrowOnFailure.WithMaxTest 1000, Prop.forAll (Arb.fromGen cases) law)

    let private tokenizer = Samples.tokenizer
    let private known = HashSet Samples.vocabulary.Tokens

    [<Fact>]
    let ``normalisation agrees with the clear one`` () =
        check (Gen.zip Samples.normalizers Samples.text) (fun (normalizer, text) ->
            BertNormalizer.normalize normalizer text = ClearTokenizer.normalize normalizer text)

    [<Fact>]
    let ``words agree with the clear ones`` () =
        check Samples.text (fun text ->
            let text = BertNormalizer.normalize BertNormalizer.cased text
            BertPreTokenizer.words text = ClearTokenizer.words text)

    [<Fact>]
    let ``tokens agree with the clear ones`` () =
        check (Gen.zip Samples.normalizers Samples.text) (fun (normalizer, text) ->
            let tokenizer = Samples.tokenizerWith normalizer

            Tokenizer.encodePlain tokenizer text |> Array.map (Tokenizer.tokenOf tokenizer) |> Array.toList = ClearTokenizer.tokens
                known
                normalizer
                text)

    [<Fact>]
    let ``decoding an encoded text of known lower-case words gives the words`` () =
        let words =
            Gen.elements [ "a"; "ab"; "abc"; "bca"; "cab"; "oe"; "io"; "bcabc" ] |> Gen.listOf |> Gen.map (String.concat " ")

        check words (fun text -> Tokenizer.decode tokenizer (Tokenizer.encode tokenizer 10_000 text) = text)

    [<Fact>]
    let ``texts joined by a blank encode to their encodings joined`` () =
        check (Gen.zip Samples.text Samples.text) (fun (first, second) ->
            Tokenizer.encodePlain tokenizer (first + " " + second) = Array.append
                (Tokenizer.encodePlain tokenizer first)
                (Tokenizer.encodePlain tokenizer second))

    [<Fact>]
    let ``every id is one of the vocabulary's`` () =
        check Samples.text (fun text ->
            Tokenizer.encode tokenizer 10_000 text |> Array.forall (fun id -> id >= 0 && id < tokenizer.VocabularySize))

    [<Fact>]
    let ``truncation keeps the beginning and the last special token`` () =
        check (Gen.zip (Gen.choose (2, 12)) Samples.text) (fun (maxLength, text) ->
            let plain = Tokenizer.encodePlain tokenizer text

            Tokenizer.encode tokenizer maxLength text = Array.concat
                [ [| tokenizer.Specials.Cls |]
                  Array.truncate (maxLength - 2) plain
                  [| tokenizer.Specials.Sep |] ])

    [<Fact>]
    let ``packed texts are the texts encoded one by one`` () =
        check (Gen.zip (Gen.choose (2, 12)) (Gen.listOf Samples.text)) (fun (maxLength, texts) ->
            let texts = List.toArray texts
            let packed = Tokenizer.encodeAll tokenizer maxLength texts

            packed.Count = texts.Length
            && packed.Ids.Length = packed.Offsets[texts.Length]
            && texts
               |> Array.indexed
               |> Array.forall (fun (i, text) -> packed.Text(i).ToArray() = Tokenizer.encode tokenizer maxLength text))

    [<Fact>]
    let ``packing goes beyond one share of work`` () =
        let texts = Array.init 1000 (fun i -> String.replicate (i % 7) "ab ")
        let packed = Tokenizer.encodeAll tokenizer 512 texts

        Assert.Equal<int>(
            texts |> Array.collect (Tokenizer.encode tokenizer 512),
            packed.Ids
        )

    [<Fact>]
    let ``two texts within the budget keep all their tokens, two beyond it fill it`` () =
        check (Gen.zip (Gen.choose (3, 20)) (Gen.zip Samples.text Samples.text)) (fun (maxLength, (first, second)) ->
            let whole = (Tokenizer.encodePlain tokenizer first).Length + (Tokenizer.encodePlain tokenizer second).Length + 3

            match Tokenizer.encodePair tokenizer maxLength LongestFirst first second with
            | Ok pair -> pair.Ids.Length = min whole maxLength && pair.Segments.Length = pair.Ids.Length
            | Error _ -> false)

    [<Fact>]
    let ``a length that not even the special tokens fit raises and says why`` () =
        let raised =
            Assert.Throws<ArgumentOutOfRangeException>(fun () -> Tokenizer.encode tokenizer 1 "ab" |> ignore)

        Assert.Contains("the special tokens alone are 2", raised.Message)

    [<Fact>]
    let ``cutting away a whole text of a pair is an error that names the length`` () =
        match Tokenizer.encodePair tokenizer 5 OnlyFirst "a" "a b c d e" with
        | Error error -> Assert.Contains("maxLength: found 5", GlemError.message error)
        | Ok pair -> Assert.Fail $"%A{pair}"
