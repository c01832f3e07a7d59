namespace Glem

open System

/// Which of a language model's weights labels move. The head's and the projection's always move.
type Tuning = {
    Freeze: FreezeRecipe
    /// Where there is one, it is all of the encoder that moves.
    Lora: LoraRecipe option
}

module Tuning =
    /// All weights move.
    let full: Tuning = {
        Freeze = {
            Embeddings = false
            Layers = 0
            Encoder = false
        }
        Lora = None
    }

    /// What the recipe says of this encoder. Error: more frozen layers than it has, a target that it has not.
    let ofRecipe (recipe: LmRecipe) (encoder: Encoder) : Result<Tuning, GlemError> =
        let layers = (Encoder.shape encoder).Layers

        if recipe.Freeze.Layers > layers then
            Error(
                InSetting("lm.freeze.layers", string recipe.Freeze.Layers, $"at most %d{layers}, which the encoder has")
            )
        elif recipe.Lora.Rank = 0 then
            Ok { full with Freeze = recipe.Freeze }
        else
            Lora.products recipe.Lora (Encoder.specs encoder)
            |> Result.map (fun _ -> {
                Freeze = recipe.Freeze
                Lora = Some recipe.Lora
            })

    let private isIn (encoder: Encoder) (name: string) =
        name.StartsWith(Encoder.prefix encoder, StringComparison.Ordinal)

    let private depth encoder (name: string) = Encoder.depth encoder (name.Substring (Encoder.prefix encoder).Length)

    /// How a weight is used while labels train the model, from how it is used.   name : with the family's prefix
    let role (tuning: Tuning) (encoder: Encoder) (whole: string -> Role) (name: string) =
        let isFrozen () =
            match depth encoder name with
            | 0 -> tuning.Freeze.Embeddings
            | layer -> layer <= tuning.Freeze.Layers

        if Lora.isAdapter name then
            Multiplies
        elif isIn encoder name && (tuning.Lora.IsSome || tuning.Freeze.Encoder || isFrozen ()) then
            Frozen(whole name)
        else
            whole name

    /// The weights that training starts from: with adapters where the tuning has them, above the frozen layers.
    let start (key: Key) (tuning: Tuning) (encoder: Encoder) (weights: Weights) : Weights =
        match tuning.Lora with
        | None -> weights
        | Some lora ->
            let products =
                Lora.products lora (Encoder.specs encoder)
                |> Result.orRaise
                |> List.filter (fun product -> Encoder.depth encoder product > tuning.Freeze.Layers)
                |> List.map (fun product -> Encoder.prefix encoder + product)

            Lora.withAdapters key lora products weights

    /// What a weight's learning rate is multiplied by: 1 for heads, `decay` less for each layer below them, and for the
    /// embeddings below the lowest (layer-wise decay: Howard & Ruder 2018, section 3.2).
    let rateFactor (decay: float) (encoder: Encoder) (name: string) =
        let name = Lora.beside name

        if isIn encoder name then
            Math.Pow(decay, float ((Encoder.shape encoder).Layers + 1 - depth encoder name))
        else
            1.0
