namespace Glem

open TorchSharp
open Glem.Torch.Extensions

/// What the encoders with disentangled attention share.
type DisentangledConfig = {
    Shape: EncoderShape
    /// Relative positions beyond this count as this.
    MaxRelativePositions: int
    /// Contents attend to positions.
    ContentToPosition: bool
    /// Positions attend to contents.
    PositionToContent: bool
    /// Absolute positions are added to the words, too.
    PositionBiasedInput: bool
}

/// The relative positions of a batch's texts.
type RelativePositions = {
    Texts: PaddedBatch
    /// [2 span; d] float32.
    Table: Tensor
    /// [2l] int64, of the longest text: the table's rows for i - j = l-1, l-2, …, -l.
    ForQueries: Tensor
    /// The same for j - i.
    ForKeys: Tensor
}

/// Attention over contents and relative positions (DeBERTa, He et al. 2021, equation 4): the score of query i and key j is
/// q_i k_j' + q_i Kr[i-j]' + k_j Qr[i-j]' over the root of the head's width times the number of terms, where Kr and Qr
/// are products of a table of relative positions.
module Disentangled =
    let private embeddingNames (config: DisentangledConfig) : EmbeddingNames = {
        Words = "embeddings.word_embeddings"
        Positions =
            if config.PositionBiasedInput then
                Some "embeddings.position_embeddings"
            else
                None
        Segments =
            if config.Shape.TokenTypes > 0 then
                Some "embeddings.token_type_embeddings"
            else
                None
        Norm = "embeddings.LayerNorm"
    }

    let embeddingSpecs (config: DisentangledConfig) = [
        let names, shape = embeddingNames config, config.Shape

        let tables = [
            Some names.Words, shape.VocabularySize
            names.Positions, shape.Positions
            names.Segments, shape.TokenTypes
        ]

        for name, rows in tables do
            match name with
            | Some name -> WeightSpec.table name rows shape.Hidden
            | None -> ()

        yield! WeightSpec.norm names.Norm shape.Hidden
    ]

    let embed (pass: Pass) (config: DisentangledConfig) (batch: PackedBatch) =
        let names, shape = embeddingNames config, config.Shape
        let shift = Some(pass.Bias names.Norm)
        Layers.embed pass names shift shape.HiddenDropout shape.LayerNormEpsilon batch.Positions batch

    /// What all layers of a pass read. `table` : [2 span; d] float32; `bucket` maps a relative position to its row, counted from
    /// the table's middle, and is odd.
    let positions heads (span: int) (bucket: int -> int) (table: Tensor) (batch: PackedBatch) : RelativePositions =
        let texts = PaddedAttention.layout heads batch

        let rows direction =
            let row column = direction * bucket (texts.Longest - 1 - column) + span |> max 0 |> min (2 * span - 1)
            torch.tensor(Array.init (2 * texts.Longest) (row >> int64)).``to`` batch.Ids.device

        {
            Texts = texts
            Table = table
            ForQueries = rows 1
            ForKeys = rows -1
        }

    /// Scores of each row against its group's relative positions : [h; b; l; 2l].
    ///   relative : [2 longest; d]   x : [h; b; l; d / h]
    let private against (longest: int) (relative: Tensor) (x: Tensor) =
        let h, b, l, width = x.shape[0], x.shape[1], x.shape[2], x.shape[3]
        let own = relative.narrow (0L, int64 longest - l, 2L * l) // of texts of l tokens
        let own = own.reshape([| 2L * l; h; width |]).permute(1L, 2L, 0L) // [h; d / h; 2l]
        x.reshape([| h; b * l; width |]).matmul(own).reshape([| h; b; l; 2L * l |])

    /// Softmax attention within each text, without its output product : [t; d].
    ///   toKeys, toQueries : products of the position table's rows, [r; d] -> [r; d]   queries, keys, values : [t; d]
    let attend (pass: Pass) (config: DisentangledConfig) (relative: RelativePositions) toKeys toQueries parts =
        let shape = config.Shape
        let struct (rate, seed) = pass.Dropping shape.HiddenDropout
        // A view of the layer's own sums the layer's gradients before the table does, so that the sum has one order of terms
        // whether layers go backward together or one by one (Recomputation).
        let table = relative.Table.view_as relative.Table
        let table = if rate = 0.0 then table else Ops.Dropout(table, rate, seed)
        let rows (index: Tensor) = table.index_select(0L, index).``to`` pass.Dtype

        let keys =
            if config.ContentToPosition then
                Some(toKeys (rows relative.ForQueries))
            else
                None

        let queries =
            if config.PositionToContent then
                Some(toQueries (rows relative.ForKeys))
            else
                None

        let terms = 1 + Option.count keys + Option.count queries
        let longest = relative.Texts.Longest

        let positions q k =
            keys |> Option.map (fun keys -> against longest keys q),
            queries |> Option.map (fun queries -> against longest queries k)

        let scale = sqrt (float (shape.Hidden / shape.Heads * terms))
        PaddedAttention.attend pass shape.Heads shape.AttentionDropout scale relative.Texts positions parts

    /// The keys of config.json that the DeBERTas share.
    let read (config: ConfigFile) : DisentangledConfig =
        let refuseOther = ConfigFile.only config
        refuseOther "relative_attention" "true"
        refuseOther "talking_head" "false"

        // Hub files hold "c2p|p2c", files that the library saves a list.
        let terms =
            match ConfigFile.find config "pos_att_type" with
            | None -> []
            | Some(:? System.Text.Json.Nodes.JsonArray as list) -> [ for item in list -> string item ]
            | Some text -> text.ToString().Split('|') |> Array.map _.Trim() |> Array.filter ((<>) "") |> Array.toList

        for term in terms do
            if term <> "c2p" && term <> "p2c" then
                ConfigFile.refuse config "pos_att_type" term "c2p and p2c"

        if ConfigFile.find config "relative_attention" = None then
            ConfigFile.refuse config "relative_attention" "nothing" "true"

        let shape = EncoderShape.read 1e-7 config

        for key, value in
            [
                "embedding_size", shape.Hidden
                "attention_head_size", shape.Hidden / shape.Heads
            ] do
            refuseOther key (string value)

        let most = ConfigFile.intOr -1 config "max_relative_positions"

        {
            Shape = shape
            MaxRelativePositions = if most < 1 then shape.Positions else most
            ContentToPosition = List.contains "c2p" terms
            PositionToContent = List.contains "p2c" terms
            PositionBiasedInput = ConfigFile.flagOr true config "position_biased_input"
        }

    let toNode architecture family (config: DisentangledConfig) =
        let json = EncoderShape.toNode architecture family config.Shape

        let terms = [
            if config.ContentToPosition then
                "c2p"

            if config.PositionToContent then
                "p2c"
        ]

        json["relative_attention"] <- true
        json["max_relative_positions"] <- config.MaxRelativePositions
        json["pos_att_type"] <- String.concat "|" terms
        json["position_biased_input"] <- config.PositionBiasedInput
        json["pad_token_id"] <- 0
        json
