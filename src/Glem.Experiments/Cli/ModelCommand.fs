namespace Glem

open System.Globalization
open Argu

/// glem model describe.
module ModelCommand =
    /// Names that a list shows before it only counts.
    let private mostNames = 6

    /// What stands for a user's text where none is given.
    let private sample = "Variational EM alternates a language model and a graph neural network."

    let private megabytes (bytes: int64) =
        let value = (float bytes / 1e6).ToString("N0", CultureInfo.InvariantCulture)
        $"%s{value} MB"

    let private list (names: string list) =
        let shown = names |> List.truncate mostNames |> String.concat ", "
        if names.Length > mostNames then $"%s{shown}, …" else shown

    let private row (name: string) (value: string) = Console.line $"%-14s{name}%s{value}"

    let private architecture (model: PretrainedModel) =
        let shape = Encoder.shape model.Encoder
        let family = Encoder.family model.Encoder

        row
            "architecture"
            $"%s{family}, %d{shape.Layers} layers, %d{shape.Hidden} wide, %d{shape.Heads} heads, %d{shape.Intermediate} in between"

        row "vocabulary" $"%s{Console.thousands (int64 shape.VocabularySize)} rows of embeddings"
        row "longest text" $"%d{Encoder.capacity model.Encoder} tokens"

    let private memory precision (model: PretrainedModel) texts length =
        let estimate = ModelMemory.estimate precision model.Encoder texts length
        let batch = $"%d{texts} texts of %d{length} tokens"
        row "parameters" (Console.thousands estimate.Parameters)
        row "training" $"about %s{megabytes estimate.Training} for %s{batch}"
        row "" $"about %s{megabytes estimate.Checkpointed} with lm.gradientCheckpointing"
        row "inference" $"about %s{megabytes estimate.Inference} for %s{batch}"

    let private tensors (model: PretrainedModel) =
        let uses = model.Tensors
        row "tensors" $"%d{uses.Used.Length} of %d{uses.Used.Length} weights found"

        if not uses.Ignored.IsEmpty then
            row "not used" $"%d{uses.Ignored.Length} that are not the encoder's: %s{list uses.Ignored}"

        if not uses.Unexpected.IsEmpty then
            row "not used" $"%d{uses.Unexpected.Length} that config.json has no place for: %s{list uses.Unexpected}"

    /// What a checkpoint of ours has above its encoder.
    let private head (model: LanguageModel) =
        let projected = if model.Projection > 0 then ", projected" else ""
        row "head" $"%d{model.Classes} classes, of the vector by %s{Pooling.name model.Pooling}%s{projected}"

        row
            "embedding"
            $"%d{LanguageModel.width model} columns, the vector by %s{Pooling.name model.Embedding}%s{projected}"

    /// How a text becomes the encoder's ids.
    let private example length (text: string) (tokenizer: Tokenizer) =
        row "tokenizer" $"%s{Console.thousands (int64 tokenizer.VocabularySize)} tokens"
        row "example" text

        for id in Tokenizer.encode tokenizer length text do
            Console.line $"%14d{id}  %s{Tokenizer.tokenOf tokenizer id}"

    let private describe (options: ParseResults<DescribeModelArguments>) =
        let atLeastOne name value =
            if value >= 1 then
                Ok value
            else
                Error(InSetting(name, string value, "a whole number from 1 on"))

        let texts = options.GetResult(DescribeModelArguments.Batch, 32) |> atLeastOne "--batch"
        let length = options.GetResult(DescribeModelArguments.Length, 128) |> atLeastOne "--length"

        match texts, length, PretrainedModel.load (options.GetResult DescribeModelArguments.Folder) with
        | Error error, _, _
        | _, Error error, _
        | _, _, Error error -> Error error
        | Ok texts, Ok length, Ok model ->
            let compute = Compute.automatic ()
            let length = min length (Encoder.capacity model.Encoder)
            architecture model
            memory compute.Precision model texts length
            tensors model

            LmSource.tokenizer model
            |> Result.bind (fun tokenizer ->
                Checkpoint.tryModel model.Folder model.Encoder tokenizer.Specials.Mask
                |> Result.map (fun own ->
                    Option.iter head own
                    example length (options.GetResult(DescribeModelArguments.Text, sample)) tokenizer))

    let run (options: ParseResults<ModelArguments>) : Result<unit, GlemError> =
        match options.GetSubCommand() with
        | ModelArguments.Describe options -> describe options
