namespace Glem

open TorchSharp

/// The shape of a RoBERTa encoder.
type RobertaConfig = {
    Shape: EncoderShape
    /// Id of <pad>, behind which positions begin.
    PadId: int
}

/// RoBERTa (Liu et al. 2019): BERT's layers, with positions that begin behind <pad>'s id.
module Roberta =
    /// Rows of the position table : [t]. pad + 1, pad + 2, … within each text, counting the tokens that are not <pad>, which
    /// itself has row pad: fairseq's rule, read from the ids alone.
    let private positions (config: RobertaConfig) (batch: PackedBatch) =
        let isWord = batch.Ids.ne(config.PadId.ToScalar()).``to`` torch.ScalarType.Int64
        let counted = isWord.cumsum 0L
        let starts = torch.arange (batch.Ids.shape[0], device = batch.Ids.device) - batch.Positions
        let before = (counted - isWord).index_select(0L, starts)
        (counted - before) * isWord + int64 config.PadId

    let specs (config: RobertaConfig) = Bert.specs config.Shape

    /// Tokens that the position table has rows for, special ones included.
    let capacity (config: RobertaConfig) = config.Shape.Positions - config.PadId - 1

    let forward (pass: Pass) (config: RobertaConfig) (batch: PackedBatch) =
        pass.Layer(fun () -> Bert.embed pass config.Shape (positions config batch) batch)
        |> Bert.layers pass config.Shape batch

    let read config : RobertaConfig =
        Bert.refuseUnsupported config
        let shape = EncoderShape.read 1e-5 config
        let pad = ConfigFile.intOr 1 config "pad_token_id"

        if pad < 0 || pad + 1 >= shape.Positions then
            ConfigFile.refuse
                config
                "pad_token_id"
                (string pad)
                $"an id from 0 to %d{shape.Positions - 2}, as positions begin behind it"

        { Shape = shape; PadId = pad }

    let toNode (config: RobertaConfig) =
        let json = EncoderShape.toNode "RobertaModel" "roberta" config.Shape
        json["position_embedding_type"] <- "absolute"
        json["pad_token_id"] <- config.PadId
        json
