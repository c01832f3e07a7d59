namespace Glem.Experiments.Tests

open System
open System.IO
open System.Threading
open Glem
open TorchSharp
open Xunit

/// Embedding passes that are interrupted, and go on.
type EmbedRestartTests() =
    let folder = new TestFolder()
    do ModelFolders.write (folder.File "encoder") "bert" |> ignore

    let request: EmbedRequest = {
        Compute = {
            Device = torch.CPU
            Precision = Precision.Float32
            Memory = MemoryBudget.standard ()
        }
        Source = EmbeddingSource.ofFolder (folder.File "encoder") |> Result.orRaise
        Batch = 128
        Path = folder.File "a.npy"
        Number = EmbeddingType.Float32
    }

    let texts = Colours.dataset.Value.Graph.Texts

    /// A block and a half, of 192 batches.
    let items: NewNode[] =
        Array.init (TextPass.block * 3 / 2) (fun i -> {
            Id = $"t%d{i}"
            Text = texts[i % texts.Length].Substring(0, 1 + i % 11)
            Neighbours = []
        })

    /// Runs a pass until so many texts are done; how many a pass before it had done.
    let runUntil count (request: EmbedRequest) items =
        use source = new CancellationTokenSource()

        let mutable last = {
            Texts = 0L
            Resumed = 0L
            Tokens = 0L
        }

        let watch (progress: EmbedProgress) =
            last <- progress

            if progress.Texts >= count then
                source.Cancel()

        try
            Embed.toFile request source.Token watch items |> Result.orRaise |> ignore
            Assert.Fail "the pass was not interrupted"
        with :? OperationCanceledException as problem ->
            Assert.Contains("same command", problem.Message)

        last.Resumed

    let finish (request: EmbedRequest) items =
        (Embed.toFile request CancellationToken.None ignore items |> Result.orRaise).Resumed

    let bytes (path: string) = File.ReadAllBytes path, File.ReadAllText(path + ".ids.txt")

    /// What an undisturbed pass writes.
    let undisturbed (request: EmbedRequest) items =
        let request = {
            request with
                Path = folder.File "undisturbed.npy"
        }

        finish request items |> ignore
        bytes request.Path

    let isUndisturbed (request: EmbedRequest) items =
        let expected, ids = undisturbed request items
        let found, foundIds = bytes request.Path
        Assert.Equal(expected.Length, found.Length)
        Assert.True(ReadOnlySpan(expected).SequenceEqual(ReadOnlySpan found))
        Assert.Equal(ids, foundIds)
        Assert.Empty(Directory.GetFiles(folder.Path, "*.partial"))
        Assert.Empty(Directory.GetFiles(folder.Path, "*.journal"))

    interface IDisposable with
        member _.Dispose() = (folder :> IDisposable).Dispose()

    [<Fact>]
    member _.``a pass that is interrupted here and there ends with the bytes of an undisturbed one``() =
        let block = int64 TextPass.block
        // In the first batch, in a block, at its end, behind it, in the last one.
        let stops = [ 1L; 3000L; block; block + 1L; block + 5000L ]

        let resumed = stops |> List.map (fun stop -> runUntil stop request items)
        // A batch that was done is not done again.
        Assert.Equal<int64 list>([ 0L; 128L; 3072L; block; block + 128L ], resumed)
        Assert.Equal(block + 5120L, finish request items)
        isUndisturbed request items

    [<Fact>]
    member _.``a record that was torn costs its batches and nothing else``() =
        let journal = request.Path + ".journal"
        let items = items[..5999]
        // Five records of 1,024 texts.
        runUntil 5000L request items |> ignore
        let whole = File.ReadAllBytes journal
        let partial = File.ReadAllBytes(request.Path + ".partial")

        let damaged: byte[] list = [
            whole[.. whole.Length - 2]
            whole[.. whole.Length - 64]
            Array.append whole [| 1uy; 2uy; 3uy |]
            whole |> Array.updateAt (whole.Length - 60) 9uy
            whole |> Array.updateAt 70 9uy
            whole[..63]
            whole[..10]
            [||]
        ]

        let resumed = [ 4096L; 4096L; 5120L; 4096L; 0L; 0L; 0L; 0L ]

        for bytes, expected in List.zip damaged resumed do
            File.WriteAllBytes(journal, bytes)
            File.WriteAllBytes(request.Path + ".partial", partial)
            Assert.Equal(expected, finish request items)
            isUndisturbed request items

    [<Fact>]
    member _.``a pass goes on only where the texts are those that it saw``() =
        runUntil (int64 TextPass.block + 1L) request items |> ignore
        let change at = items |> Array.updateAt at { items[at] with Text = "ruby" }
        let changed = change (TextPass.block + 3)
        Assert.Equal(int64 TextPass.block, finish request changed)
        isUndisturbed request changed

        runUntil (int64 TextPass.block + 1L) request items |> ignore
        let changed = change 3
        Assert.Equal(0L, finish request changed)
        isUndisturbed request changed

    [<Fact>]
    member _.``another request begins anew, and a shorter file ends where it ends``() =
        let few = items[..999]
        runUntil 500L request items |> ignore

        let other = {
            request with
                Source = { request.Source with Pooling = Cls }
        }

        Assert.Equal(0L, finish other few)
        isUndisturbed other few

    [<Fact>]
    member _.``vectors that are gone are made again``() =
        runUntil 500L request items |> ignore
        File.Delete(request.Path + ".partial")
        Assert.Equal(0L, finish request items)
        isUndisturbed request items

    [<Fact>]
    member _.``an error in the input costs nothing that was done before it``() =
        let broken = seq {
            yield! items[.. TextPass.block + 9]
            raise (GlemException(InFile("texts.jsonl", "line 17000", "nothing", "a text")))
        }

        match Embed.toFile request CancellationToken.None ignore broken with
        | Error(InFile("texts.jsonl", _, _, _)) -> ()
        | other -> Assert.Fail $"%A{other}"

        Assert.Equal(int64 TextPass.block, finish request items)
        isUndisturbed request items

    [<Fact>]
    member _.``two passes do not write to one file``() =
        use _ = PassJournal.Open(request.Path + ".journal", Array.zeroCreate 32)

        match Embed.toFile request CancellationToken.None ignore items with
        | Error(InFile(path, _, _, _)) -> Assert.Equal(request.Path, path)
        | other -> Assert.Fail $"%A{other}"
