namespace Glem

open System
open System.Collections.Generic
open TorchSharp
open Glem.Torch.Extensions

/// Which ids the masking game may use.
type MaskingVocabulary = {
    /// Id of [MASK].
    Mask: int
    /// Ids that are never hidden: [PAD], [CLS], [SEP], …
    Special: Set<int>
    Size: int
}

module MaskingVocabulary =
    /// Raises GlemException for a tokenizer without an encoder's special tokens.
    let ofTokenizer (tokenizer: Tokenizer) =
        let specials = tokenizer.Specials

        {
            Mask = specials.Mask
            Special = Set [ specials.Pad; specials.Unknown; specials.Cls; specials.Sep; specials.Mask ]
            Size = tokenizer.VocabularySize
        }

/// Pre-training between two steps: one that was interrupted continues from here with the same bits.
type MlmProgress = {
    /// Steps done.
    Step: int
    /// The encoder and the game's head.
    Weights: Weights
    Optimiser: OptimiserState
}

/// Pre-training on the texts alone: guess hidden tokens (Devlin et al. 2019, section 3.1). No label is involved.
module MaskedLanguageModel =
    let private head = "cls.predictions"
    let private granule = 32

    let private role model =
        let ofModel = LanguageModel.role model

        fun (name: string) ->
            if name = $"%s{head}.transform.dense.weight" then Multiplies
            elif name.StartsWith head then Trains
            else ofModel name

    /// Name of the word embeddings.
    let private words (model: LanguageModel) = Encoder.prefix model.Encoder + Encoder.words model.Encoder

    // The head's names are those of Hugging Face's BertForMaskedLM; its decoder is the word embedding table.
    let private withHead key (model: LanguageModel) (encoder: Weights) : Weights =
        use _ = torch.NewDisposeScope()
        use generator = Generator.ofKey (Key.named "mlm-head" key)
        let shape = Encoder.shape model.Encoder
        // As wide as the table that decodes, which may be narrower than the states.
        let e = encoder[words model].Shape[1]
        let weights = Dictionary<string, Weight>(encoder)
        let add name tensor = weights.Add($"%s{head}.%s{name}", Weight.ofTensor tensor)

        add
            "transform.dense.weight"
            (torch.randn ([| e; int64 shape.Hidden |], generator = generator) * shape.InitializerRange)

        add "transform.dense.bias" (torch.zeros [| e |])
        add "transform.LayerNorm.weight" (torch.ones [| e |])
        add "transform.LayerNorm.bias" (torch.zeros [| e |])
        add "bias" (torch.zeros [| int64 shape.VocabularySize |])
        weights

    /// Hides a share of the ordinary tokens: 80% become [MASK], 10% a random token, 10% stay (Devlin et al. 2019).
    /// Answers the new ids : [t], the hidden positions : [k] ascending, and what stood there : [k].
    let hide (vocabulary: MaskingVocabulary) (share: float) (random: Random) (ids: int[]) =
        let hidden = Array.copy ids
        let positions = List<int>()

        for i in 0 .. ids.Length - 1 do
            if not (vocabulary.Special.Contains ids[i]) && random.NextDouble() < share then
                positions.Add i
                let fate = random.NextDouble()

                if fate < 0.8 then
                    hidden[i] <- vocabulary.Mask
                elif fate < 0.9 then
                    hidden[i] <- random.Next vocabulary.Size

        let positions = positions.ToArray()
        hidden, positions, positions |> Array.map (fun i -> ids[i])

    /// Trains the encoder on the texts for the recipe's epochs and answers its weights, without the game's head. Begins at
    /// `from`, where there is any; after every step `watch` sees its state, and what can be kept to continue from there, and
    /// says whether to go on.
    let pretrainFrom
        (from: MlmProgress option)
        (compute: Compute)
        (model: LanguageModel)
        vocabulary
        share
        (recipe: FitRecipe)
        key
        watch
        (texts: TokenisedTexts)
        (encoder: Weights)
        =
        let start = from |> Option.map _.Weights |> Option.defaultWith (fun () -> withHead key model encoder)
        use p = Parameters.Create(compute, role model, start)
        let rateFactor = Tuning.rateFactor recipe.Optimiser.LayerDecay model.Encoder
        let state = from |> Option.map _.Optimiser
        use optimiser = new Optimiser(recipe.Optimiser, p, ?state = state, rateFactor = rateFactor)
        let plan = FitRecipe.plan texts.Length recipe
        let everyText = Array.init texts.Length id
        let rows = Batches.schedule key recipe.Batch (texts |> Array.map _.Length) (fun _ -> everyText)

        let guess (states: Tensor) =
            let dense = torch.nn.functional.linear (states, p[$"%s{head}.transform.dense.weight"])
            let shifted = dense.``to``(torch.ScalarType.Float32).add p[$"%s{head}.transform.dense.bias"]

            let normed =
                torch.nn.functional.layer_norm (
                    torch.nn.functional.gelu shifted,
                    p[$"%s{head}.transform.LayerNorm.bias"].shape,
                    p[$"%s{head}.transform.LayerNorm.weight"],
                    p[$"%s{head}.transform.LayerNorm.bias"],
                    (Encoder.shape model.Encoder).LayerNormEpsilon
                )

            let table = p[words model].``to`` compute.Dtype
            torch.nn.functional.linear (normed.``to`` compute.Dtype, table)

        // A recurring number of guesses, for the same reason as PackedBatch's filler: a few, evenly spread, stay unasked.
        let asked (positions: int[]) =
            if positions.Length < granule then
                positions.Length
            else
                positions.Length / granule * granule

        // Adds the gradients of a part's share of the step's loss to the leaves.
        let learn mode (share: float) (sequences: TokenisedTexts) (hidden: int[], positions: int[], truth: int[]) =
            let offsets = sequences |> Array.scan (fun at sequence -> at + sequence.Length) 0

            let masked =
                Array.init sequences.Length (fun i -> ReadOnlyMemory(hidden, offsets[i], sequences[i].Length))

            let batch = PackedBatch.ofSequences compute.Device masked
            let pass = LanguageModel.pass compute model Tuning.full p mode
            let states = Encoder.forward model.Encoder pass batch
            let asked = asked positions
            let spread (items: int[]) = Array.init asked (fun k -> items[k * items.Length / asked])
            let positions, truth = spread positions, spread truth
            let at = torch.tensor(positions |> Array.map int64).``to`` compute.Device
            let truth = torch.tensor(truth |> Array.map int64).``to`` compute.Device

            let loss: Tensor =
                Ops.CrossEntropy(guess (states.index_select (0L, at)), p[$"%s{head}.bias"], truth) * share

            pass.Backward loss
            loss.item<float32>() |> float

        let step number =
            Scope.freeingAll (fun () ->
                let dropout = key |> Key.named "dropout" |> Key.at number
                let random = key |> Key.named "masks" |> Key.at number |> Random.ofKey

                let parts =
                    rows number
                    |> Array.splitInto recipe.Accumulate
                    |> Array.map (fun part ->
                        let sequences = part |> Array.map (fun row -> texts[row])
                        sequences, sequences |> Array.collect _.ToArray() |> hide vocabulary share random)

                let guesses = parts |> Array.sumBy (fun (_, (_, positions, _)) -> asked positions)

                let part micro (sequences, (hidden, positions, truth)) =
                    let key = if micro = 0 then dropout else Key.at micro dropout
                    let share = float (asked positions) / float guesses
                    let mode = Training(int64 (Key.seed key))
                    Scope.freeingAll (fun () -> learn mode share sequences (hidden, positions, truth))

                // Where no token was drawn (a last batch of one short text) there is nothing to guess or to learn.
                if guesses = 0 then
                    0.0
                else
                    let loss =
                        parts
                        |> Array.mapi (fun micro game ->
                            let _, (_, positions, _) = game
                            if positions.Length = 0 then 0.0 else part micro game)
                        |> Array.sum

                    optimiser.Step(Schedule.rate recipe.Optimiser plan.Steps number) |> ignore
                    loss)

        let trainee = {
            Name = "masked-language-model pre-training"
            Step = step
            Evaluate = None
            Parameters = p
        }

        let progress step () = {
            Step = step
            Weights = p.Snapshot()
            Optimiser = optimiser.State
        }

        let first = from |> Option.map _.Step |> Option.defaultValue 0

        Training.statesFrom first plan trainee
        |> Seq.takeWhile (fun state -> watch (progress state.Step) state)
        |> Seq.iter ignore

        p.Snapshot() |> Seq.filter (fun pair -> not (pair.Key.StartsWith head)) |> Dictionary :> Weights

    /// The same from its beginning to its end.
    let pretrain compute model vocabulary share recipe key (watch: TrainState -> unit) texts encoder =
        let watch _ state =
            watch state
            true

        pretrainFrom None compute model vocabulary share recipe key watch texts encoder
