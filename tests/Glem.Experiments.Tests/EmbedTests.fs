namespace Glem.Experiments.Tests

open System
open System.IO
open System.Runtime.InteropServices
open System.Text
open System.Text.RegularExpressions
open System.Threading
open Glem
open Glem.Torch.Extensions
open TorchSharp
open Xunit

/// glem embed: vectors of texts for other tools.
type EmbedTests() =
    let folder = new TestFolder()

    let compute: Compute = {
        Device = torch.CPU
        Precision = Precision.Float32
        Memory = MemoryBudget.standard ()
    }

    /// Count, width and values of a .npy file of version 1.0, read as NumPy's page says.
    let npy (path: string) =
        let bytes = File.ReadAllBytes path
        Assert.Equal<byte>([| 0x93uy; byte 'N'; byte 'U'; byte 'M'; byte 'P'; byte 'Y'; 1uy; 0uy |], bytes[..7])
        let length = int (BitConverter.ToUInt16(bytes, 8))
        Assert.Equal(0, (10 + length) % 64)
        let header = Encoding.ASCII.GetString(bytes, 10, length)
        Assert.EndsWith("\n", header)
        Assert.Contains("'descr': '<f4', 'fortran_order': False", header)
        let shape = Regex.Match(header, @"'shape': \((\d+), (\d+)\)")

        let values =
            MemoryMarshal.Cast<byte, float32>(ReadOnlySpan(bytes, 10 + length, bytes.Length - 10 - length))

        int shape.Groups[1].Value, int shape.Groups[2].Value, values.ToArray()

    let safetensors (path: string) =
        use _ = torch.NewDisposeScope()
        let tensor = (Safetensors.Load path)["embeddings"]
        int tensor.shape[0], int tensor.shape[1], tensor.data<float32>().ToArray()

    let items (texts: string seq) : NewNode seq =
        texts
        |> Seq.mapi (fun i text -> {
            Id = $"t%d{i}"
            Text = text
            Neighbours = []
        })

    let request (name: string) source : EmbedRequest = {
        Compute = compute
        Source = source
        Batch = 7
        Path = folder.File name
        Number = EmbeddingType.Float32
    }

    let embedAs number name source texts =
        let request = {
            request name source with
                Number = number
        }

        (Embed.toFile request CancellationToken.None ignore (items texts) |> Result.orRaise).Texts

    let embed name source texts = embedAs EmbeddingType.Float32 name source texts

    let isClose (a: float32[]) (b: float32[]) =
        Assert.Equal(a.Length, b.Length)
        Array.zip a b |> Array.iter (fun (a, b) -> Assert.Equal(a, b, 1e-5f))

    interface IDisposable with
        member _.Dispose() = (folder :> IDisposable).Dispose()

    [<Fact>]
    member _.``vectors stand in the texts' order, whatever their lengths, batches and windows``() =
        ModelFolders.write (folder.File "encoder") "bert" |> ignore
        let source = EmbeddingSource.ofFolder (folder.File "encoder") |> Result.orRaise
        let texts = Colours.dataset.Value.Graph.Texts
        // More than a window of them.
        let many = Seq.init 5000 (fun i -> texts[i % texts.Length])

        for pooling in [ Cls; Mean; Last ] do
            let source = { source with Pooling = pooling }
            Assert.Equal(5000L, embed "many.npy" source many)
            let count, width, values = npy (folder.File "many.npy")
            Assert.Equal((5000, 16), (count, width))

            for i in [ 0; 1; 17; 4095; 4096; 4999 ] do
                embed "one.npy" source [ texts[i % texts.Length] ] |> ignore
                let _, _, one = npy (folder.File "one.npy")
                isClose one (Array.sub values (i * width) width)

            Assert.Equal<string>(Array.init 5000 (sprintf "t%d"), File.ReadAllLines(folder.File "many.npy.ids.txt"))

    [<Fact>]
    member _.``both formats hold the same numbers: what the language model itself embeds``() =
        ModelFolders.write (folder.File "encoder") "deberta-v2" |> ignore
        let source = EmbeddingSource.ofFolder (folder.File "encoder") |> Result.orRaise
        let texts = Colours.dataset.Value.Graph.Texts
        embed "a.npy" source texts |> ignore
        embed "a.safetensors" source texts |> ignore
        let saved = Checkpoint.loadLm (folder.File "encoder") |> Result.orRaise
        let model = { saved.Model with Embedding = Mean }
        let fit, _ = LanguageModel.read compute model (SavedLanguageModel.encode saved texts) saved.Weights
        let _, _, values = npy (folder.File "a.npy")
        Assert.Equal((texts.Length, 16, values), safetensors (folder.File "a.safetensors"))
        isClose (fit.Embeddings.ToArray()) values

    [<Fact>]
    member _.``shorter numbers in the file are the float32 ones, rounded``() =
        ModelFolders.write (folder.File "encoder") "bert" |> ignore
        let source = EmbeddingSource.ofFolder (folder.File "encoder") |> Result.orRaise
        let texts = Colours.dataset.Value.Graph.Texts
        embed "whole.npy" source texts |> ignore
        embedAs EmbeddingType.Float16 "half.npy" source texts |> ignore
        embedAs EmbeddingType.Float16 "half.safetensors" source texts |> ignore
        embedAs EmbeddingType.BFloat16 "brain.safetensors" source texts |> ignore
        let _, _, whole = npy (folder.File "whole.npy")
        let half = File.ReadAllBytes(folder.File "half.npy")
        Assert.Contains("'descr': '<f2'", Encoding.ASCII.GetString(half, 0, 128))

        Assert.Equal<Half>(
            whole |> Array.map Half.op_Explicit,
            MemoryMarshal.Cast<byte, Half>(ReadOnlySpan(half, 256, half.Length - 256)).ToArray()
        )

        let floats (name: string) =
            use file = new SafetensorsFile(folder.File name)
            file.Type "embeddings", file.ReadFloats "embeddings"

        let kind, values = floats "half.safetensors"
        Assert.Equal(torch.ScalarType.Float16, kind)
        Assert.Equal<float32>(whole |> Array.map (fun x -> float32 (Half.op_Explicit x: Half)), values)
        let kind, values = floats "brain.safetensors"
        Assert.Equal(torch.ScalarType.BFloat16, kind)
        Array.iter2 (fun (x: float32) y -> Assert.Equal(x, y, abs x / 256f)) whole values

    [<Fact>]
    member _.``what goes wrong on the way leaves the files that were there``() =
        ModelFolders.write (folder.File "encoder") "bert" |> ignore
        let source = EmbeddingSource.ofFolder (folder.File "encoder") |> Result.orRaise
        embed "a.npy" source [ "red" ] |> ignore
        let before = File.ReadAllBytes(folder.File "a.npy")
        folder.Write("broken.jsonl", "{\"text\": \"red\"}\n{\"txt\": \"blue\"}\n")
        let items = TextTable.stream (folder.File "broken.jsonl") |> Result.orRaise

        match Embed.toFile (request "a.npy" source) CancellationToken.None ignore items with
        | Error(InFile(_, "line 2", _, _)) -> ()
        | other -> Assert.Fail $"%A{other}"

        Assert.Equal<byte>(before, File.ReadAllBytes(folder.File "a.npy"))
        let names = Directory.GetFiles folder.Path |> Array.map (Path.GetFileName >> string) |> Array.sort
        Assert.Equal<string>([| "a.npy"; "a.npy.ids.txt"; "broken.jsonl" |], names)

    [<Fact>]
    member _.``glem embed writes a file's and a data set's vectors, with an encoder's folder or a run's``() =
        ModelFolders.write (folder.File "encoder") "bert" |> ignore
        ModelFolders.write (folder.File "run/checkpoints/lm") "bert" |> ignore
        Colours.write (folder.File "colours")
        folder.Write("texts.csv", "id,text\nx,red and blue\ny,\nz,green\n")

        let out =
            GlemProcess.succeeds folder.Path [ "embed"; "--lm"; "encoder"; "--input"; "texts.csv"; "--out"; "a.npy" ]

        Assert.Contains("3 vectors of 16 in a.npy", out)
        Assert.Equal("x\ny\nz\n", File.ReadAllText(folder.File "a.npy.ids.txt"))
        let count, _, _ = npy (folder.File "a.npy")
        Assert.Equal(3, count)

        GlemProcess.succeeds folder.Path [
            "embed"
            "--run"
            "run"
            "--dataset"
            "colours"
            "--out"
            "b.safetensors"
            "--pooling"
            "cls"
            "--tokens"
            "9"
            "--batch"
            "5"
        ]
        |> ignore

        let count, width, _ = safetensors (folder.File "b.safetensors")
        Assert.Equal((Colours.dataset.Value.Graph.NodeCount, 16), (count, width))

    [<Fact>]
    member _.``glem embed refuses what is wrong with one line, and writes nothing``() =
        ModelFolders.write (folder.File "encoder") "bert" |> ignore
        folder.Write("texts.txt", "red\n")
        folder.Write("empty.txt", "\n")
        let lm, input = [ "--lm"; "encoder" ], [ "--input"; "texts.txt" ]
        let refuses options parts = GlemProcess.refuses folder.Path ("embed" :: options) parts
        let out name = [ "--out"; name ]
        refuses (lm @ input @ out "a.txt") [ "--out"; "'.txt'"; ".npy" ]
        refuses (lm @ input @ out "absent/a.npy") [ "absent/a.npy"; "folder" ]
        refuses (input @ out "a.npy") [ "--lm"; "--run" ]
        refuses (lm @ out "a.npy") [ "--dataset"; "--input" ]
        refuses ([ "--lm"; "absent" ] @ input @ out "a.npy") [ "absent"; "no folder" ]
        refuses (lm @ [ "--input"; "empty.txt" ] @ out "a.npy") [ "empty.txt"; "no text" ]
        refuses (lm @ input @ out "a.npy" @ [ "--pooling"; "max" ]) [ "--pooling"; "max"; "one of cls, mean, last" ]
        refuses (lm @ input @ out "a.npy" @ [ "--tokens"; "21" ]) [ "--tokens"; "21"; "from 3 to 20" ]
        refuses (lm @ input @ out "a.npy" @ [ "--batch"; "0" ]) [ "--batch"; "0" ]
        refuses (lm @ input @ out "a.npy" @ [ "--precision"; "float16" ]) [ "--precision"; "float16"; "bfloat16" ]
        refuses (lm @ input @ out "a.npy" @ [ "--dtype"; "int8" ]) [ "--dtype"; "int8"; "float16" ]
        refuses (lm @ input @ out "a.npy" @ [ "--dtype"; "bfloat16" ]) [ "--dtype"; ".npy"; ".safetensors" ]
