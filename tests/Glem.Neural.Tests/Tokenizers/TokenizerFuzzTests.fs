namespace Glem.Neural.Tests

open System
open System.IO
open System.Text
open Glem
open Xunit
open ModelSamples

/// Broken files of every format: an error of one line that names the file, or a tokenizer that works.
module TokenizerFuzzTests =
    /// Of each format; those that come in several kinds share them.
    let private mutations = 10_000

    /// What a mutation may put in: numbers at the edges, what JSON and text files are made of, bytes that end strings.
    let private snippets = [|
        for text in
            [
                "0"
                "-1"
                "99999999999"
                "2147483647"
                "1e999"
                "\""
                "{"
                "]"
                ","
                ":"
                "null"
                "\\ud800"
                "\\"
                " "
                "\n"
                "a"
                "[SEP]"
                "\u0000"
            ] do
            yield Encoding.UTF8.GetBytes text
        yield [| 0xFFuy |]
        yield [| 0x80uy; 0x80uy |]
        yield [| 0xFFuy; 0xFFuy; 0xFFuy; 0xFFuy; 0x07uy |]
    |]

    let private spliced (bytes: byte[]) at removed (added: byte[]) =
        Array.concat [
            Array.truncate at bytes
            added
            Array.skip (min bytes.Length (at + removed)) bytes
        ]

    let private mutate (random: Random) (bytes: byte[]) =
        let at = random.Next(bytes.Length + 1)

        match random.Next 6 with
        | 0 -> Array.truncate at bytes
        | 1 -> spliced bytes at (random.Next 8) Array.empty
        | 2 -> spliced bytes at 0 snippets[random.Next snippets.Length]
        | 3 -> spliced bytes at (random.Next 8) snippets[random.Next snippets.Length]
        | 4 -> spliced bytes at 0 (Array.truncate (random.Next 40) (Array.skip (random.Next bytes.Length) bytes))
        | _ -> spliced bytes at 1 [| byte (random.Next 256) |]

    let private text = "ab 中 É[SEP]\u0301 a;b--7 AB\uD83D"

    let private jsonOf tokenizer =
        use folder = new TemporaryFolder()
        TokenizerJsonWriter.save (folder.File "tokenizer.json") tokenizer
        File.ReadAllBytes(folder.File "tokenizer.json")

    let private vocabJson =
        let tokens = [ "<s>"; "<pad>"; "</s>"; "<unk>"; "<mask>"; "a"; "b"; "Ġ"; "ab"; "Ġab" ]
        let entries = tokens |> List.mapi (fun id token -> $"\"%s{token}\": %d{id}")
        Encoding.UTF8.GetBytes("{" + String.Join(", ", entries) + "}")

    let private merges = Encoding.UTF8.GetBytes "#version: 0.2\na b\nĠ ab\n"

    let private config =
        Encoding.UTF8.GetBytes
            """{"tokenizer_class": "RobertaTokenizerFast", "mask_token": {"content": "<mask>", "lstrip": true}, "add_prefix_space": true,
                "added_tokens_decoder": {"10": {"content": "<new>", "special": true}}}"""

    /// Folders by name, which starts with the format's: the files, of which the first is the one to break.
    let private folders =
        let smallBpe =
            Tokenizer.ofParts (bpe { plainBpe with UnknownId = Some 0 } [ "?"; "a"; "b"; "ab" ] [| struct ("a", "b") |])

        Map [
            "tokenizer.json, WordPiece", [ "tokenizer.json", jsonOf Samples.tokenizer ]
            "tokenizer.json, BPE", [ "tokenizer.json", jsonOf smallBpe ]
            "tokenizer.json, Unigram with every stage", [ "tokenizer.json", jsonOf everyStage ]
            "vocab.txt",
            [
                "vocab.txt", Encoding.UTF8.GetBytes(String.Join('\n', Samples.vocabulary.Tokens))
            ]
            "merges.txt, its vocab.json", [ "vocab.json", vocabJson; "merges.txt", merges ]
            "merges.txt, itself", [ "merges.txt", merges; "vocab.json", vocabJson ]
            "merges.txt, its tokenizer_config.json",
            [
                "tokenizer_config.json", config
                "vocab.json", vocabJson
                "merges.txt", merges
            ]
            "spm.model, unigram", [ "spm.model", spm debertaPieces 1UL ]
            "spm.model, bpe", [ "spm.model", spm debertaPieces 2UL ]
        ]

    let formats = TheoryData<string>(folders.Keys)

    [<Theory; MemberData(nameof formats)>]
    let ``a broken file is one error that names it, or a tokenizer that works`` (format: string) =
        use folder = new TemporaryFolder()
        let files = folders[format]

        for name, bytes in files do
            File.WriteAllBytes(folder.File name, bytes)

        Assert.True((TokenizerFolder.load (folder.File "")).IsOk, "the whole file loads")
        let name, whole = files.Head
        let random = Random 4
        let kind = format.Split(',')[0]
        let share = mutations / (folders.Keys |> Seq.filter (fun other -> other.StartsWith kind) |> Seq.length)
        let mutable refused = 0

        for round in 1..share do
            let broken = mutate random whole
            File.WriteAllBytes(folder.File name, broken)
            let before = GC.GetAllocatedBytesForCurrentThread()

            match TokenizerFolder.load (folder.File "") with
            | Ok tokenizer -> Tokenizer.encodePlain tokenizer text |> ignore
            | Error error ->
                refused <- refused + 1
                let message = GlemError.message error
                Assert.StartsWith(folder.File "", message)
                Assert.False(message.Length > 1000 || message.Contains '\n', message)

            let allocated = GC.GetAllocatedBytesForCurrentThread() - before
            Assert.True(allocated < 16_000_000L, $"mutation %d{round}: %d{allocated} bytes")

        Assert.InRange(refused, share / 20, share - 1)
