namespace Glem.Experiments.Tests

open System
open System.IO
open System.Text.Json.Nodes
open Glem
open TorchSharp
open Xunit

/// Folders of small encoders with random weights, as Hugging Face's library would save them.
module ModelFolders =
    let private tokenizer =
        lazy
            (WordPieceTrainer.train
                {
                    WordPieceTrainer.defaults with
                        VocabularySize = 250
                }
                Colours.dataset.Value.Graph.Texts
             |> Result.orRaise)

    /// An encoder of 2 layers of width 16 by its model_type.
    let encoder (family: string) =
        let json = JsonObject()
        json["model_type"] <- family
        json["vocab_size"] <- tokenizer.Value.VocabularySize

        for keys in
            [
                [ "hidden_size"; "dim"; "embedding_size" ]
                [ "intermediate_size"; "hidden_dim" ]
            ] do
            for key in keys do
                json[key] <- 16

        for key in
            [
                "num_hidden_layers"
                "n_layers"
                "num_attention_heads"
                "n_heads"
                "type_vocab_size"
            ] do
            json[key] <- 2

        json["max_position_embeddings"] <- 20
        json["initializer_range"] <- 0.1

        if family.StartsWith "deberta" then
            json["relative_attention"] <- true
            json["pos_att_type"] <- "c2p|p2c"
            json["position_biased_input"] <- false

        json["local_attention"] <- 8
        Encoder.ofJson "config.json" (json.ToJsonString()) |> Result.orRaise

    /// Writes the folder and answers its weights.
    let write (folder: string) (family: string) : Weights =
        let model = LanguageModel.onEncoder Colours.recipe.Lm (encoder family) tokenizer.Value.Specials.Mask 2

        let key = Key.ofSeed 3
        let encoder = LanguageModel.initialEncoder key model

        Checkpoint.saveLm folder {
            Model = model
            Weights = LanguageModel.withNewHead key model encoder
            Tokenizer = tokenizer.Value
            ClassNames = [| "a"; "b" |]
            MaxTokens = 20
        }

        encoder

/// A recipe whose language model starts from a folder.
type PretrainedTests() =
    let folder = new TestFolder()

    let compute: Compute = {
        Device = torch.CPU
        Precision = Precision.Float32
        Memory = MemoryBudget.standard ()
    }

    let recipe path = {
        Colours.recipe with
            Lm = {
                Colours.recipe.Lm with
                    Pretrained = Some path
            }
            Mlm = {
                Colours.recipe.Mlm with
                    Fit = {
                        Colours.recipe.Mlm.Fit with
                            Epochs = 0.0
                    }
            }
    }

    let bits (weights: Weights) =
        weights
        |> Seq.sortBy _.Key
        |> Seq.map (fun pair -> pair.Key, pair.Value.Values |> Array.map BitConverter.SingleToInt32Bits)
        |> Seq.toList

    interface IDisposable with
        member _.Dispose() = (folder :> IDisposable).Dispose()

    static member Families = TheoryData<string>(Encoder.supported)

    [<Theory; MemberData("Families")>]
    member _.``every family of encoders starts from its folder, trains, and comes back from its checkpoint``
        (family: string)
        =
        let path = folder.File "encoder"
        let weights = ModelFolders.write path family

        use study =
            Study.prepare compute (fun _ _ -> ()) (recipe path) Colours.dataset.Value 5 |> Result.orRaise

        let encoder = Study.pretrainEncoder study
        Assert.Equal<(string * int[]) list>(bits weights, bits encoder)
        // The recipe reads more tokens of a text than the encoder has positions for.
        Assert.Equal(Encoder.capacity study.Lm.Encoder, study.LmSource.MaxTokens)
        Assert.Equal(Colours.recipe.Lm.Dropout, (Encoder.shape study.Lm.Encoder).HiddenDropout)
        let lm, q = Study.lmOnGold study encoder
        Assert.NotEqual<(string * int[]) list>(bits weights, bits lm.Weights)
        Assert.Equal<(string * int[]) list>(bits lm.Weights, bits (fst (Study.lmOnGold study encoder)).Weights)
        Assert.Equal((Colours.dataset.Value.Graph.NodeCount, 16), (lm.Embeddings.Count, lm.Embeddings.Width))

        let trained = folder.File "trained"

        Checkpoint.saveLm trained {
            Model = study.Lm
            Weights = lm.Weights
            Tokenizer = study.Tokenizer
            ClassNames = study.Dataset.ClassNames
            MaxTokens = study.LmSource.MaxTokens
        }

        let loaded = Checkpoint.loadLm trained |> Result.orRaise
        Assert.Equal(study.Lm, loaded.Model)
        Assert.Equal(q, LanguageModel.predict compute loaded.Model loaded.Weights study.Texts)

    [<Theory; MemberData("Families")>]
    member _.``with LoRA every family's weights move where the targets say, and nowhere else``(family: string) =
        let path = folder.File "encoder"
        let weights = ModelFolders.write path family

        let targets =
            match family with
            | "distilbert" -> [ "q_lin"; "v_lin" ]
            | "deberta" -> [ "in_proj"; "pos_proj" ]
            | "deberta-v2" -> [ "query_proj"; "pos_key_proj" ]
            | "modernbert" -> [ "Wqkv"; "mlp.Wo" ]
            | _ -> [ "query"; "output.dense" ]

        let recipe = recipe path

        let recipe = {
            recipe with
                Lm.Lora = {
                    recipe.Lm.Lora with
                        Rank = 2
                        Targets = targets
                }
        }

        use study = Study.prepare compute (fun _ _ -> ()) recipe Colours.dataset.Value 5 |> Result.orRaise
        let fit, q = Study.pretrainEncoder study |> Study.lmOnGold study
        let isTarget (name: string) = targets |> List.exists (fun target -> name.EndsWith $".%s{target}.weight")

        for name in weights.Keys do
            Assert.Equal(isTarget name, weights[name].Values <> fit.Weights[name].Values)

        Assert.Equal(weights.Count + 2, fit.Weights.Count)
        Assert.Equal(q, LanguageModel.predict compute study.Lm fit.Weights study.Texts)

    [<Theory; InlineData "transductive"; InlineData "testRemoved">]
    member _.``a frozen encoder leaves all of EM as it came, and nodes that training did not see are read by it too``
        (protocol: string)
        =
        let path = folder.File "encoder"
        let weights = ModelFolders.write path "roberta"

        let settings = [
            "lm.freeze.encoder=true"
            "lm.tokenDropout=0"
            "lm.projection=4"
            $"protocol=%s{protocol}"
        ]

        let recipe = Settings.setAll settings (recipe path) |> Result.bind Recipe.validate |> Result.orRaise
        use study = Study.prepare compute (fun _ _ -> ()) recipe Colours.dataset.Value 5 |> Result.orRaise
        let encoder = Study.pretrainEncoder study
        let lm = Study.lmOnGold study encoder
        let gnn = Study.gnnOnEmbeddings study lm

        let fits = [
            lm
            for state in Study.em study encoder lm gnn do
                match Em.fitted state with
                | FittedQ(_, theta, _) -> theta
                | _ -> ()
        ]

        Assert.Equal(3, fits.Length)
        let whole = (Study.whole study).Texts

        for fit, q in fits do
            for name in weights.Keys do
                Assert.Equal<float32>(weights[name].Values, fit.Weights[name].Values)

            let all, qAll = Everywhere.lm study None (fit, q)
            let read, qRead = LanguageModel.read compute study.Lm whole fit.Weights
            Assert.Equal(struct (whole.Length, 4), struct (all.Embeddings.Count, all.Embeddings.Width))

            let vectors = all.Embeddings.ToArray(), read.Embeddings.ToArray()

            for kept, read in [ vectors; qAll.Rows.ToArray(), qRead.Rows.ToArray() ] do
                Array.zip kept read |> Array.iter (fun (kept, read) -> Assert.Equal(read, kept, 1e-4f))

        let heads = fits |> List.map (fun (fit, _) -> bits fit.Weights) |> List.distinct
        Assert.Equal(3, heads.Length)

    [<Fact>]
    member _.``every encoder that comes with Glem loads by its name, all of it, and is no longer than it may be``() =
        for name in BundledModel.names do
            let model = PretrainedModel.load name |> Result.orRaise
            Assert.Empty model.Tensors.Ignored
            Assert.Empty model.Tensors.Unexpected
            Assert.True(PretrainedModel.isFolder name)
            let weights = FileInfo(Path.Combine(BundledModel.folderOf name, "model.safetensors"))
            Assert.InRange(weights.Length, 1L, 16L * 1024L * 1024L)
            let tokenizer = LmSource.tokenizer model |> Result.orRaise
            Assert.Equal((Encoder.shape model.Encoder).VocabularySize, tokenizer.VocabularySize)

        Assert.Equal("elsewhere", BundledModel.folderOf "elsewhere")

    [<Fact>]
    member _.``glem-mini puts texts on one subject nearer to each other than to those on another``() =
        let source = EmbeddingSource.ofFolder "glem-mini" |> Result.orRaise
        use embedder = new Embedder(compute, source.Encoder, source.Weights, source.Pooling, 0)

        let texts = [|
            "Reads and writes JSON documents."
            "Parses a JSON text into objects and serializes objects to JSON."
            "Encrypts data with the Advanced Encryption Standard."
            "A symmetric cipher with a secret key."
        |]

        let packed = Tokenizer.encodeAll source.Tokenizer 64 texts
        let vectors = Array.init packed.Count packed.Text |> embedder.Embed |> Array.chunkBySize embedder.Width

        let cosine (a: float32[]) (b: float32[]) =
            let dot x y = Array.fold2 (fun sum (p: float32) (q: float32) -> sum + float p * float q) 0.0 x y
            dot a b / sqrt (dot a a * dot b b)

        Assert.True(cosine vectors[0] vectors[1] > cosine vectors[0] vectors[2])
        Assert.True(cosine vectors[2] vectors[3] > cosine vectors[0] vectors[3])

    [<Fact>]
    member _.``frozen layers beyond the last and targets that are not there are refused before anything is trained``() =
        let path = folder.File "encoder"
        ModelFolders.write path "distilbert" |> ignore

        let refused assignment key expected =
            let recipe = Settings.setAll assignment (recipe path) |> Result.orRaise

            match Study.prepare compute (fun _ _ -> ()) recipe Colours.dataset.Value 5 with
            | Error(InSetting(found, _, told)) ->
                Assert.Equal(key, found)
                Assert.Contains(expected, told)
            | Error other -> Assert.Fail(GlemError.message other)
            | Ok _ -> Assert.Fail "prepared"

        refused [ "lm.freeze.layers=3" ] "lm.freeze.layers" "at most 2"
        refused [ "lm.lora.rank=4" ] "lm.lora.targets" "q_lin, k_lin, v_lin"

    [<Fact>]
    member _.``an encoder from a folder may go on with the masked-language-model game``() =
        let path = folder.File "encoder"
        let weights = ModelFolders.write path "electra"

        let recipe = {
            recipe path with
                Mlm = Colours.recipe.Mlm
        }

        use study = Study.prepare compute (fun _ _ -> ()) recipe Colours.dataset.Value 5 |> Result.orRaise
        let encoder = Study.pretrainEncoder study
        Assert.Equal<string seq>(Seq.sort weights.Keys, Seq.sort encoder.Keys)
        Assert.NotEqual<(string * int[]) list>(bits weights, bits encoder)

    [<Fact>]
    member _.``a vocabulary that the embeddings have no rows for is refused``() =
        let path = folder.File "encoder"
        ModelFolders.write path "bert" |> ignore
        let tokenizer = Path.Combine(path, "tokenizer.json")
        let json = JsonNode.Parse(File.ReadAllText tokenizer) |> nonNull
        let model = nonNull json["model"]
        let words = (nonNull model["vocab"]).AsObject()
        words["##surplus"] <- words.Count
        File.WriteAllText(tokenizer, json.ToJsonString())
        let rows = (Encoder.shape (ModelFolders.encoder "bert")).VocabularySize

        match Study.prepare compute (fun _ _ -> ()) (recipe path) Colours.dataset.Value 5 with
        | Error(InFile(file, "", found, expected)) ->
            Assert.Equal(path, file)
            Assert.Equal($"a tokenizer of %d{rows + 1} tokens", found)
            Assert.Equal($"at most %d{rows}, the rows of the word embeddings", expected)
        | Error other -> Assert.Fail(GlemError.message other)
        | Ok _ -> Assert.Fail "prepared"

    [<Fact>]
    member _.``glem model describe tells architecture, memory, tensors and a text's tokens, and glem run trains the folder``
        ()
        =
        let weights = ModelFolders.write (folder.File "encoder") "deberta"

        let out =
            GlemProcess.succeeds folder.Path [
                "model"
                "describe"
                "encoder"
                "--batch"
                "4"
                "--length"
                "500"
                "--text"
                "red and blue"
            ]

        let count = weights.Values |> Seq.sumBy _.Values.LongLength

        for part in
            [
                "DeBERTa, 2 layers, 16 wide, 2 heads, 16 in between"
                count.ToString("N0", Globalization.CultureInfo.InvariantCulture)
                "for 4 texts of 20 tokens"
                $"%d{weights.Count} of %d{weights.Count} weights found"
                "2 that are not the encoder's: classifier.bias, classifier.weight"
                "2 classes, of the vector by mean"
                "16 columns, the vector by mean"
                "with lm.gradientCheckpointing"
                "[CLS]"
            ] do
            Assert.Contains(part, out)

        Colours.write (folder.File "colours")

        GlemProcess.succeeds folder.Path [
            "run"
            "--recipe"
            "quickstart"
            "--quick"
            "--dataset"
            "colours"
            "--out"
            "run"
            "--set"
            "lm.pretrained=encoder"
        ]
        |> ignore

        let predicted = GlemProcess.succeeds folder.Path [ "predict"; "--run"; "run"; "--text"; "red and blue" ]
        Assert.Contains("%", predicted)

    [<Fact>]
    member _.``glem model describe refuses a folder without a model, with a broken one, and sizes below 1``() =
        GlemProcess.refuses folder.Path [ "model"; "describe"; "absent" ] [ "absent"; "no folder" ]
        ModelFolders.write (folder.File "encoder") "bert" |> ignore

        GlemProcess.refuses folder.Path [ "model"; "describe"; "encoder"; "--batch"; "0" ] [ "--batch"; "0" ]
        File.WriteAllText(folder.File "encoder/model.safetensors", "12345678901234567890")
        GlemProcess.refuses folder.Path [ "model"; "describe"; "encoder" ] [ "model.safetensors"; "header" ]
        File.WriteAllText(folder.File "encoder/config.json", """{ "model_type": "gpt2" }""")

        GlemProcess.refuses folder.Path [ "model"; "describe"; "encoder" ] [
            "config.json"
            "model_type"
            "gpt2"
            "deberta"
        ]
