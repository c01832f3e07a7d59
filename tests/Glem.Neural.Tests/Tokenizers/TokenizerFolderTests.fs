namespace Glem.Neural.Tests

open System.IO
open System.Text
open Glem
open Xunit
open ModelSamples

/// Folders of every kind: what their files say is heeded, and what is wrong is named.
module TokenizerFolderTests =
    let private withFiles
        (files: (string * byte[]) list)
        (see: TemporaryFolder -> Result<Tokenizer, GlemError> -> unit)
        =
        use folder = new TemporaryFolder()

        for name, bytes in files do
            File.WriteAllBytes(folder.File name, bytes)

        see folder (TokenizerFolder.load (folder.File ""))

    let private utf8 (text: string) = Encoding.UTF8.GetBytes text

    let private message files =
        let mutable found = "loaded"

        withFiles files (fun folder result ->
            match result with
            | Error error -> found <- (GlemError.message error).Replace(folder.File "", "").TrimStart('/')
            | Ok _ -> ())

        found

    let private tokens files text =
        let mutable found = ""

        withFiles files (fun _ result ->
            let tokenizer = orFail result

            found <-
                Tokenizer.encode tokenizer 100 text |> Array.map (Tokenizer.tokenOf tokenizer) |> String.concat "|")

        found

    let private vocabTxt = "vocab.txt", utf8 "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nA\nb\n"

    let private roberta =
        """{"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "a": 4, "b": 5, "Ġ": 6, "ab": 7, "Ġab": 8, "<mask>": 9}"""

    let private merges = "merges.txt", utf8 "#version: 0.2\na b\nĠ ab\n"

    let private fairseq = [
        "<unk>", 0.f, 2UL
        "<s>", 0.f, 3UL
        "</s>", 0.f, 3UL
        "▁", -2.f, 1UL
        "a", -1.f, 1UL
    ]

    [<Theory>]
    [<InlineData("{}", "[CLS]|a|a|[SEP]")>]
    [<InlineData("""{"do_lower_case": false}""", "[CLS]|a|A|[SEP]")>]
    let ``vocab.txt is lowered unless tokenizer_config.json says otherwise`` (config: string) (expected: string) =
        Assert.Equal(expected, tokens [ vocabTxt; "tokenizer_config.json", utf8 config ] "a A")

    [<Fact>]
    let ``special tokens go by the names that the folder gives them`` () =
        let files = [
            "vocab.txt", utf8 "<p>\n<u>\n<c>\n<e>\n<m>\na\n"
            "special_tokens_map.json",
            utf8
                """{"pad_token": "<p>", "unk_token": "<u>", "cls_token": {"content": "<c>"}, "sep_token": "<e>", "mask_token": "<m>"}"""
        ]

        Assert.Equal("<c>|a|<m>|<u>|<e>", tokens files "a<m>b")

    [<Fact>]
    let ``a saved folder loads as the same tokenizer, names of its own included`` () =
        let files = [
            "vocab.txt", utf8 "<p>\n<u>\n<c>\n<e>\n<m>\na\n"
            "special_tokens_map.json",
            utf8
                """{"pad_token": "<p>", "unk_token": "<u>", "cls_token": "<c>", "sep_token": "<e>", "mask_token": "<m>"}"""
        ]

        withFiles files (fun _ result ->
            use copy = new TemporaryFolder()
            let tokenizer = orFail result
            TokenizerFolder.save (copy.File "") 16 tokenizer
            Assert.Equal<string>([| "tokenizer.json"; "tokenizer_config.json" |], copy.Names)
            let again = TokenizerFolder.load (copy.File "") |> orFail
            Assert.Equal(tokenizer.Specials, again.Specials)
            Assert.Equal<int>(Tokenizer.encode tokenizer 16 "a<m>b", Tokenizer.encode again 16 "a<m>b"))

    [<Fact>]
    let ``added tokens of both files are found in the text`` () =
        let files = [
            vocabTxt
            "added_tokens.json", utf8 """{"<new>": 8}"""
            "tokenizer_config.json",
            utf8 """{"added_tokens_decoder": {"9": {"content": "<b>", "special": true, "normalized": false}}}"""
        ]

        Assert.Equal("[CLS]|a|<new>|<b>|b|[SEP]", tokens files "a<new><b>b")

    [<Fact>]
    let ``DeBERTa v1's vocabulary is surrounded as BERT's, RoBERTa's as RoBERTa's`` () =
        let deberta =
            roberta
                .Replace("<s>", "[CLS]")
                .Replace("</s>", "[SEP]")
                .Replace("<pad>", "[PAD]")
                .Replace("<unk>", "[UNK]")
                .Replace("<mask>", "[MASK]")

        Assert.Equal("<s>|ab|Ġab|</s>", tokens [ "vocab.json", utf8 roberta; merges ] "ab ab")
        Assert.Equal("[CLS]|ab|Ġab|[SEP]", tokens [ "vocab.json", utf8 deberta; merges ] "ab ab")

        Assert.Equal(
            "<s>|Ġab|<mask>|Ġab|</s>",
            tokens
                [
                    "vocab.json", utf8 roberta
                    merges
                    "tokenizer_config.json",
                    utf8 """{"tokenizer_class": "RobertaTokenizer", "add_prefix_space": true}"""
                ]
                "ab <mask> ab"
        )

    [<Fact>]
    let ``DeBERTa's spm.model keeps its ids, and the mask comes after them`` () =
        withFiles [ "spm.model", spm debertaPieces 1UL ] (fun _ result ->
            let tokenizer = orFail result
            Assert.Equal<int>([| 1; 8; 4; 5; 9; 2 |], Tokenizer.encode tokenizer 100 "ab  a[MASK]")
            Assert.Equal(9, tokenizer.Specials.Mask)
            Assert.Equal(10, tokenizer.VocabularySize))

    [<Theory>]
    [<InlineData("XLMRobertaTokenizer", "<s>|▁|a|</s>", 5)>]
    [<InlineData("CamembertTokenizer", "<s>|▁|a|</s>", 8)>]
    let ``fairseq's families number pieces after their own special tokens`` (family: string) (expected: string) a =
        let files = [
            "sentencepiece.bpe.model", spm fairseq 1UL
            "tokenizer_config.json", utf8 $"{{\"tokenizer_class\": \"{family}\"}}"
        ]

        Assert.Equal(expected, tokens files "a")

        withFiles files (fun _ result ->
            let tokenizer = orFail result
            Assert.Equal(Some a, Tokenizer.idOf tokenizer "a")
            Assert.Equal(a + 1, tokenizer.Specials.Mask)
            Assert.Equal(3, tokenizer.Specials.Unknown))

    [<Fact>]
    let ``sentencepiece's BPE merges the best scored piece first`` () =
        Assert.Equal("[CLS]|▁ab|ab|[SEP]", tokens [ "spm.model", spm debertaPieces 2UL ] "abab")

    [<Fact>]
    let ``ids that are left out before an added token have no token`` () =
        withFiles [ vocabTxt; "added_tokens.json", utf8 """{"<new>": 10}""" ] (fun folder result ->
            let tokenizer = orFail result
            Assert.Equal(11, tokenizer.VocabularySize)
            Assert.Equal("", Tokenizer.tokenOf tokenizer 9)
            let path = folder.File "tokenizer.json"
            TokenizerJsonWriter.save path tokenizer

            Assert.Equal<string>(
                tokenizer.Parts.Vocabulary.Tokens,
                (TokenizerJsonReader.load path |> orFail).Parts.Vocabulary.Tokens
            ))

    [<Fact>]
    let ``every stage that is written is read again`` () =
        use folder = new TemporaryFolder()
        let path = folder.File "tokenizer.json"
        TokenizerJsonWriter.save path everyStage
        let loaded = TokenizerJsonReader.load path |> orFail
        Assert.Equal<Normalizer list>(everyStage.Parts.Normalizers, loaded.Parts.Normalizers)
        Assert.Equal<PreTokenizer list>(everyStage.Parts.PreTokenizers, loaded.Parts.PreTokenizers)
        Assert.Equal(everyStage.Parts.PostProcessor, loaded.Parts.PostProcessor)

        Assert.Equal<Decoder list>(everyStage.Parts.Decoders, loaded.Parts.Decoders)

    [<Fact>]
    let ``what is wrong in a folder is named`` () =
        let spmFile bytes = [ "spm.model", bytes ]
        let good = spm debertaPieces 1UL

        for expected, files in
            [
                ": found no tokenizer, expected tokenizer.json, spm.model, vocab.json with merges.txt, or vocab.txt", []
                "vocab.txt: found no '[MASK]', expected BERT's special tokens",
                [ "vocab.txt", utf8 "[PAD]\n[UNK]\n[CLS]\n[SEP]\n" ]
                "merges.txt, line 3: found 'Ġ  ab', expected two tokens with a blank between",
                [ "vocab.json", utf8 roberta; "merges.txt", utf8 "#version: 0.2\na b\nĠ  ab\n" ]
                "merges.txt, line 3: found 'x', expected tokens of vocab.json",
                [ "vocab.json", utf8 roberta; "merges.txt", utf8 "#version: 0.2\na b\nx b\n" ]
                "vocab.json: found id 90 for '<mask>', expected id 9: ids are 0, 1, 2, … without gap or repetition",
                [ "vocab.json", utf8 (roberta.Replace("9}", "90}")); merges ]
                "vocab.json, key 'a': found \"4\", expected a whole number",
                [ "vocab.json", utf8 (roberta.Replace("4", "\"4\"")); merges ]
                "tokenizer_config.json, key 'tokenizer_class': found 'T5Tokenizer', expected DebertaV2Tokenizer, XLMRobertaTokenizer or CamembertTokenizer",
                [
                    "spm.model", good
                    "tokenizer_config.json", utf8 """{"tokenizer_class": "T5TokenizerFast"}"""
                ]
                "tokenizer_config.json, line 1: found what is not JSON, expected tokenizer_config.json",
                [ vocabTxt; "tokenizer_config.json", utf8 "{" ]
                "spm.model, byte 2: found a field of 14 bytes with 8 left, expected a field within its message",
                spmFile (Array.truncate 10 good)
                "spm.model, key 'trainer_spec.model_type': found 3, expected 1 (unigram) or 2 (bpe)",
                spmFile (spm debertaPieces 3UL)
                "spm.model, key 'pieces[0].score': found NaN, expected a number", spmFile (spm [ "a", nanf, 1UL ] 1UL)
                "spm.model, key 'pieces': found none of type UNKNOWN, expected one", spmFile (spm [ "a", 0.f, 1UL ] 1UL)
            ] do
            Assert.Equal(expected, message files)
