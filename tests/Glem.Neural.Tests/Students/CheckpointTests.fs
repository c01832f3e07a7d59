module Glem.Neural.Tests.CheckpointTests

open System
open System.IO
open System.Text.Json.Nodes
open Glem
open Glem.Torch.Extensions
open TorchSharp
open Xunit

let private tokenizer =
    WordPieceTrainer.train
        {
            WordPieceTrainer.defaults with
                VocabularySize = 300
        }
        (Array.init 40 (fun i -> $"frogs and toads number {i} sing in the pond of the {i % 7} lilies"))
    |> Result.orRaise

let private texts: TokenisedTexts =
    let packed =
        Tokenizer.encodeAll tokenizer 16 [| "the frogs sing"; "toads in the pond, and more toads than lilies"; "7" |]

    Array.init packed.Count (fun i -> ReadOnlyMemory(packed.Text(i).ToArray()))

let private model = {
    TinyTask.lm with
        Pooling = Cls
        Embedding = Last
        Projection = 6
        Encoder =
            Encoder.Bert {
                TinyTask.bert with
                    VocabularySize = tokenizer.VocabularySize
            }
}

let private saved: SavedLanguageModel = {
    Model = model
    Weights = LanguageModel.initialEncoder TinyTask.key model |> LanguageModel.withNewHead TinyTask.key model
    Tokenizer = tokenizer
    ClassNames = [| "a"; "\"b\", really"; "ç" |]
    MaxTokens = 16
}

/// Saves the model, lets the test change the folder, and reads it back.
let private reread (change: string -> unit) =
    use folder = new TemporaryFolder()
    let place = folder.File "lm"
    Checkpoint.saveLm place saved
    change place
    Checkpoint.loadLm place

[<Fact>]
let ``a saved language model says the same as the one in memory, bit for bit`` () =
    let loaded = reread ignore |> Result.orRaise
    Assert.Contains("projection.weight", loaded.Weights.Keys)
    Assert.Equal<string>(saved.ClassNames, loaded.ClassNames)
    Assert.Equal(saved.Model, loaded.Model)
    Assert.Equal(saved.MaxTokens, loaded.MaxTokens)
    Assert.True(TinyTask.areEqual saved.Weights loaded.Weights)
    let ids (tokenizer: Tokenizer) = (Tokenizer.encodeAll tokenizer 16 [| "Singing frogs!" |]).Text(0).ToArray()
    Assert.Equal<int>(ids saved.Tokenizer, ids loaded.Tokenizer)

    for precision in [ Precision.Float32; Precision.BFloat16 ] do
        let predict (lm: SavedLanguageModel) = LanguageModel.predict (Golden.cpu precision) lm.Model lm.Weights texts
        Assert.Equal(predict saved, predict loaded)

let private write (text: string) name folder = File.WriteAllText(Path.Combine(folder, name), text)

let private editConfig (edit: JsonObject -> unit) folder =
    let path = Path.Combine(folder, "config.json")
    let json = (JsonNode.Parse(File.ReadAllText path) |> nonNull).AsObject()
    edit json
    File.WriteAllText(path, json.ToJsonString())

let private editWeights (edit: Collections.Generic.Dictionary<string, Tensor> -> unit) folder =
    use _ = torch.NewDisposeScope()
    let path = Path.Combine(folder, "model.safetensors")
    let tensors = Collections.Generic.Dictionary<string, Tensor>(Safetensors.Load path)
    edit tensors
    Safetensors.Save(path, tensors, dict [])

let private damages: (string * (string -> unit) * string list) list = [
    "no folder", (fun folder -> Directory.Delete(folder, true)), [ "lm" ]
    "no weights", (fun folder -> File.Delete(Path.Combine(folder, "model.safetensors"))), [ "model.safetensors" ]
    "no tokenizer", (fun folder -> File.Delete(Path.Combine(folder, "tokenizer.json"))), [ "tokenizer.json" ]
    "no config", (fun folder -> File.Delete(Path.Combine(folder, "config.json"))), [ "config.json" ]
    "config that is no JSON", write "{" "config.json", [ "config.json" ]
    "config that is a list", write "[]" "config.json", [ "config.json" ]
    "tokenizer that is no JSON", write "{" "tokenizer.json", [ "tokenizer.json" ]
    "weights cut off",
    (fun folder ->
        use file = File.OpenWrite(Path.Combine(folder, "model.safetensors"))
        file.SetLength(file.Length - 100L)),
    [ "model.safetensors" ]
    "weights that are something else", write "not tensors at all" "model.safetensors", [ "model.safetensors" ]
    "a weight missing",
    editWeights (fun tensors -> tensors.Remove "classifier.weight" |> ignore),
    [ "model.safetensors"; "classifier.weight"; "[3; 6]" ]
    "a weight of another shape",
    editWeights (fun tensors -> tensors["classifier.bias"] <- torch.zeros [| 9L |]),
    [ "model.safetensors"; "classifier.bias"; "[9]"; "[3]" ]
    "a projection of other columns",
    editConfig (fun json -> json["glem_projection"] <- 7),
    [ "model.safetensors"; "projection.weight"; "[6; 32]"; "[7; 32]" ]
    "a projection beyond all memory",
    editConfig (fun json -> json["glem_projection"] <- 2_000_000_000),
    [ "config.json"; "glem_projection"; "2000000000" ]
    "no pooling", editConfig (fun json -> json.Remove "glem_pooling" |> ignore), [ "config.json"; "glem_pooling" ]
    "unknown pooling", editConfig (fun json -> json["glem_pooling"] <- "max"), [ "config.json"; "glem_pooling"; "max" ]
    "a text for a number", editConfig (fun json -> json["glem_max_tokens"] <- "many"), [ "config.json" ]
    "a broken number", editConfig (fun json -> json["glem_max_tokens"] <- 12.5), [ "config.json" ]
    "no hidden size", editConfig (fun json -> json.Remove "hidden_size" |> ignore), [ "config.json"; "hidden_size" ]
]

[<Fact>]
let ``a damaged or absent checkpoint is refused by file and key`` () =
    for name, damage, parts in damages do
        match reread damage with
        | Ok _ -> Assert.Fail $"accepted: %s{name}"
        | Error error ->
            for part in parts do
                Assert.Contains(part, GlemError.message error)
