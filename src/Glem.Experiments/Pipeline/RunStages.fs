namespace Glem

open System
open System.IO
open System.Security.Cryptography
open System.Text
open System.Text.Json.Nodes

/// The stages of one run, each with all that its answer depends on. Nothing is computed for it, so a dry run knows what a run
/// will do.
type RunStages = {
    /// Majority, and TF-IDF with logistic regression.
    Baselines: StageSpec
    /// The masked-language-model game; None where the recipe skips it.
    Encoder: StageSpec option
    /// The LM on gold labels.
    Lm: StageSpec
    /// The GNN on TF-IDF.
    GnnRaw: StageSpec
    /// The GNN on the LM's embeddings.
    Gnn: StageSpec
    /// The steps of EM, in order: who is taught, the round from 1, the stage.
    Steps: (Student * int * StageSpec) list
}

module RunStages =
    let private digest (bytes: byte[]) = bytes |> SHA256.HashData |> Convert.ToHexStringLower

    /// Of the files of a folder, by name: a model that is exchanged under its name is another model.
    let private folderDigest (folder: string) =
        let line file =
            use stream = File.OpenRead file
            let hash = SHA256.HashData stream |> Convert.ToHexStringLower
            $"%s{Path.GetFileName file}\n%s{hash}\n"

        Directory.GetFiles folder
        |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))
        |> Array.map line
        |> String.concat ""
        |> Encoding.UTF8.GetBytes
        |> digest

    // Fields of a configuration. A JSON node has one parent, so each stage makes its own.
    let private settings name value () = name, Settings.toJson value
    let private text name (value: string) () : string * JsonNode = name, nonNull (JsonValue.Create value)
    let private number name (value: int) () : string * JsonNode = name, JsonValue.Create value

    /// What decides the language model, by content.
    let private lm (recipe: LmRecipe) =
        // Where bits are kept changes none of them.
        let recipe = {
            recipe with
                GradientCheckpointing = false
        }

        match recipe.Pretrained with
        | None -> [ settings "lm" recipe ]
        | Some folder -> [
            settings "lm" { recipe with Pretrained = None }
            text "pretrained" (BundledModel.folderOf folder |> folderDigest)
          ]

    /// A step as one round of it sees it.
    let private stepFields round reduction (recipe: StepRecipe) =
        let ofRound schedule = [ PerRound.at round schedule ]

        let recipe = {
            recipe with
                PseudoWeight = ofRound recipe.PseudoWeight
                Temperature = ofRound recipe.Temperature
        }

        [
            number "round" round
            text "reduction" (Settings.show (reduction: Reduction))
            match recipe.Pool with
            | PoolRecipe.Listed file ->
                settings "step" {
                    recipe with
                        Pool = PoolRecipe.Listed ""
                }

                text "pool" (File.ReadAllBytes file |> digest)
            | _ -> settings "step" recipe
        ]

    /// The stages of a recipe on a data set from a seed.   build : BuildIdentity's
    /// Raises IOException where a file that the recipe names is not there.
    let ofRun (build: JsonNode) (recipe: Recipe) (dataset: Dataset) (seed: int) : RunStages =
        let stage kind name fields inputs =
            let configuration = JsonObject()

            for field in
                [
                    fun () -> "build", build.DeepClone()
                    text "dataset" dataset.Fingerprint
                    text "protocol" (Settings.show recipe.Protocol)
                    settings "links" recipe.Links
                    yield! fields
                ] do
                let name, value = field ()
                configuration.Add(name, value)

            StageSpec.create kind name configuration inputs

        let seeded kind name fields inputs : StageSpec = stage kind name (number "seed" seed :: fields) inputs
        let lmFields = lm recipe.Lm

        let encoder =
            if recipe.Mlm.Fit.Epochs = 0.0 then
                None
            else
                Some(seeded "encoder" "masked-language model" (settings "mlm" recipe.Mlm :: lmFields) [])

        let lm =
            seeded "lm" "LM on gold" (settings "fit" recipe.LmFit :: lmFields) [
                for encoder in Option.toList encoder -> encoder.Key
            ]

        let gnnOnGold = [ settings "gnn" recipe.Gnn; settings "fit" recipe.GnnFit ]

        let gnn =
            let lentLabels = [
                // They are softened as they are in the first M-step.
                if recipe.Gnn.LabelInput.NeedsTeacher then
                    text "labels" (Settings.show recipe.MStep.Labels)
                    text "temperature" (Settings.show (PerRound.at 1 recipe.MStep.Temperature))
            ]

            seeded "gnn" "GNN on embeddings" (gnnOnGold @ lentLabels) [ lm.Key ]

        let eStep round (theta: StageKey) (phi: StageKey) : StageSpec =
            let withoutTeacher = PerRound.at round recipe.EStep.PseudoWeight = 0.0

            // Where pseudo labels weigh nothing there are none (Targets.weighing): all such cells share the LM.
            seeded "e-step" $"E-step %d{round}" (stepFields round recipe.Reduction recipe.EStep) [
                theta
                if not withoutTeacher then
                    phi
            ]

        let mStep round (theta: StageKey) (phi: StageKey) : StageSpec =
            let fields = settings "gnn" recipe.Gnn :: stepFields round recipe.Reduction recipe.MStep
            seeded "m-step" $"M-step %d{round}" fields [ phi; theta ]

        let rec steps round (theta: StageKey) (phi: StageKey) =
            if round > recipe.Rounds then
                []
            else
                match recipe.Order with
                | LmFirst ->
                    let e = eStep round theta phi
                    let m = mStep round e.Key phi
                    (Student.Lm, round, e) :: (Student.Gnn, round, m) :: steps (round + 1) e.Key m.Key
                | GnnFirst ->
                    let m = mStep round theta phi
                    let e = eStep round theta m.Key
                    (Student.Gnn, round, m) :: (Student.Lm, round, e) :: steps (round + 1) e.Key m.Key

        {
            Baselines = stage "baselines" "TF-IDF baselines" [] []
            Encoder = encoder
            Lm = lm
            GnnRaw = seeded "gnn-raw" "GNN on TF-IDF" gnnOnGold []
            Gnn = gnn
            Steps = steps 1 lm.Key gnn.Key
        }

    /// All of them, in the order in which a run asks for them.
    let all (stages: RunStages) : StageSpec list = [
        stages.Baselines
        yield! Option.toList stages.Encoder
        stages.Lm
        stages.GnnRaw
        stages.Gnn
        for _, _, stage in stages.Steps do
            stage
    ]

    /// The stage that teaches a student in a round.
    let step (student: Student) (round: int) (stages: RunStages) : StageSpec =
        stages.Steps
        |> List.pick (fun (who, at, stage) -> if who = student && at = round then Some stage else None)
