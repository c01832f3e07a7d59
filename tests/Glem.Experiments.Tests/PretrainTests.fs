namespace Glem.Experiments.Tests

open System
open System.IO
open System.Text.Json.Nodes
open FsCheck
open FsCheck.FSharp
open Glem
open TorchSharp
open Xunit

/// Encoders trained on texts alone.
type PretrainTests() =
    let folder = new TestFolder()
    let texts = Colours.dataset.Value.Graph.Texts

    let request name : PretrainRequest = {
        Recipe = Colours.recipe |> Settings.setAll [ "mlm.fit.epochs=2"; "lm.maxTokens=16" ] |> Result.orRaise
        Texts = texts
        Seed = 4
        Compute = {
            Device = torch.CPU
            Precision = Precision.Float32
            Memory = MemoryBudget.standard ()
        }
        Dtype = torch.ScalarType.Float32
        Output = folder.File name
        Command = "a test"
    }

    let run request stops = Pretrain.run request stops Witness.silent
    let never () = false
    let bytes name file = File.ReadAllBytes(Path.Combine(folder.File name, file))

    interface IDisposable with
        member _.Dispose() = (folder :> IDisposable).Dispose()

    [<Fact>]
    member _.``what pre-training makes is an encoder to start a study from, with nothing left over``() =
        run (request "model") never |> Result.orRaise |> ignore
        let model = PretrainedModel.load (folder.File "model") |> Result.orRaise
        Assert.Empty model.Tensors.Ignored
        Assert.Empty model.Tensors.Unexpected
        Assert.False(Directory.Exists(Pretrain.partialFolder (folder.File "model")))

        let path = folder.File "model"

        let recipe =
            Colours.recipe
            |> Settings.setAll [ $"lm.pretrained=%s{path}"; "mlm.fit.epochs=0" ]
            |> Result.orRaise

        use study =
            Study.prepare (request "").Compute (fun _ _ -> ()) recipe Colours.dataset.Value 0 |> Result.orRaise

        let weights = Study.pretrainEncoder study

        for pair in model.Weights do
            Assert.Equal<float32>(pair.Value.Values, weights[pair.Key].Values)

        let record = JsonNode.Parse(File.ReadAllText(folder.File "model/pretrain.json")) |> nonNull
        Assert.Equal(Corpus.fingerprint texts, string record["corpus"])
        Assert.Equal(texts.Length, (nonNull record["texts"]).GetValue<int>())

    [<Fact>]
    member _.``an interrupted pre-training goes on with the same bits, and says how far it was``() =
        run (request "whole") never |> Result.orRaise |> ignore
        let mutable asked = 0

        let afterThree () =
            asked <- asked + 1
            asked >= 3

        match run (request "parts") afterThree |> Result.orRaise with
        | Pretrained.Interrupted(step, steps) ->
            Assert.Equal(3, step)
            Assert.True(steps > step)
        | Pretrained.Whole _ -> failwith "it was not interrupted"

        Assert.False(Directory.Exists(folder.File "parts"))
        run (request "parts") never |> Result.orRaise |> ignore

        for file in [ "model.safetensors"; "tokenizer.json"; "config.json" ] do
            Assert.Equal<byte>(bytes "whole" file, bytes "parts" file)

    [<Fact>]
    member _.``a line of losses that a kill tore does not stop pre-training from going on``() =
        run (request "whole") never |> Result.orRaise |> ignore
        run (request "parts") (fun () -> true) |> Result.orRaise |> ignore
        let log = Path.Combine(Pretrain.partialFolder (folder.File "parts"), "losses.jsonl")
        File.AppendAllText(log, "{\"step\":2,\"lo")
        run (request "parts") never |> Result.orRaise |> ignore
        Assert.Equal<byte>(bytes "whole" "model.safetensors", bytes "parts" "model.safetensors")

    [<Fact>]
    member _.``what was interrupted is not gone on with by another request``() =
        run (request "model") (fun () -> true) |> Result.orRaise |> ignore

        let others = [
            { request "model" with Seed = 5 }
            {
                request "model" with
                    Texts = Array.tail texts
            }
        ]

        for other in others do
            match run other never with
            | Ok _ -> failwith "it went on"
            | Error error -> Assert.Contains("identity.json", GlemError.message error)

    [<Fact>]
    member _.``float16 weights are half as long, and read back as what they round to``() =
        run (request "whole") never |> Result.orRaise |> ignore

        run
            {
                request "half" with
                    Dtype = torch.ScalarType.Float16
            }
            never
        |> Result.orRaise
        |> ignore

        let whole = (PretrainedModel.load (folder.File "whole") |> Result.orRaise).Weights
        let half = (PretrainedModel.load (folder.File "half") |> Result.orRaise).Weights

        for pair in whole do
            let rounded = pair.Value.Values |> Array.map (fun value -> float32 (Half.op_Explicit value: Half))
            Assert.Equal<float32>(rounded, half[pair.Key].Values)

        let size name = float (bytes name "model.safetensors").Length
        Assert.InRange(size "half" / size "whole", 0.45, 0.6)

    [<Fact>]
    member _.``a corpus holds every token of every text, and no sequence is longer than asked``() =
        let tokenizer =
            WordPieceTrainer.train
                {
                    WordPieceTrainer.defaults with
                        VocabularySize = 250
                }
                texts
            |> Result.orRaise

        let property (length: int) (pick: int list) =
            let maxTokens = 9 + abs length % 12
            let chosen = pick |> List.map (fun i -> texts[abs (i % texts.Length)]) |> Array.ofList
            let corpus = Corpus.ofTexts tokenizer maxTokens chosen
            let inside (sequence: ReadOnlyMemory<int>) = sequence.Slice(1, sequence.Length - 2).ToArray()

            // Rests of a text that are too short to learn from are left out.
            let kept (text: string) =
                Tokenizer.encodePlain tokenizer text
                |> Array.chunkBySize (maxTokens - 2)
                |> Array.filter (fun part -> part.Length >= 6)
                |> Array.concat

            corpus.Sequences
            |> Array.forall (fun sequence -> sequence.Length <= maxTokens && sequence.Length >= 8)
            && corpus.Sequences |> Array.forall (fun sequence -> sequence.Span[0] = tokenizer.Specials.Cls)
            && (corpus.Sequences |> Array.collect inside) = (chosen |> Array.collect kept)

        Check.One(Config.QuickThrowOnFailure, property)

    [<Fact>]
    member _.``a corpus's fingerprint tells texts and their borders``() =
        let prints =
            [
                [| "ab"; "c" |]
                [| "a"; "bc" |]
                [| "abc" |]
                [| "c"; "ab" |]
                [| "ab"; "c"; "" |]
            ]
            |> List.map Corpus.fingerprint

        Assert.Equal(prints.Length, (List.distinct prints).Length)

    [<Fact>]
    member _.``the command says what it was given wrong, before it writes anything``() =
        let fails (arguments: string list) part =
            GlemProcess.refuses folder.Path ("pretrain" :: "--out" :: "model" :: arguments) [ part ]

        fails [] "--dataset"
        fails [ "--input"; "absent.txt" ] "absent.txt"
        fails [ "--input"; "absent.txt"; "--dtype"; "int8" ] "int8"
        fails [ "--input"; "absent.txt"; "--set"; "mlm.fit.epochs=0" ] "mlm.fit.epochs"

    [<Fact>]
    member _.``the command trains from a file, and writes what it says``() =
        File.WriteAllLines(folder.File "texts.txt", texts)

        let out =
            GlemProcess.succeeds folder.Path [
                yield! [ "pretrain"; "--input"; "texts.txt"; "--out"; "model"; "--dtype"; "float16" ]
                for setting in
                    [
                        "lm.vocabulary=300"
                        "lm.hidden=16"
                        "lm.layers=1"
                        "lm.intermediate=32"
                        "mlm.fit.epochs=1"
                    ] do
                    yield! [ "--set"; setting ]
            ]

        Assert.Contains($"%d{texts.Length} texts", out.Replace(",", ""))
        Assert.Contains("model/", out)
        let files = Directory.GetFiles(folder.File "model") |> Array.map Path.GetFileName |> Array.sort

        Assert.Equal<string | null>(
            [|
                "config.json"
                "model.safetensors"
                "pretrain.json"
                "tokenizer.json"
                "tokenizer_config.json"
            |],
            files
        )
