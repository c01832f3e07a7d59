namespace Glem

open System
open System.Diagnostics
open System.IO
open System.Text.Json.Nodes
open TorchSharp

/// An encoder to be trained on texts alone.
type PretrainRequest = {
    /// Its `lm` and `mlm` say what is trained and how.
    Recipe: Recipe
    Texts: string[]
    Seed: int
    Compute: Compute
    /// Number format of the weights that are written.
    Dtype: torch.ScalarType
    /// The folder to make.
    Output: string
    Command: string
}

/// How a pre-training ended.
[<RequireQualifiedAccess>]
type Pretrained =
    | Whole of sequences: int * tokens: int64
    /// After so many of all steps; the same request goes on from there.
    | Interrupted of step: int * steps: int

/// glem pretrain: a tokenizer, an encoder, the masked-language-model game (Devlin et al. 2019, section 3.1), and a Hugging
/// Face folder.
module Pretrain =
    /// What is done lies here until it is whole: identity.json, progress.safetensors, losses.jsonl.
    let partialFolder (output: string) = Path.TrimEndingDirectorySeparator output + ".partial"

    /// Between two savings: what a killed machine loses at most.
    let private saveEvery = TimeSpan.FromMinutes 3.0

    /// Steps after which losses.jsonl has a line: their mean loss since the line before.
    let private lossSteps = 100

    /// Everything that decides the result but the machine.
    let private identity (request: PretrainRequest) (corpus: Corpus) =
        Json.object [
            "lm", Some(Settings.toJson request.Recipe.Lm)
            "mlm", Some(Settings.toJson request.Recipe.Mlm)
            "seed", Json.int request.Seed
            "texts", Json.int corpus.TextCount
            "corpus", Json.text corpus.Fingerprint
            "precision", Json.text (string request.Compute.Precision)
        ]

    /// The progress to go on from, if there is any. Error: that of another request.
    let private resume folder (identity: JsonNode) : Result<MlmProgress option, GlemError> =
        let path = Path.Combine(folder, "identity.json")
        let progress = Path.Combine(folder, "progress.safetensors")

        if not (File.Exists progress) then
            Directory.CreateDirectory folder |> ignore
            RunFile.write path (identity.ToJsonString()) |> Result.map (fun () -> None)
        else
            RunFile.read path
            |> Result.bind (fun text ->
                if JsonNode.DeepEquals(JsonNode.Parse text, identity) then
                    MlmCheckpoint.load progress |> Result.map Some
                else
                    let expected = "the same recipe, seed, precision and texts, or that folder removed"
                    Error(InFile(path, "", "what was interrupted there is another pre-training", expected)))

    let private record (request: PretrainRequest) (corpus: Corpus) (identity: JsonNode) tokens losses =
        let json = identity.DeepClone().AsObject()
        json["sequences"] <- corpus.Sequences.Length
        json["tokensInAnEpoch"] <- JsonValue.Create<int64> tokens
        json["losses"] <- losses
        json["command"] <- request.Command
        json["glem"] <- (RunRecord.versions ()).Glem
        json["compute"] <- Compute.describe request.Compute
        json.ToJsonString(System.Text.Json.JsonSerializerOptions(WriteIndented = true)) + "\n"

    let private lossLine (step: int, loss: float) =
        (Json.object [ "step", Json.int step; "loss", Json.float (Math.Round(loss, 4)) ]).ToJsonString()

    let private ofLossLine file (number: int) (line: string) =
        let reader at = at |> Json.field "step" |> Json.asInt, at |> Json.field "loss" |> Json.asFloat
        Json.read file $"line %d{number}" reader line

    /// The log without what stands behind the step that is gone on from, nor a last line that a kill tore.
    let private lossesBefore step path : (int * float) list =
        if File.Exists path then
            LineLog.read ofLossLine path |> Result.orRaise |> fst |> List.filter (fun (at, _) -> at <= step)
        else
            []

    /// Trains, and makes the folder. Stops after the step in which `stops` first says so, with what is done kept.
    /// Error: a place that cannot be written to, an encoder that cannot be loaded, no text, a damaged or foreign partial
    /// folder. Raises GlemException where the loss is no number.
    let run (request: PretrainRequest) (stops: unit -> bool) (witness: IWitness) : Result<Pretrained, GlemError> =
        let partial = partialFolder request.Output
        let file name = Path.Combine(partial, name)

        let prepare () =
            let source =
                LmSource.ofRecipe (TokenStore.standard ()) request.Recipe.Lm request.Texts |> Result.orRaise

            source, Corpus.ofTexts source.Tokenizer source.MaxTokens request.Texts

        RunFile.guard partial "a folder that can be written to" (fun () ->
            let source, corpus = witness.During("tokenizer and tokens", prepare)

            if corpus.Sequences.Length = 0 then
                raise (GlemException(InValue("the texts", "no text of a few words", "texts to learn from")))

            let identity = identity request corpus
            let from = resume partial identity |> Result.orRaise
            let model = LmSource.model request.Recipe.Lm 1 source
            let key = Key.ofSeed request.Seed |> Key.named "encoder"
            let encoder = LmSource.encoder key model source
            let fit = request.Recipe.Mlm.Fit
            let first = from |> Option.map _.Step |> Option.defaultValue 0
            let known = lossesBefore first (file "losses.jsonl")

            RunFile.write
                (file "losses.jsonl")
                (known |> List.map (fun line -> lossLine line + "\n") |> String.concat "")
            |> Result.orRaise

            use log = LineLog.Open(file "losses.jsonl", lossLine) |> Result.orRaise
            let losses = ResizeArray known
            let mutable sum, count = 0.0, 0
            let saved = Stopwatch.StartNew()
            let mutable interrupted = None

            let watch (progress: unit -> MlmProgress) (state: TrainState) =
                sum <- sum + state.Loss
                count <- count + 1

                let stopping = stops () && not state.IsDone

                if state.Step % lossSteps = 0 || state.IsDone || stopping then
                    let line = state.Step, sum / float count
                    losses.Add line
                    log.Append line
                    sum <- 0.0
                    count <- 0

                // A saving where a line ends, so that no step's loss is lost from the log.
                if stopping || (count = 0 && saved.Elapsed >= saveEvery) then
                    MlmCheckpoint.save (file "progress.safetensors") (progress ())
                    saved.Restart()

                    if stopping then
                        interrupted <- Some(Pretrained.Interrupted(state.Step, state.Steps))

                witness.Watch "masked-language model" state
                interrupted.IsNone

            let weights =
                MaskedLanguageModel.pretrainFrom
                    from
                    request.Compute
                    model
                    (MaskingVocabulary.ofTokenizer source.Tokenizer)
                    request.Recipe.Mlm.Hidden
                    fit
                    key
                    watch
                    corpus.Sequences
                    encoder

            match interrupted with
            | Some answer -> answer
            | None ->
                let whole = file "whole"
                let tokens = corpus.Sequences |> Array.sumBy (fun sequence -> int64 sequence.Length)
                Checkpoint.saveEncoder whole request.Dtype model.Encoder weights source.MaxTokens source.Tokenizer

                let losses = JsonArray(losses |> Seq.map (fun line -> JsonNode.Parse(lossLine line)) |> Seq.toArray)

                RunFile.write (Path.Combine(whole, "pretrain.json")) (record request corpus identity tokens losses)
                |> Result.orRaise

                Directory.Move(whole, request.Output)
                Directory.Delete(partial, true)
                Pretrained.Whole(corpus.Sequences.Length, tokens))
