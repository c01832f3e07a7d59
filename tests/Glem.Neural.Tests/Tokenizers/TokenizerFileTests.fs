namespace Glem.Neural.Tests

open System.IO
open FsCheck
open FsCheck.FSharp
open Glem
open Xunit

/// tokenizer.json and vocab.txt: what is written is read again, and what is wrong is named.
module TokenizerFileTests =
    let private good () =
        use folder = new TemporaryFolder()
        let path = folder.File "tokenizer.json"
        TokenizerJsonWriter.save path Samples.tokenizer
        File.ReadAllText path

    /// The message for a file with one thing replaced.
    let private messageFor (before: string) (after: string) =
        use folder = new TemporaryFolder()
        let path = folder.File "tokenizer.json"
        let text = good ()
        Assert.Contains(before, text)
        File.WriteAllText(path, text.Replace(before, after))

        match TokenizerJsonReader.load path with
        | Ok _ -> "loaded"
        | Error error ->
            let message = GlemError.message error
            Assert.StartsWith(path, message)
            message.Substring path.Length

    [<Fact>]
    let ``a saved tokenizer is loaded as the same one`` () =
        use folder = new TemporaryFolder()
        let path = folder.File "tokenizer.json"

        let law (normalizer, text) =
            let saved = Samples.tokenizerWith normalizer
            TokenizerJsonWriter.save path saved

            match TokenizerJsonReader.load path with
            | Error _ -> false
            | Ok loaded ->
                loaded.Parts.Normalizers = [ Normalizer.Bert normalizer ]
                && loaded.Parts.AddedTokens = saved.Parts.AddedTokens
                && loaded.Parts.PostProcessor = saved.Parts.PostProcessor
                && loaded.Parts.Decoders = saved.Parts.Decoders
                && Seq.toList loaded.Parts.Vocabulary.Tokens = Seq.toList saved.Parts.Vocabulary.Tokens
                && Tokenizer.encode loaded 100 text = Tokenizer.encode saved 100 text

        Check.One(Config.QuickThrowOnFailure, Prop.forAll (Arb.fromGen (Gen.zip Samples.normalizers Samples.text)) law)

    [<Fact>]
    let ``saving leaves one file and the same bytes each time`` () =
        use folder = new TemporaryFolder()
        let path = folder.File "tokenizer.json"
        TokenizerJsonWriter.save path Samples.tokenizer
        let first = File.ReadAllBytes path
        TokenizerJsonWriter.save path Samples.tokenizer
        Assert.Equal<byte>(first, File.ReadAllBytes path)
        Assert.Equal<string>([| "tokenizer.json" |], folder.Names)

    [<Fact>]
    let ``vocab.txt is read as it was written`` () =
        use folder = new TemporaryFolder()
        let path = folder.File "vocab.txt"
        VocabularyFile.save path Samples.vocabulary

        match VocabularyFile.load path with
        | Ok vocabulary -> Assert.Equal<string>(Samples.vocabulary.Tokens, vocabulary.Tokens)
        | Error error -> Assert.Fail(GlemError.message error)

    [<Fact>]
    let ``a token that stands twice in vocab.txt is named with its line`` () =
        use folder = new TemporaryFolder()
        let path = folder.File "vocab.txt"
        File.WriteAllText(path, "[PAD]\nab\ncd\nab\n")

        match VocabularyFile.load path with
        | Error error ->
            Assert.Equal(
                $"%s{path}, line 4: found 'ab' a second time, expected every token once",
                GlemError.message error
            )
        | Ok _ -> Assert.Fail "loaded"

    [<Fact>]
    let ``a file that is not there is an error`` () =
        use folder = new TemporaryFolder()

        for result in
            [
                TokenizerJsonReader.load (folder.File "tokenizer.json") |> Result.map ignore
                VocabularyFile.load (folder.File "vocab.txt") |> Result.map ignore
            ] do
            match result with
            | Error(InFile(file, _, _, _)) -> Assert.StartsWith(folder.File "", file)
            | other -> Assert.Fail $"%A{other}"

    [<Theory>]
    [<InlineData("\"type\": \"WordPiece\",\n    \"unk",
                 "\"type\": \"WordLevel\",\n    \"unk",
                 "key 'model.type': found 'WordLevel', expected WordPiece or BPE or Unigram: no other is supported")>]
    [<InlineData("\"BertPreTokenizer\"",
                 "\"UnicodeScripts\"",
                 "key 'pre_tokenizer.type': found 'UnicodeScripts', expected BertPreTokenizer or Whitespace or ")>]
    [<InlineData("\"lowercase\": true",
                 "\"lowercase\": 1",
                 "key 'normalizer.lowercase': found 1, expected true or false")>]
    [<InlineData("\"clean_text\": true,", "", "key 'normalizer': found nothing, expected a field 'clean_text'")>]
    [<InlineData("\"##bc\": 14", "\"##bc\": 4000", "key 'model.vocab': found id 15 for '##ca', expected id 14")>]
    [<InlineData("\"##bc\": 14", "\"##bc\": \"14\"", "key 'model.vocab.##bc': found \"14\", expected a whole number")>]
    [<InlineData("\"unk_token\": \"[UNK]\"",
                 "\"unk_token\": \"[unk]\"",
                 "key 'model.unk_token': found \"[unk]\", expected a token of the vocabulary")>]
    [<InlineData("\"[MASK]\"", "\"[mask]\"", "key 'model.vocab': found no '[MASK]', expected BERT's special tokens")>]
    [<InlineData("\"id\": \"B\"",
                 "\"id\": \"A\"",
                 "key 'post_processor.pair': found Sequences A, A, expected Sequences A, B")>]
    [<InlineData("\"padding\": null,", "\"padding\": null,,", "line 4: found what is not JSON")>]
    [<InlineData("\"TemplateProcessing\"",
                 "\"Padding\"",
                 "key 'post_processor.type': found 'Padding', expected TemplateProcessing or BertProcessing")>]
    let ``what is wrong in a tokenizer.json is named`` (before: string) (after: string) (message: string) =
        Assert.Contains(message, messageFor before after)

    [<Fact>]
    let ``truncation and padding of the file leave the ids to the caller`` () =
        use folder = new TemporaryFolder()
        let path = folder.File "tokenizer.json"

        let text =
            (good ())
                .Replace(
                    "\"truncation\": null",
                    """ "truncation": {"direction":"Right","max_length":4,"strategy":"LongestFirst","stride":0} """
                )
                .Replace(
                    "\"padding\": null",
                    """ "padding": {"strategy":{"Fixed":4},"direction":"Right","pad_to_multiple_of":null,"pad_id":0,"pad_type_id":0,"pad_token":"[PAD]"} """
                )

        File.WriteAllText(path, text)

        match TokenizerJsonReader.load path with
        | Ok loaded ->
            Assert.Equal<int>(
                Tokenizer.encode Samples.tokenizer 100 "a b c a b c",
                Tokenizer.encode loaded 100 "a b c a b c"
            )
        | Error error -> Assert.Fail(GlemError.message error)
