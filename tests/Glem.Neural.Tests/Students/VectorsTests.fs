module Glem.Neural.Tests.VectorsTests

open System
open System.IO
open FsCheck
open Glem
open TorchSharp
open Xunit

/// Everything goes to a file.
let private inFiles (folder: TemporaryFolder) : MemoryBudget = {
    Vectors = 0L
    Folder = folder.File "vectors"
}

[<Fact>]
let ``vectors are the same in memory and in a file, in whatever order they come`` () =
    use folder = new TemporaryFolder()

    Check.One(
        Config.QuickThrowOnFailure,
        fun (count: NonNegativeInt) (width: PositiveInt) (seed: int) ->
            let n, d = count.Get, width.Get
            let random = Random seed
            let values = Array.init (n * d) (fun _ -> random.NextSingle())
            let order = Array.init n id
            random.Shuffle order

            let built =
                Vectors.build (inFiles folder) n d (fun write ->
                    for row in order do
                        write row (ReadOnlyMemory(values, row * d, d)))

            use _ = torch.NewDisposeScope()

            built = Vectors.ofArray d values
            && built.ToArray() = values
            && Array.forall (fun i -> built.Row(i).ToArray() = Array.sub values (i * d) d) order
            && (Vectors.toTensor torch.CPU built).data<float32>().ToArray() = values
    )

[<Fact>]
let ``vectors that come in blocks of columns are the same in memory and in a file`` () =
    use folder = new TemporaryFolder()

    Check.One(
        Config.QuickThrowOnFailure,
        fun (NonNegativeInt n) (PositiveInt d) (seed: int) ->
            use _ = torch.NewDisposeScope()
            let random = Random seed
            let values = Array.init (n * d) (fun _ -> random.NextSingle())
            let all = torch.tensor(values).reshape [| int64 n; int64 d |]
            let blocks = [| 0 .. d - 1 |] |> Array.splitInto (random.Next(1, d + 1))
            random.Shuffle blocks

            let built memory =
                Vectors.buildByColumns memory n d (fun write ->
                    for columns in blocks do
                        let block = all.narrow (1L, int64 columns[0], int64 columns.Length)
                        write columns[0] (block.contiguous ()))

            let rows = Array.init (min n 3) (fun _ -> random.Next n)
            let part = built (inFiles folder) |> Vectors.some rows (d / 2) (d - d / 2)

            built (inFiles folder) = Vectors.ofArray d values
            && built (MemoryBudget.standard ()) = Vectors.ofArray d values
            && part.data<float32>().ToArray() =
                Array.collect (fun row -> values[row * d + d / 2 .. row * d + d - 1]) rows
    )

[<Fact>]
let ``vectors of other numbers, or of another width, are not equal`` () =
    let vectors = Vectors.ofArray 2 [| 1f; 2f; 3f; 4f |]
    Assert.NotEqual(vectors, Vectors.ofArray 2 [| 1f; 2f; 3f; 5f |])
    Assert.NotEqual(vectors, Vectors.ofArray 4 [| 1f; 2f; 3f; 4f |])
    Assert.Throws<ArgumentException>(fun () -> Vectors.ofArray 3 [| 1f; 2f |] |> ignore)

[<Fact>]
let ``both students give the same bits where embeddings are in a file, which is gone with them`` () =
    use folder = new TemporaryFolder()
    let inMemory = Golden.cpu Precision.Float32

    let inFile = {
        inMemory with
            Memory = inFiles folder
    }

    let recipe = { TinyTask.recipe with Epochs = 1.0 }
    let lm, q = TinyTask.fitLm inMemory TinyTask.key recipe
    let mapped, again = TinyTask.fitLm inFile TinyTask.key recipe
    Assert.Equal(q, again)
    Assert.Equal(lm.Embeddings, mapped.Embeddings)
    use graph = GraphTensors.ofCsr torch.CPU TinyTask.edges

    let gnn (features: Vectors) =
        GraphModel.initial TinyTask.key TinyTask.gcn
        |> GraphModel.fit inFile TinyTask.gcn (TinyTask.stage TinyTask.key recipe) graph {
            Features = features
            Labels = None
        }

    Assert.Equal(snd (gnn lm.Embeddings), snd (gnn mapped.Embeddings))

    if not (OperatingSystem.IsWindows()) then
        Assert.Empty(Directory.GetFiles(folder.File "vectors"))

[<Fact>]
let ``a mapped file gives no more than it holds`` () =
    use folder = new TemporaryFolder()
    let path = folder.File "bytes"
    File.WriteAllBytes(path, Array.init 100 byte)
    let file = MappedFile.Open path
    Assert.Equal<byte>([| 96uy; 97uy; 98uy; 99uy |], (file.Memory<byte>(96L, 4)).ToArray())
    Assert.Equal<int>([| BitConverter.ToInt32([| 4uy; 5uy; 6uy; 7uy |], 0) |], (file.Memory<int>(4L, 1)).ToArray())

    for offset, count in
        [
            -1L, 1
            0L, -1
            0L, 26
            97L, 1
            101L, 0
            Int64.MaxValue, 1
            0L, Int32.MaxValue
        ] do
        Assert.Throws<ArgumentOutOfRangeException>(fun () -> file.Memory<int>(offset, count) |> ignore)
        |> ignore

    File.WriteAllBytes(folder.File "empty", [||])
    let empty = MappedFile.Open(folder.File "empty")
    Assert.Equal(0, (empty.Memory<int>(0L, 0)).Length)
