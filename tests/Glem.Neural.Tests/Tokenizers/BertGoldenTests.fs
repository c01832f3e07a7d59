namespace Glem.Tests

open System
open System.IO
open System.Text.Json
open Glem
open Xunit

/// bert-base-uncased against what Hugging Face's Rust library gave (shared/fixtures/README.md says which).
module BertGoldenTests =
    let private folder = "fixtures/tokenizers/bert-uncased/"

    let private ints (json: JsonElement) = [| for item in json.EnumerateArray() -> item.GetInt32() |]
    let private text (json: JsonElement) = string (json.GetString())

    let private field (name: string) (json: JsonElement) =
        match json.TryGetProperty name with
        | true, value -> Some value
        | _ -> None

    let private cases name =
        [ for line in File.ReadAllLines(SharedFiles.file (folder + name)) -> JsonDocument.Parse(line).RootElement ]

    let private load path =
        match TokenizerJsonReader.load path with
        | Ok tokenizer -> tokenizer
        | Error error -> failwith (GlemError.message error)

    let private fromJson () = load (SharedFiles.file (folder + "tokenizer.json"))

    let private fromVocabulary () =
        match VocabularyFile.load (SharedFiles.file (folder + "vocab.txt")) with
        | Ok vocabulary ->
            match Tokenizer.bert BertNormalizer.uncased vocabulary with
            | Ok tokenizer -> tokenizer
            | Error missing -> failwith missing
        | Error error -> failwith (GlemError.message error)

    let private singles () = cases "cases.jsonl" |> List.filter (fun case -> (field "pair" case).IsNone)
    let private pairs () = cases "cases.jsonl" |> List.filter (fun case -> (field "pair" case).IsSome)

    /// Fails with every case that differs, not only the first.
    let private agree (cases: JsonElement list) (expected: JsonElement -> 'a) (found: JsonElement -> 'a) =
        Assert.NotEmpty cases

        let wrong =
            [ for case in cases do
                  if expected case <> found case then
                      $"%O{case.GetRawText()}\n  found %A{found case}" ]

        Assert.True(wrong.IsEmpty, String.Join("\n", wrong))

    [<Fact>]
    let ``ids agree`` () =
        let tokenizer = fromJson ()
        agree (singles ()) (fun case -> ints (case.GetProperty "ids")) (fun case -> Tokenizer.encode tokenizer 10_000 (text (case.GetProperty "text")))

    [<Fact>]
    let ``ids agree from vocab.txt too`` () =
        let tokenizer = fromVocabulary ()
        agree (singles ()) (fun case -> ints (case.GetProperty "ids")) (fun case -> Tokenizer.encode tokenizer 10_000 (text (case.GetProperty "text")))

    [<Fact>]
    let ``ids without special tokens agree`` () =
        let tokenizer = fromJson ()
        agree (singles ()) (fun case -> ints (case.GetProperty "ids_no_special")) (fun case -> Tokenizer.encodePlain tokenizer (text (case.GetProperty "text")))

    [<Fact>]
    let ``tokens agree`` () =
        let tokenizer = fromJson ()

        agree
            (singles ())
            (fun case -> [| for token in (case.GetProperty "tokens").EnumerateArray() -> text token |])
            (fun case -> Tokenizer.encode tokenizer 10_000 (text (case.GetProperty "text")) |> Array.map (Tokenizer.tokenOf tokenizer))

    [<Fact>]
    let ``ids cut to 16 agree`` () =
        let tokenizer = fromJson ()

        agree
            (singles () |> List.filter (fun case -> (field "trunc16_ids" case).IsSome))
            (fun case -> ints (case.GetProperty "trunc16_ids"))
            (fun case -> Tokenizer.encode tokenizer 16 (text (case.GetProperty "text")))

    [<Fact>]
    let ``pairs agree in ids and segments`` () =
        let tokenizer = fromJson ()

        agree
            (pairs ())
            (fun case -> Ok(ints (case.GetProperty "ids"), ints (case.GetProperty "type_ids")))
            (fun case ->
                Tokenizer.encodePair tokenizer 10_000 LongestFirst (text (case.GetProperty "text")) (text (case.GetProperty "pair"))
                |> Result.map (fun pair -> pair.Ids, pair.Segments))

    [<Theory>]
    [<InlineData "longest_first">]
    [<InlineData "only_first">]
    [<InlineData "only_second">]
    let ``pairs cut to 16 agree, and fail where the library fails`` (strategy: string) =
        let tokenizer = fromJson ()

        let truncation =
            match strategy with
            | "longest_first" -> LongestFirst
            | "only_first" -> OnlyFirst
            | _ -> OnlySecond

        agree
            (pairs () |> List.filter (fun case -> (field "trunc16" case).IsSome))
            (fun case ->
                let expected = (case.GetProperty "trunc16").GetProperty strategy

                match field "error" expected with
                | Some _ -> None
                | None -> Some(ints (expected.GetProperty "ids"), ints (expected.GetProperty "type_ids")))
            (fun case ->
                match Tokenizer.encodePair tokenizer 16 truncation (text (case.GetProperty "text")) (text (case.GetProperty "pair")) with
                | Ok pair -> Some(pair.Ids, pair.Segments)
                | Error _ -> None)

    [<Fact>]
    let ``lone surrogates agree`` () =
        let tokenizer = fromJson ()

        agree
            (cases "lone_surrogates.jsonl")
            (fun case -> ints (case.GetProperty "ids"))
            (fun case -> Tokenizer.encode tokenizer 10_000 (String(case.GetProperty "utf16" |> ints |> Array.map char)))

    [<Fact>]
    let ``saved and loaded again it gives the same ids`` () =
        use folder = new TemporaryFolder()
        let path = folder.File "tokenizer.json"
        let tokenizer = fromJson ()
        TokenizerJsonWriter.save path tokenizer
        let again = load path

        agree
            (singles ())
            (fun case -> Tokenizer.encode tokenizer 10_000 (text (case.GetProperty "text")))
            (fun case -> Tokenizer.encode again 10_000 (text (case.GetProperty "text")))
