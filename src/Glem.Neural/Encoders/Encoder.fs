namespace Glem

open System.Collections.Generic
open System.Text.Json.Nodes
open TorchSharp

/// A text encoder's family and shape: all that its weights do not say. A value, which config.json holds.
[<RequireQualifiedAccess>]
type Encoder =
    | Bert of EncoderShape
    | Roberta of RobertaConfig
    | DistilBert of EncoderShape
    | Electra of ElectraConfig
    | Deberta of DisentangledConfig
    | DebertaV2 of DebertaV2Config
    | ModernBert of ModernBertConfig

/// What students need of any encoder.
module Encoder =
    /// The sizes that every encoder has.
    let shape encoder =
        match encoder with
        | Encoder.Bert shape
        | Encoder.DistilBert shape -> shape
        | Encoder.Roberta config -> config.Shape
        | Encoder.Electra config -> config.Shape
        | Encoder.Deberta config -> config.Shape
        | Encoder.DebertaV2 config -> config.Disentangled.Shape
        | Encoder.ModernBert config -> config.Shape

    /// The same encoder with other dropout: `hidden` for states and embeddings, `attention` for its probabilities.
    let withDropout (hidden: float) (attention: float) encoder =
        let drop (shape: EncoderShape) = {
            shape with
                HiddenDropout = hidden
                AttentionDropout = attention
        }

        let disentangled (config: DisentangledConfig) = {
            config with
                Shape = drop config.Shape
        }

        match encoder with
        | Encoder.Bert shape -> Encoder.Bert(drop shape)
        | Encoder.DistilBert shape -> Encoder.DistilBert(drop shape)
        | Encoder.Roberta config ->
            Encoder.Roberta {
                config with
                    Shape = drop config.Shape
            }
        | Encoder.Electra config ->
            Encoder.Electra {
                config with
                    Shape = drop config.Shape
            }
        | Encoder.Deberta config -> Encoder.Deberta(disentangled config)
        | Encoder.DebertaV2 config ->
            Encoder.DebertaV2 {
                config with
                    Disentangled = disentangled config.Disentangled
            }
        | Encoder.ModernBert config ->
            Encoder.ModernBert {
                config with
                    Shape = drop config.Shape
                    EmbeddingDropout = hidden
            }

    /// The longest text that the encoder reads, in tokens, special ones included.
    let capacity encoder =
        match encoder with
        | Encoder.Roberta config -> Roberta.capacity config
        | other -> (shape other).Positions

    /// What stands before the encoder's names in a model with a head on it.
    let prefix encoder =
        match encoder with
        | Encoder.Bert _ -> "bert."
        | Encoder.Roberta _ -> "roberta."
        | Encoder.DistilBert _ -> "distilbert."
        | Encoder.Electra _ -> "electra."
        | Encoder.Deberta _
        | Encoder.DebertaV2 _ -> "deberta."
        | Encoder.ModernBert _ -> "model."

    /// The linear layer that answers with logits in Hugging Face's classifier of the family.
    let head encoder =
        match encoder with
        | Encoder.Roberta _
        | Encoder.Electra _ -> "classifier.out_proj"
        | _ -> "classifier"

    /// The family as its papers write it.
    let family encoder =
        match encoder with
        | Encoder.Bert _ -> "BERT"
        | Encoder.Roberta _ -> "RoBERTa"
        | Encoder.DistilBert _ -> "DistilBERT"
        | Encoder.Electra _ -> "ELECTRA"
        | Encoder.Deberta _ -> "DeBERTa"
        | Encoder.DebertaV2 _ -> "DeBERTa v2/v3"
        | Encoder.ModernBert _ -> "ModernBERT"

    /// Every weight that the encoder has, by Hugging Face's name without prefix.
    let specs encoder : WeightSpec list =
        match encoder with
        | Encoder.Bert shape -> Bert.specs shape
        | Encoder.Roberta config -> Roberta.specs config
        | Encoder.DistilBert shape -> DistilBert.specs shape
        | Encoder.Electra config -> Electra.specs config
        | Encoder.Deberta config -> Deberta.specs config
        | Encoder.DebertaV2 config -> DebertaV2.specs config
        | Encoder.ModernBert config -> ModernBert.specs config

    /// The table of word embeddings : [vocabulary; width], by name without prefix.
    let words encoder =
        match encoder with
        | Encoder.ModernBert _ -> "embeddings.tok_embeddings.weight"
        | _ -> "embeddings.word_embeddings.weight"

    /// How high the weight of a name without prefix stands: 0 for the embeddings, DeBERTa's table of relative positions among
    /// them, k for the k-th layer from below, and one more than there are layers for what follows the last.
    let depth encoder (name: string) =
        let parts = name.Split '.'

        match parts |> Array.tryFindIndex (fun part -> part = "layer" || part = "layers") with
        | Some at -> int parts[at + 1] + 1
        // DeBERTa v2's convolution works beside the first layer.
        | None when name.StartsWith("encoder.conv.", System.StringComparison.Ordinal) -> 1
        | None when name.StartsWith("final_norm.", System.StringComparison.Ordinal) -> (shape encoder).Layers + 1
        | None -> 0

    /// Random weights, without prefix.
    let initial encoder (generator: torch.Generator) : Weights =
        WeightSpec.initial (shape encoder).InitializerRange generator (specs encoder)

    /// How the encoder uses the weight of a name, without prefix. Raises KeyNotFoundException for a name that is not its own.
    let role encoder : string -> Role =
        let roles =
            specs encoder |> Seq.map (fun spec -> KeyValuePair(spec.Name, WeightSpec.role spec)) |> Dictionary

        fun name -> roles[name]

    /// Last hidden states of a packed batch : [t; d], filler included, in the pass's dtype.
    let forward encoder (pass: Pass) (batch: PackedBatch) : Tensor =
        match encoder with
        | Encoder.Bert shape -> Bert.forward pass shape batch
        | Encoder.Roberta config -> Roberta.forward pass config batch
        | Encoder.DistilBert shape -> DistilBert.forward pass shape batch
        | Encoder.Electra config -> Electra.forward pass config batch
        | Encoder.Deberta config -> Deberta.forward pass config batch
        | Encoder.DebertaV2 config -> DebertaV2.forward pass config batch
        | Encoder.ModernBert config -> ModernBert.forward pass config batch

    /// config.json's content, which Python's transformers reads.
    let toNode encoder : JsonObject =
        match encoder with
        | Encoder.Bert shape -> Bert.toNode shape
        | Encoder.Roberta config -> Roberta.toNode config
        | Encoder.DistilBert shape -> DistilBert.toNode shape
        | Encoder.Electra config -> Electra.toNode config
        | Encoder.Deberta config -> Deberta.toNode config
        | Encoder.DebertaV2 config -> DebertaV2.toNode config
        | Encoder.ModernBert config -> ModernBert.toNode config

    /// Hugging Face's model_type of every family, with its reader.
    let private families: (string * (ConfigFile -> Encoder)) list = [
        "bert", Bert.read >> Encoder.Bert
        "roberta", Roberta.read >> Encoder.Roberta
        "distilbert", DistilBert.read >> Encoder.DistilBert
        "electra", Electra.read >> Encoder.Electra
        "deberta", Deberta.read >> Encoder.Deberta
        "deberta-v2", DebertaV2.read >> Encoder.DebertaV2
        "modernbert", ModernBert.read >> Encoder.ModernBert
    ]

    /// The families that can be read, by model_type.
    let supported = families |> List.map fst

    /// Reads config.json's text; `file` is named in errors. Error: a family or an option that is not supported, by key and
    /// value, with what is.
    let ofJson (file: string) (text: string) : Result<Encoder, GlemError> =
        try
            let config = ConfigFile.parse file text
            let expected = "one of " + String.concat ", " supported

            match ConfigFile.textOr "" config "model_type" with
            | "" -> ConfigFile.refuse config "model_type" "nothing" expected
            | family ->
                match families |> List.tryFind (fun (name, _) -> name = family) with
                | Some(_, read) -> Ok(read config)
                | None -> ConfigFile.refuse config "model_type" family expected
        with GlemException error ->
            Error error
