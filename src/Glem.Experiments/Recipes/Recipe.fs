namespace Glem

/// Where a student's weights come from when an EM step begins.
type Start =
    /// The encoder pre-trained without labels (or random weights), with a fresh head.
    | Scratch
    /// The student pre-trained on gold labels (official: Prt).
    | Pretrained
    /// What the previous round left (official: PrevEM).
    | Previous

/// Masked-language-model pre-training on the data set's own texts.
type MlmRecipe = {
    /// Share of tokens hidden.
    Hidden: float
    /// 0 epochs skip it.
    Fit: FitRecipe
}

/// How a step's teacher speaks: its probabilities, its likeliest class, or a class drawn from them.
[<RequireQualifiedAccess>]
type LabelRecipe =
    | Soft
    | Hard
    | Sampled

/// Whose labels teach in a step; Teacher says more.
[<RequireQualifiedAccess>]
type TeacherRecipe =
    | Other
    | Shuffled
    | Itself
    /// Uses held-out labels.
    | Oracle

/// The nodes that may get pseudo labels.
[<RequireQualifiedAccess>]
type PoolRecipe =
    /// All but the training nodes (official).
    | Unlabelled
    /// The validation and test nodes (official: papers100M).
    | HeldOut
    | ValidationOnly
    /// The nodes of no part.
    | UnassignedOnly
    /// The nodes whose ids stand in this file, one a line.
    | Listed of string

/// Which of the pool teach, the surest first; Filter says more.
[<RequireQualifiedAccess>]
type FilterRecipe =
    | Everyone
    | Top of float
    | AtLeast of float
    | Balanced of float

/// What makes a teacher sure of a node; Sureness says more.
[<RequireQualifiedAccess>]
type SurenessRecipe =
    | Confidence
    | Margin
    | NegativeEntropy

/// How many of them teach at a time, as a ratio to the training nodes; Sampling says more.
[<RequireQualifiedAccess>]
type SamplingRecipe =
    | All
    | Window of float
    | EachEpoch of float

/// One of EM's two steps.
type StepRecipe = {
    Teacher: TeacherRecipe
    /// Weight of pseudo labels against gold labels, in [0, 1], in rounds 1, 2, …: alpha in the E-step, beta in the M-step.
    PseudoWeight: float list
    /// The teacher's softmax temperature, in rounds 1, 2, ….
    Temperature: float list
    Labels: LabelRecipe
    Divergence: Divergence
    /// Share of every pseudo label's mass spread evenly over the classes.
    PseudoSmoothing: float
    Pool: PoolRecipe
    Filter: FilterRecipe
    Sureness: SurenessRecipe
    Sampling: SamplingRecipe
    Start: Start
    Fit: FitRecipe
}

/// When EM is over before its last round; StopRule says more.
type ConvergenceRecipe = {
    /// Least mean total variation of a side's posterior from round to round; 0 never stops.
    Epsilon: float
    /// Rounds without a better validation accuracy; 0 never stops.
    Patience: int
}

/// The edges that training does not see, so that link prediction can be scored on them; 0 and 0 hold out none.
type LinkRecipe = {
    /// Share of the edges that decoders are chosen on.
    Valid: float
    /// Share of the edges that are scored.
    Test: float
    /// Draws them, whatever the run's own seed: runs that differ in that one hold out the same edges.
    Seed: int
}

/// A whole experiment but its seed: everything that can change a result.
type Recipe = {
    Name: string
    /// A data set's name or folder.
    Dataset: string
    /// Share of each class's training nodes whose labels are given; Dataset.withLabelRate says more.
    LabelRate: float
    /// What of the test nodes is there while students train.
    Protocol: Protocol
    /// What of the edges is held out for link prediction.
    Links: LinkRecipe
    Lm: LmRecipe
    Mlm: MlmRecipe
    /// LM on gold labels.
    LmFit: FitRecipe
    Gnn: GnnRecipe
    /// GNN on gold labels.
    GnnFit: FitRecipe
    Order: Order
    Reduction: Reduction
    Rounds: int
    Convergence: ConvergenceRecipe
    EStep: StepRecipe
    MStep: StepRecipe
}

module Recipe =
    /// What the recipe names that is not there: its path, its name, what is wrong with it, and what there is instead.
    let lacking (recipe: Recipe) : (string * string * string * string) list = [
        if recipe.Gnn.Model = GnnModel.Rgcn then
            "gnn.model", Settings.show recipe.Gnn.Model, "is not built yet", "a model for one kind of edge, such as gcn"

        match recipe.Lm.Pretrained with
        | Some folder when not (PretrainedModel.isFolder folder) ->
            let instead = "null, an encoder from random weights, or a folder with config.json and weights"
            "lm.pretrained", folder, "is no folder of a model here", instead
        | _ -> ()
    ]

    /// The recipe, if all that it names is there. Error: the first name that is not.
    let runnable (recipe: Recipe) : Result<Recipe, GlemError> =
        match lacking recipe with
        | [] -> Ok recipe
        | (path, name, problem, instead) :: _ -> Error(InSetting(path, $"%s{name}, which %s{problem}", instead))

    /// Whether a student learns from held-out labels, so that its scores are no result but a ceiling.
    let usesHeldOutLabels (recipe: Recipe) =
        [ recipe.EStep; recipe.MStep ] |> List.exists (fun step -> step.Teacher = TeacherRecipe.Oracle)

    /// The fields whose range the types do not say; the first that is out of it is the error.
    let validate (recipe: Recipe) : Result<Recipe, GlemError> =
        let check key (value: float) expected isFine =
            if isFine value then
                None
            else
                Some(InSetting(key, value.ToString(System.Globalization.CultureInfo.InvariantCulture), expected))

        let share key value = check key value "a number from 0 to 1" (fun x -> x >= 0.0 && x <= 1.0)
        let dropout key value = check key value "a number from 0 up to, not including, 1" (fun x -> x >= 0.0 && x < 1.0)
        let positive key value = check key value "a finite number above 0" (fun x -> x > 0.0 && x < infinity)

        let atLeast least key (value: int) =
            check key (float value) $"a whole number from %d{least}" (fun x -> x >= float least)

        let notNegative key value = check key value "a finite number from 0" (fun x -> x >= 0.0 && x < infinity)

        let fit key (fit: FitRecipe) = [
            notNegative $"%s{key}.epochs" fit.Epochs
            atLeast 0 $"%s{key}.batch" fit.Batch
            atLeast 1 $"%s{key}.accumulate" fit.Accumulate
            positive $"%s{key}.evaluationsPerEpoch" fit.EvaluationsPerEpoch
            atLeast 0 $"%s{key}.patience" fit.Patience
            share $"%s{key}.labelSmoothing" fit.LabelSmoothing
            positive $"%s{key}.optimiser.learningRate" fit.Optimiser.LearningRate
            notNegative $"%s{key}.optimiser.weightDecay" fit.Optimiser.WeightDecay
            dropout $"%s{key}.optimiser.beta1" fit.Optimiser.Beta1
            dropout $"%s{key}.optimiser.beta2" fit.Optimiser.Beta2
            positive $"%s{key}.optimiser.epsilon" fit.Optimiser.Epsilon
            notNegative $"%s{key}.optimiser.clipNorm" fit.Optimiser.ClipNorm
            share $"%s{key}.optimiser.warmUp" fit.Optimiser.WarmUp
            check $"%s{key}.optimiser.layerDecay" fit.Optimiser.LayerDecay "a number above 0 and at most 1" (fun x ->
                x > 0.0 && x <= 1.0)
        ]

        // The graph model takes a step's nodes at once, at one rate.
        let graphFit key (fit: FitRecipe) = [
            check $"%s{key}.accumulate" (float fit.Accumulate) "1: the GNN takes a step's nodes at once" ((=) 1.0)
            check $"%s{key}.optimiser.layerDecay" fit.Optimiser.LayerDecay "1: the GNN has one rate" ((=) 1.0)
        ]

        let scheduled check key (values: float list) = [
            if values.IsEmpty then
                Some(InSetting(key, "an empty list", "a number, or one for each round"))

            yield! values |> List.map (check key)
        ]

        let step key (step: StepRecipe) =
            [
                yield! scheduled share $"%s{key}.pseudoWeight" step.PseudoWeight
                yield! scheduled positive $"%s{key}.temperature" step.Temperature
                share $"%s{key}.pseudoSmoothing" step.PseudoSmoothing
                match step.Filter with
                | FilterRecipe.Everyone -> None
                | FilterRecipe.Top fraction -> share $"%s{key}.filter.top" fraction
                | FilterRecipe.Balanced fraction -> share $"%s{key}.filter.balanced" fraction
                | FilterRecipe.AtLeast least ->
                    check $"%s{key}.filter.atLeast" least "a finite number" System.Double.IsFinite
                match step.Sampling with
                | SamplingRecipe.All -> None
                | SamplingRecipe.Window ratio -> notNegative $"%s{key}.sampling.window" ratio
                | SamplingRecipe.EachEpoch ratio -> notNegative $"%s{key}.sampling.eachEpoch" ratio
                match step.Divergence, step.Labels with
                | StudentToTeacher, (LabelRecipe.Hard | LabelRecipe.Sampled) ->
                    Some(
                        InSetting(
                            $"%s{key}.divergence",
                            "studentToTeacher with one-hot pseudo labels",
                            "soft labels, or another divergence: it is infinite for these"
                        )
                    )
                | _ -> None
            ]
            @ fit $"%s{key}.fit" step.Fit

        let heads =
            if recipe.Lm.Heads >= 1 && recipe.Lm.Hidden % recipe.Lm.Heads <> 0 then
                Some(InSetting("lm.heads", string recipe.Lm.Heads, $"a divisor of lm.hidden, %d{recipe.Lm.Hidden}"))
            else
                None

        let gnn (gnn: GnnRecipe) = [
            let given check key value = value |> Option.bind (check $"gnn.%s{key}")
            given dropout "inputDropout" gnn.InputDropout
            given dropout "attentionDropout" gnn.AttentionDropout
            given dropout "edgeDropout" gnn.EdgeDropout
            given (atLeast (if gnn.Model = GnnModel.RevGat then 2 else 1)) "layers" gnn.Layers
            given (atLeast 1) "heads" gnn.Heads
            given (atLeast 0) "hops" gnn.Hops
            given share "alpha" gnn.Alpha

            for fanOut in Option.defaultValue [] gnn.FanOuts do
                check "gnn.fanOuts" (float fanOut) "whole numbers from 0, or -1 for all neighbours" (fun x -> x >= -1.0)

            match gnn.Consistency with
            | None -> ()
            | Some consistency ->
                let key = sprintf "gnn.consistency.%s"
                notNegative (key "weight") consistency.Weight
                dropout (key "teacherDecay") consistency.TeacherDecay
                positive (key "temperature") consistency.Temperature
                atLeast 0 (key "warmUp") consistency.WarmUp
                share (key "firstThreshold") consistency.FirstThreshold
                share (key "lastThreshold") consistency.LastThreshold
                atLeast 1 (key "reselectEvery") consistency.ReselectEvery
                dropout (key "evaluationDecay") consistency.EvaluationDecay

            match gnn.ReliableLabels with
            | None -> ()
            | Some reliable ->
                atLeast 1 "gnn.reliableLabels.stages" reliable.Stages
                share "gnn.reliableLabels.threshold" reliable.Threshold
                notNegative "gnn.reliableLabels.weight" reliable.Weight

            let heads = GnnConfig.heads gnn

            match gnn.Model with
            | GnnModel.Gat
            | GnnModel.Gatv2 when heads >= 1 && gnn.Hidden % heads <> 0 ->
                Some(InSetting("gnn.heads", string heads, $"a divisor of gnn.hidden, %d{gnn.Hidden}"))
            | GnnModel.RevGat when gnn.Hidden * heads % 2 <> 0 ->
                Some(
                    InSetting("gnn.hidden", string gnn.Hidden, $"an even number: %d{heads} heads are split into halves")
                )
            | _ -> None
        ]

        let links =
            let links = recipe.Links
            let show (share: float) = share.ToString(System.Globalization.CultureInfo.InvariantCulture)

            [
                share "links.valid" links.Valid
                share "links.test" links.Test
                (if links.Valid + links.Test >= 1.0 then
                     let found = $"%s{show links.Test} beside links.valid=%s{show links.Valid}"
                     Some(InSetting("links.test", found, "shares that leave edges to train on"))
                 else
                     None)
                (if (links.Valid > 0.0) <> (links.Test > 0.0) then
                     let found = $"%s{show links.Valid} beside links.test=%s{show links.Test}"

                     Some(
                         InSetting("links.valid", found, "both above 0, to choose decoders on and to score, or both 0")
                     )
                 else
                     None)
                (if links.Test > 0.0 && recipe.Protocol <> Transductive then
                     let found = $"%s{Protocol.name recipe.Protocol} beside held-out links"
                     Some(InSetting("protocol", found, "transductive: one way to hide edges at a time"))
                 else
                     None)
            ]

        // A head that nothing has taught cannot be the first teacher, nor lend its labels to the GNN.
        let untaught =
            let needsLm = recipe.Order = GnnFirst || recipe.Gnn.LabelInput.NeedsTeacher

            if recipe.LmFit.Epochs = 0.0 && needsLm then
                Some(InSetting("lmFit.epochs", "0", "above 0 where order is gnnFirst or the GNN reads the LM's labels"))
            else
                None

        // A frozen encoder reads each text once, so nothing in it or before it can change from step to step.
        let frozenEncoder =
            let instead = "0 where lm.freeze.encoder is true"

            if not recipe.Lm.Freeze.Encoder then
                None
            elif recipe.Lm.Lora.Rank > 0 then
                Some(InSetting("lm.lora.rank", string recipe.Lm.Lora.Rank, $"%s{instead}: adapters would train it"))
            else
                check "lm.tokenDropout" recipe.Lm.TokenDropout $"%s{instead}: each text is read once, whole" ((=) 0.0)

        // Asked last: a model is built from fields that are in range.
        let fanOuts () =
            match recipe.Gnn.FanOuts with
            | Some fanOuts when recipe.Gnn.Model <> GnnModel.Rgcn ->
                GnnConfig.ofRecipe recipe.Gnn 1 0 2
                |> GnnConfig.gnn
                |> Gnn.sampled fanOuts
                |> Result.map (fun _ -> recipe)
            | _ -> Ok recipe

        [
            check "labelRate" recipe.LabelRate "a number above 0 and at most 1" (fun x -> x > 0.0 && x <= 1.0)
            yield! links
            atLeast 1 "lm.layers" recipe.Lm.Layers
            atLeast 1 "lm.hidden" recipe.Lm.Hidden
            atLeast 1 "lm.heads" recipe.Lm.Heads
            heads
            atLeast 1 "lm.intermediate" recipe.Lm.Intermediate
            dropout "lm.dropout" recipe.Lm.Dropout
            dropout "lm.attentionDropout" recipe.Lm.AttentionDropout
            check "lm.projection" (float recipe.Lm.Projection) "a whole number from 0 to 65536" (fun x ->
                x >= 0.0 && x <= 65536.0)
            dropout "lm.headDropout" recipe.Lm.HeadDropout
            dropout "lm.tokenDropout" recipe.Lm.TokenDropout
            atLeast 8 "lm.maxTokens" recipe.Lm.MaxTokens
            atLeast 300 "lm.vocabulary" recipe.Lm.Vocabulary
            atLeast 0 "lm.freeze.layers" recipe.Lm.Freeze.Layers
            atLeast 0 "lm.lora.rank" recipe.Lm.Lora.Rank
            positive "lm.lora.alpha" recipe.Lm.Lora.Alpha
            dropout "lm.lora.dropout" recipe.Lm.Lora.Dropout
            frozenEncoder
            (if recipe.Lm.Lora.Rank > 0 && recipe.Lm.Lora.Targets.IsEmpty then
                 Some(InSetting("lm.lora.targets", "an empty list", "names of products, such as query and value"))
             else
                 None)
            dropout "mlm.hidden" recipe.Mlm.Hidden
            atLeast 1 "gnn.hidden" recipe.Gnn.Hidden
            dropout "gnn.dropout" recipe.Gnn.Dropout
            yield! gnn recipe.Gnn
            atLeast 2 "gnn.labelFolds" recipe.Gnn.LabelFolds
            atLeast 0 "rounds" recipe.Rounds
            share "convergence.epsilon" recipe.Convergence.Epsilon
            atLeast 0 "convergence.patience" recipe.Convergence.Patience
            untaught
        ]
        @ fit "mlm.fit" recipe.Mlm.Fit
        @ fit "lmFit" recipe.LmFit
        @ fit "gnnFit" recipe.GnnFit
        @ graphFit "gnnFit" recipe.GnnFit
        @ step "eStep" recipe.EStep
        @ step "mStep" recipe.MStep
        @ graphFit "mStep.fit" recipe.MStep.Fit
        |> List.tryPick id
        |> function
            | Some error -> Error error
            | None -> fanOuts ()
