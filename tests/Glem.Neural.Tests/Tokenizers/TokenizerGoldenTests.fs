namespace Glem.Neural.Tests

open System
open System.IO
open System.Text.Json
open Glem
open Xunit

/// Every kind of tokenizer against what Hugging Face's Rust library gave (shared/fixtures/README.md says which), loaded
/// from each kind of file.
module TokenizerGoldenTests =
    let private fixtures = "fixtures/tokenizers/"

    /// A way to load a tokenizer, and the folder of fixtures whose cases it must meet.
    type private Source = {
        Cases: string
        Load: unit -> Tokenizer
    }

    let private orFail result =
        match result with
        | Ok value -> value
        | Error error -> failwith (GlemError.message error)

    /// The tokenizer of a folder with these files of a fixture and no others.
    let private ofFiles folder (names: string list) () =
        use copy = new TemporaryFolder()

        for name in names do
            File.Copy(SharedFiles.file (fixtures + folder + "/" + name), copy.File name)

        TokenizerFolder.load (copy.File "") |> orFail

    let private sources =
        Map [
            "WordPiece, tokenizer.json",
            {
                Cases = "bert-uncased"
                Load = ofFiles "bert-uncased" [ "tokenizer.json" ]
            }
            "WordPiece, vocab.txt",
            {
                Cases = "bert-uncased"
                Load = ofFiles "bert-uncased" [ "vocab.txt"; "tokenizer_config.json" ]
            }
            "WordPiece, vocab.txt alone",
            {
                Cases = "bert-uncased"
                Load = ofFiles "bert-uncased" [ "vocab.txt" ]
            }
            "BPE, vocab.json and merges.txt",
            {
                Cases = "roberta"
                Load = ofFiles "roberta" [ "vocab.json"; "merges.txt"; "tokenizer_config.json" ]
            }
            "BPE, vocab.json and merges.txt alone",
            {
                Cases = "roberta"
                Load = ofFiles "roberta" [ "vocab.json"; "merges.txt" ]
            }
            "BPE, tokenizer.json",
            {
                Cases = "bytelevel-modernbert-style"
                Load = ofFiles "bytelevel-modernbert-style" [ "tokenizer.json"; "tokenizer_config.json" ]
            }
            "BPE, tokenizer.json with merges as strings",
            {
                Cases = "bytelevel-modernbert-style"
                Load =
                    fun () ->
                        TokenizerJsonReader.load (
                            SharedFiles.file (fixtures + "bytelevel-modernbert-style/tokenizer.legacy_merges.json")
                        )
                        |> orFail
            }
            "Unigram, tokenizer.json",
            {
                Cases = "unigram-deberta-style"
                Load = ofFiles "unigram-deberta-style" [ "tokenizer.json" ]
            }
            "Unigram, spm.model",
            {
                Cases = "unigram-deberta-style"
                Load = ofFiles "unigram-deberta-style" [ "spm.model"; "tokenizer_config.json" ]
            }
            "Unigram, spm.model alone",
            {
                Cases = "unigram-deberta-style"
                Load = ofFiles "unigram-deberta-style" [ "spm.model" ]
            }
        ]

    let names = TheoryData<string>(sources.Keys)

    let private ints (json: JsonElement) = [| for item in json.EnumerateArray() -> item.GetInt32() |]
    let private text (name: string) (json: JsonElement) = string ((json.GetProperty name).GetString())
    let private ids (name: string) (json: JsonElement) = ints (json.GetProperty name)

    let private field (name: string) (json: JsonElement) =
        match json.TryGetProperty name with
        | true, value -> Some value
        | _ -> None

    let private has name json = (field name json).IsSome

    let private offsets (json: JsonElement) = [|
        for pair in (json.GetProperty "offsets").EnumerateArray() -> struct (pair[0].GetInt32(), pair[1].GetInt32())
    |]

    let private casesOf source file = [
        for line in File.ReadAllLines(SharedFiles.file (fixtures + source.Cases + "/" + file)) ->
            JsonDocument.Parse(line).RootElement
    ]

    let private singles source = casesOf source "cases.jsonl" |> List.filter (has "pair" >> not)
    let private pairs source = casesOf source "cases.jsonl" |> List.filter (has "pair")

    /// Fails with every case that differs, not only the first.
    let private agree (cases: JsonElement list) (expected: JsonElement -> 'a) (found: JsonElement -> 'a) =
        Assert.NotEmpty cases

        let wrong = [
            for case in cases do
                if expected case <> found case then
                    $"%O{case.GetRawText()}\n  found %A{found case}"
        ]

        Assert.True(wrong.IsEmpty, String.Join("\n", wrong))

    [<Theory; MemberData(nameof names)>]
    let ``ids agree, whole, plain and cut to 16`` (name: string) =
        let source = sources[name]
        let tokenizer = source.Load()
        agree (singles source) (ids "ids") (text "text" >> Tokenizer.encode tokenizer 100_000)
        agree (singles source) (ids "ids_no_special") (text "text" >> Tokenizer.encodePlain tokenizer)

        agree
            (singles source |> List.filter (has "trunc16_ids"))
            (ids "trunc16_ids")
            (text "text" >> Tokenizer.encode tokenizer 16)

    [<Theory; MemberData(nameof names)>]
    let ``ids agree when words are met again`` (name: string) =
        let source = sources[name]
        let tokenizer = source.Load()

        for _ in 1..2 do
            agree (singles source) (ids "ids") (text "text" >> Tokenizer.encode tokenizer 100_000)

    [<Theory; MemberData(nameof names)>]
    let ``offsets agree`` (name: string) =
        let source = sources[name]
        let tokenizer = source.Load()

        agree (singles source) (fun case -> ids "ids" case, offsets case) (fun case ->
            let encoding = Tokenizer.encodeAligned tokenizer 100_000 (text "text" case)
            encoding.Ids, encoding.Offsets)

    [<Theory; MemberData(nameof names)>]
    let ``pairs agree in ids, segments and offsets`` (name: string) =
        let source = sources[name]
        let tokenizer = source.Load()

        agree (pairs source) (fun case -> Some(ids "ids" case, ids "type_ids" case, offsets case)) (fun case ->
            match Tokenizer.encodePair tokenizer 100_000 LongestFirst (text "text" case) (text "pair" case) with
            | Ok pair -> Some(pair.Ids, pair.Segments, pair.Offsets)
            | Error _ -> None)

    [<Theory; MemberData(nameof names)>]
    let ``pairs cut to 16 agree, and fail where the library fails`` (name: string) =
        let source = sources[name]
        let tokenizer = source.Load()

        for strategy, truncation in
            [
                "longest_first", LongestFirst
                "only_first", OnlyFirst
                "only_second", OnlySecond
            ] do
            agree
                (pairs source |> List.filter (has "trunc16"))
                (fun case ->
                    let expected = (case.GetProperty "trunc16").GetProperty strategy

                    match field "error" expected with
                    | Some _ -> None
                    | None -> Some(ids "ids" expected, ids "type_ids" expected))
                (fun case ->
                    match Tokenizer.encodePair tokenizer 16 truncation (text "text" case) (text "pair" case) with
                    | Ok pair -> Some(pair.Ids, pair.Segments)
                    | Error _ -> None)

    [<Theory; MemberData(nameof names)>]
    let ``lone surrogates agree`` (name: string) =
        let source = sources[name]
        let tokenizer = source.Load()

        agree (casesOf source "lone_surrogates.jsonl") (ids "ids") (fun case ->
            Tokenizer.encode tokenizer 100_000 (String(ids "utf16" case |> Array.map char)))

    [<Theory; MemberData(nameof names)>]
    let ``saved and loaded again it is the same tokenizer`` (name: string) =
        use folder = new TemporaryFolder()
        let path = folder.File "tokenizer.json"
        let source = sources[name]
        let tokenizer = source.Load()
        TokenizerJsonWriter.save path tokenizer
        let again = TokenizerJsonReader.load path |> orFail
        Assert.Equal<string>(tokenizer.Parts.Vocabulary.Tokens, again.Parts.Vocabulary.Tokens)
        Assert.Equal<AddedToken list>(tokenizer.Parts.AddedTokens, again.Parts.AddedTokens)
        Assert.Equal<Normalizer list>(tokenizer.Parts.Normalizers, again.Parts.Normalizers)
        Assert.Equal<PreTokenizer list>(tokenizer.Parts.PreTokenizers, again.Parts.PreTokenizers)
        Assert.Equal<Decoder list>(tokenizer.Parts.Decoders, again.Parts.Decoders)
        Assert.Equal(tokenizer.Parts.PostProcessor, again.Parts.PostProcessor)
        Assert.Equal(tokenizer.Specials, again.Specials)

        agree
            (singles source)
            (text "text" >> Tokenizer.encode tokenizer 100_000)
            (text "text" >> Tokenizer.encode again 100_000)

    [<Fact>]
    let ``tokens of WordPiece agree`` () =
        let source = sources["WordPiece, tokenizer.json"]
        let tokenizer = source.Load()

        agree
            (singles source)
            (fun case -> [|
                for token in (case.GetProperty "tokens").EnumerateArray() -> string (token.GetString())
            |])
            (fun case ->
                Tokenizer.encode tokenizer 10_000 (text "text" case) |> Array.map (Tokenizer.tokenOf tokenizer))

    [<Fact>]
    let ``GPT-2's own vocabulary gives RoBERTa's fixture, four ids lower`` () =
        use folder = new TemporaryFolder()
        File.Copy(SharedFiles.file "data/tokenizers/gpt2-bpe/encoder.json", folder.File "vocab.json")
        File.Copy(SharedFiles.file "data/tokenizers/gpt2-bpe/vocab.bpe", folder.File "merges.txt")
        let tokenizer = TokenizerFolder.load (folder.File "") |> orFail
        let isOrdinary id = id >= 4 && id < 50_000

        let cases =
            singles sources["BPE, vocab.json and merges.txt"]
            |> List.filter (ids "ids_no_special" >> Array.forall isOrdinary)

        Assert.True(cases.Length > 150)

        agree
            cases
            (ids "ids_no_special" >> Array.map (fun id -> id - 4))
            (text "text" >> Tokenizer.encode tokenizer 100_000)

        Assert.True (Tokenizer.specials tokenizer).IsError

    [<Fact>]
    let ``the published MiniLM tokenizer is BERT's`` () =
        let folder =
            SharedFiles.file "data/tokenizers/bert-base-uncased/vocab.txt" |> Path.GetDirectoryName |> string

        let source = sources["WordPiece, tokenizer.json"]
        let tokenizer = TokenizerFolder.load folder |> orFail
        agree (singles source) (ids "ids") (text "text" >> Tokenizer.encode tokenizer 100_000)

    [<Fact>]
    let ``decoding what was encoded gives the text back, where nothing normalises it`` () =
        let tokenizer = sources["BPE, vocab.json and merges.txt"].Load()

        for case in singles sources["BPE, vocab.json and merges.txt"] do
            let text = text "text" case

            if not (text.Contains '<') then
                Assert.Equal(text, Tokenizer.decode tokenizer (Tokenizer.encode tokenizer 100_000 text))

    [<Fact>]
    let ``decoding SentencePiece's pieces gives words with blanks between`` () =
        let tokenizer = sources["Unigram, spm.model"].Load()
        let text = "In the beginning God created the heaven and the earth."
        Assert.Equal(text, Tokenizer.decode tokenizer (Tokenizer.encode tokenizer 1000 text))
