namespace Glem

open System
open System.Collections.Generic
open System.IO
open System.Text.Json.Nodes
open TorchSharp
open Glem.Torch.Extensions

/// A language model with all that predicting from text needs.
type SavedLanguageModel = {
    Model: LanguageModel
    Weights: Weights
    Tokenizer: Tokenizer
    ClassNames: string[]
    MaxTokens: int
}

module SavedLanguageModel =
    /// Texts as the model reads them.
    let encode (saved: SavedLanguageModel) (texts: string[]) : TokenisedTexts =
        let packed = Tokenizer.encodeAll saved.Tokenizer saved.MaxTokens texts
        Array.init packed.Count packed.Text

/// Language models on disk, in Hugging Face's layout: config.json, model.safetensors, tokenizer.json.
module Checkpoint =
    let private weightsFile folder = Path.Combine(folder, "model.safetensors")
    let private configFile folder = Path.Combine(folder, "config.json")

    /// Columns that a projection may have.
    let private mostColumns = 1 <<< 16

    /// The weights, if they are those of a model of this shape; a fresh one says which names and shapes there must be.
    let private fitting folder (model: LanguageModel) (weights: Weights) =
        let key = Key.ofSeed 0

        let bad name found expected =
            raise (GlemException(InFile(weightsFile folder, $"tensor '%s{name}'", found, expected)))

        let shape (lengths: int64[]) = "shape [" + String.Join("; ", lengths) + "]"

        for fresh in LanguageModel.initialEncoder key model |> LanguageModel.withNewHead key model do
            match weights.TryGetValue fresh.Key with
            | true, weight when weight.Shape = fresh.Value.Shape -> ()
            | true, weight -> bad fresh.Key (shape weight.Shape) (shape fresh.Value.Shape)
            | _ -> bad fresh.Key "nothing" (shape fresh.Value.Shape)

        weights

    /// Hugging Face's class of the model, beside the encoder's own class. None of its classifiers reads a projection.
    let private architecture (model: LanguageModel) (config: JsonObject) =
        let own = (nonNull config["architectures"]).AsArray()[0] |> string

        if model.Projection > 0 then
            own
        else
            own.Replace("Model", "ForSequenceClassification")

    let private writeConfig folder (config: JsonObject) =
        WholeFile.writeText
            (configFile folder)
            (config.ToJsonString(System.Text.Json.JsonSerializerOptions(WriteIndented = true)))

    /// Writes the model and its tokenizer. config.json is that of the family's classifier in Hugging Face's library (such as
    /// BertForSequenceClassification, whose pooler is absent: it does not pool as GLEM does), or of its encoder where the model
    /// projects, with keys of our own: glem_pooling, glem_embedding, glem_projection, glem_head_dropout, glem_token_dropout and
    /// glem_max_tokens. Raises IOException.
    let saveLm (folder: string) (saved: SavedLanguageModel) =
        Directory.CreateDirectory folder |> ignore
        let config = Encoder.toNode saved.Model.Encoder
        let names = JsonObject()
        let ids = JsonObject()

        saved.ClassNames
        |> Array.iteri (fun k name ->
            names.Add(string k, name)
            ids.Add(name, k))

        config["architectures"] <- JsonArray(JsonValue.Create(architecture saved.Model config))
        config["torch_dtype"] <- "float32"
        config["id2label"] <- names
        config["label2id"] <- ids
        config["glem_pooling"] <- Pooling.name saved.Model.Pooling
        config["glem_embedding"] <- Pooling.name saved.Model.Embedding
        config["glem_projection"] <- saved.Model.Projection
        config["glem_head_dropout"] <- saved.Model.HeadDropout
        config["glem_token_dropout"] <- saved.Model.TokenDropout
        config["glem_max_tokens"] <- saved.MaxTokens
        WeightsFile.save (weightsFile folder) saved.Weights
        TokenizerFolder.save folder saved.MaxTokens saved.Tokenizer
        writeConfig folder config

    /// Writes an encoder without a head, and its tokenizer, as Hugging Face's class for the family alone (such as
    /// BertModel) reads them: names without the family's prefix, in float32, float16 or bfloat16. Raises IOException.
    let saveEncoder
        (folder: string)
        (dtype: torch.ScalarType)
        (encoder: Encoder)
        (weights: Weights)
        maxTokens
        tokenizer
        =
        Directory.CreateDirectory folder |> ignore
        let prefix = Encoder.prefix encoder

        let own: Weights =
            weights
            |> Seq.filter _.Key.StartsWith(prefix)
            |> Seq.map (fun pair -> KeyValuePair(pair.Key.Substring prefix.Length, pair.Value))
            |> Dictionary
            :> Weights

        WeightsFile.saveAs dtype (weightsFile folder) own
        TokenizerFolder.save folder maxTokens tokenizer
        let config = Encoder.toNode encoder

        config["torch_dtype"] <-
            match dtype with
            | torch.ScalarType.Float16 -> "float16"
            | torch.ScalarType.BFloat16 -> "bfloat16"
            | _ -> "float32"

        writeConfig folder config

    /// A key of config.json. Raises GlemException where it is absent.
    let private key path (config: JsonNode) (name: string) : JsonNode =
        match config[name] with
        | null -> raise (GlemException(InFile(path, $"key '%s{name}'", "nothing", "a value, as `glem run` writes it")))
        | node -> node

    /// config.json's language model.   maskId : the tokenizer's   Raises GlemException for a key that is absent or wrong.
    let private modelOf path (config: JsonNode) encoder maskId : LanguageModel =
        let key = key path config

        let pooling name =
            let text = (key name).GetValue<string>()

            match Pooling.tryParse text with
            | Some pooling -> pooling
            | None -> raise (GlemException(InFile(path, $"key '%s{name}'", text, Pooling.names)))

        let projection = (key "glem_projection").GetValue<int>()

        // Refused before anything of that size is made.
        if projection < 0 || projection > mostColumns then
            let expected = $"a whole number from 0 to %d{mostColumns}"
            raise (GlemException(InFile(path, "key 'glem_projection'", string projection, expected)))

        {
            Encoder = encoder
            Pooling = pooling "glem_pooling"
            Embedding = pooling "glem_embedding"
            Projection = projection
            HeadDropout = (key "glem_head_dropout").GetValue<float>()
            TokenDropout = (key "glem_token_dropout").GetValue<float>()
            MaskId = maskId
            Classes = (key "id2label").AsObject().Count
            GradientCheckpointing = false
        }

    /// Reads what saveLm wrote, and turns what goes wrong into an error that names file and key.
    let private reading folder (read: JsonNode -> 'r) : Result<'r, GlemError> =
        let path = configFile folder

        try
            match File.ReadAllText path |> JsonNode.Parse with
            | null -> Error(InFile(path, "", "null", "a config.json of GLEM's"))
            | config -> Ok(read config)
        with
        | GlemException error -> Error error
        | :? System.Text.Json.JsonException
        | :? FormatException
        | :? InvalidOperationException as problem -> Error(InFile(path, "", problem.Message, "a config.json of GLEM's"))
        | :? InvalidDataException as problem ->
            Error(InFile(weightsFile folder, "", problem.Message, "a whole safetensors file"))
        | :? IOException as problem ->
            Error(
                InFile(
                    folder,
                    "",
                    problem.Message,
                    "a checkpoint: config.json, model.safetensors, tokenizer.json, tokenizer_config.json"
                )
            )

    /// What the folder's config.json says of the model above the encoder, where it is one of ours.   maskId : the tokenizer's
    /// Error: a key that is wrong.
    let tryModel (folder: string) (encoder: Encoder) (maskId: int) : Result<LanguageModel option, GlemError> =
        reading folder (fun config ->
            match config["glem_pooling"] with
            | null -> None
            | _ -> Some(modelOf (configFile folder) config encoder maskId))

    /// Reads what saveLm wrote. Error: a file that is absent or damaged, by name and key.
    let loadLm (folder: string) : Result<SavedLanguageModel, GlemError> =
        reading folder (fun config ->
            let path = configFile folder
            let encoder = Encoder.ofJson path (config.ToJsonString()) |> Result.orRaise
            let tokenizer = TokenizerFolder.load folder |> Result.orRaise
            let model = modelOf path config encoder tokenizer.Specials.Mask
            let names = key path config "id2label"

            {
                Model = model
                Weights = WeightsFile.load (weightsFile folder) |> fitting folder model
                Tokenizer = tokenizer
                ClassNames = Array.init model.Classes (fun k -> (key path names (string k)).GetValue<string>())
                MaxTokens = (key path config "glem_max_tokens").GetValue<int>()
            })
