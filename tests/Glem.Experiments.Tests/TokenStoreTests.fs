namespace Glem.Experiments.Tests

open System
open System.IO
open System.Threading.Tasks
open Glem
open Xunit

/// Tokenised texts, and the tokenizers learnt from them, on disk.
type TokenStoreTests() =
    let folder = new TestFolder()
    let notices = ResizeArray<string>()

    let store: TokenStore = {
        Folder = folder.File "tokens"
        Notice = fun text -> lock notices (fun () -> notices.Add text)
    }

    let training = {
        WordPieceTrainer.defaults with
            VocabularySize = 250
    }

    let texts = Colours.dataset.Value.Graph.Texts
    let tokenizer = WordPieceTrainer.train training texts |> Result.orRaise

    let expected (texts: string[]) = texts |> Array.map (fun text -> Tokenizer.encode tokenizer 20 text)

    let encode texts = TokenStore.encode store tokenizer 20 texts |> Array.map _.ToArray()
    let files () = Directory.GetFiles(store.Folder) |> Array.sort

    interface IDisposable with
        member _.Dispose() = (folder :> IDisposable).Dispose()

    [<Fact>]
    member _.``tokens from the store are the tokenizer's, over blocks and with empty texts``() =
        let many =
            Array.init (TextPass.block + 100) (fun i -> if i % 7 = 0 then "" else texts[i % texts.Length])

        let expected = expected many
        Assert.Equal<int[][]>(expected, encode many)
        let path = Assert.Single(files ())
        let written = File.GetLastWriteTimeUtc path
        Assert.Equal<int[][]>(expected, encode many)
        Assert.Equal(written, File.GetLastWriteTimeUtc path)
        Assert.Equal<int[][]>([||], encode [||])
        Assert.Empty notices

    [<Fact>]
    member _.``other texts, another tokenizer or another limit are other files``() =
        encode texts |> ignore
        encode (Array.rev texts) |> ignore
        encode texts[1..] |> ignore
        // The same letters, divided otherwise.
        encode [| texts[0] + texts[1] |] |> ignore
        encode [| texts[0]; texts[1] |] |> ignore
        TokenStore.encode store tokenizer 19 texts |> ignore

        let cased = {
            training with
                Normalizer = {
                    training.Normalizer with
                        Lowercase = false
                }
        }

        let other = WordPieceTrainer.train cased texts |> Result.orRaise
        TokenStore.encode store other 20 texts |> ignore
        Assert.Equal(7, (files ()).Length)
        Assert.Empty notices

    [<Fact>]
    member _.``a tokenizer is learnt once, and comes back as it was``() =
        for _ in 1..2 do
            let learnt = TokenStore.learn store training texts |> Result.orRaise
            Assert.Equal(tokenizer.VocabularySize, learnt.VocabularySize)

            for id in 0 .. tokenizer.VocabularySize - 1 do
                Assert.Equal(Tokenizer.tokenOf tokenizer id, Tokenizer.tokenOf learnt id)

            Assert.Equal(tokenizer.Specials, learnt.Specials)
            Assert.Equal<int[][]>(expected texts, TokenStore.encode store learnt 20 texts |> Array.map _.ToArray())
            Assert.Equal(2, (files ()).Length)

        TokenStore.learn store { training with VocabularySize = 200 } texts |> ignore
        Assert.Equal(3, (files ()).Length)

        match TokenStore.learn store { training with VocabularySize = 3 } texts with
        | Error(InValue("VocabularySize", "3", _)) -> ()
        | other -> Assert.Fail $"%A{other}"

        Assert.Equal(3, (files ()).Length)
        Assert.Empty notices

    [<Fact>]
    member _.``a damaged file is one notice, and made again``() =
        TokenStore.learn store training texts |> ignore
        encode texts |> ignore

        for path in files () do
            let whole = File.ReadAllBytes path

            let damaged: byte[] list = [
                [||]
                whole[..30]
                whole[.. whole.Length - 2]
                Array.append whole [| 0uy |]
                for at in [ 0; 16; 23; 24; 55; 64; whole.Length / 2; whole.Length - 1 ] do
                    whole |> Array.updateAt at (whole[at] ^^^ 0x10uy)
            ]

            for bytes in damaged do
                File.WriteAllBytes(path, bytes)
                notices.Clear()
                let learnt = TokenStore.learn store training texts |> Result.orRaise
                Assert.Equal<int[][]>(expected texts, TokenStore.encode store learnt 20 texts |> Array.map _.ToArray())
                Assert.Contains(Path.GetFileName path |> string, Assert.Single notices)
                Assert.Equal<byte>(whole, File.ReadAllBytes path)

    [<Fact>]
    member _.``sizes that lie are refused, whatever the checksum says``() =
        let path = folder.File "lie.tokens"

        let refused (content: int64 list) =
            CheckedFile.write path "glem tokens 1" (fun stream ->
                for number in content do
                    stream.Write(ReadOnlySpan(BitConverter.GetBytes number)))

            Assert.Throws<InvalidDataException>(fun () -> TokenFile.read path |> ignore) |> ignore

        refused []
        refused [ 0L; 1L <<< 60; 0L ]
        refused [ 0L; 0L; 1L <<< 60 ]
        refused [ 0L; -1L; 0L ]
        refused [ 0L; 0L; -1L ]
        refused [ 0L; Int64.MaxValue; Int64.MaxValue ]
        // One text of two ids: offsets that run backwards, begin late, or end elsewhere.
        refused [ 7L; 2L; 0L; 1L; 2L ]
        refused [ 7L; 1L; 2L; 1L; 2L ]
        refused [ 7L; 0L; 1L; 1L; 2L ]
        refused [ 7L; 0L; 3L; 2L; 2L; 2L ]
        refused [ 7L; 0L; -1L; 2L; 2L; 2L ]

    [<Fact>]
    member _.``racing for a file, all get the same tokens, and one file is left``() =
        let expected = expected texts
        let found: int[][][] = Array.zeroCreate 8
        Parallel.For(0, 8, (fun i -> found[i] <- encode texts)) |> ignore

        for tokens in found do
            Assert.Equal<int[][]>(expected, tokens)

        Assert.Single(files ()) |> ignore
        Assert.Empty notices

    [<Fact>]
    member _.``where nothing can be written, texts are tokenised all the same``() =
        folder.Write("tokens", "a file, where the folder should be")
        let learnt = TokenStore.learn store training texts |> Result.orRaise
        Assert.Equal<int[][]>(expected texts, TokenStore.encode store learnt 20 texts |> Array.map _.ToArray())
        Assert.Equal(2, notices.Count)
