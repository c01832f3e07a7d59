namespace Glem

open System
open System.Collections.Generic
open TorchSharp

/// Low-rank adaptation (Hu et al. 2022): beside a frozen product x W' a product alpha / rank * dropout(x) A' B' is learnt,
/// with A : [rank; inputs] and B : [outputs; rank].
type LoraRecipe = {
    /// 0 trains the whole encoder.
    Rank: int
    Alpha: float
    /// Dropped share of what the adapters read.
    Dropout: float
    /// The products that get one: the ends of their names, in whole parts ("query", "output.dense"), as peft's target_modules.
    Targets: string list
}

/// Adapters are weights of their own, named as peft names them in adapter_model.safetensors.
module Lora =
    let private root = "base_model.model."
    let private downEnd, private upEnd = ".lora_A.weight", ".lora_B.weight"

    /// A's name, of a product's whole name with the family's prefix.
    let down (product: string) = root + product + downEnd

    /// B's.
    let up (product: string) = root + product + upEnd

    /// Whether a weight is an adapter's.
    let isAdapter (name: string) = name.StartsWith(root, StringComparison.Ordinal)

    /// The name, with family's prefix, of the weight that an adapter's stands beside; any other name is its own.
    let beside (name: string) =
        if not (isAdapter name) then
            name
        else
            name.Substring(root.Length, name.Length - root.Length - downEnd.Length) + ".weight"

    /// What B A is multiplied by.
    let scale (recipe: LoraRecipe) = recipe.Alpha / float recipe.Rank

    /// The products that the recipe's targets are, by name without prefix. Error: a target that ends no product's name, with
    /// the last parts that do.
    let products (recipe: LoraRecipe) (specs: WeightSpec list) : Result<string list, GlemError> =
        let all =
            specs
            |> List.filter (fun spec -> spec.Kind = Matrix && spec.Shape.Length = 2)
            |> List.map (fun spec -> spec.Name.Substring(0, spec.Name.Length - ".weight".Length))

        let isOf (target: string) (product: string) =
            product = target || product.EndsWith("." + target, StringComparison.Ordinal)

        match recipe.Targets |> List.tryFind (fun target -> not (List.exists (isOf target) all)) with
        | Some target ->
            let ends = all |> List.map (fun name -> name.Substring(name.LastIndexOf '.' + 1)) |> List.distinct
            Error(InSetting("lm.lora.targets", target, "names that end with " + String.concat ", " ends))
        | None ->
            Ok(
                all
                |> List.filter (fun product -> recipe.Targets |> List.exists (fun target -> isOf target product))
            )

    /// The weights with fresh adapters of some products: A uniform in +-1 / sqrt(inputs) and B 0, as peft starts them, so that
    /// at first nothing changes.   products : whole names
    let withAdapters (key: Key) (recipe: LoraRecipe) (products: string list) (weights: Weights) : Weights =
        let all = Dictionary weights
        let random = Key.named "lora" key |> Random.ofKey

        for product in products do
            let shape = weights[product + ".weight"].Shape
            let rank, inputs, outputs = recipe.Rank, int shape[1], int shape[0]
            let bound = 1.0 / sqrt (float inputs)

            all[down product] <- {
                Shape = [| int64 rank; int64 inputs |]
                Values = Array.init (rank * inputs) (fun _ -> float32 ((2.0 * random.NextDouble() - 1.0) * bound))
            }

            all[up product] <- {
                Shape = [| int64 outputs; int64 rank |]
                Values = Array.zeroCreate (outputs * rank)
            }

        all

    /// The plain weights that compute the same: W + alpha / rank * B A for every adapted W, and no adapters.
    let merge (recipe: LoraRecipe) (weights: Weights) : Weights =
        use _ = torch.no_grad ()
        let plain = weights |> Seq.filter (fun pair -> not (isAdapter pair.Key)) |> Dictionary

        for name in weights.Keys do
            if isAdapter name && name.EndsWith(downEnd, StringComparison.Ordinal) then
                let weight = beside name

                Scope.freeingAll (fun () ->
                    let a = Weight.toTensor weights[name]
                    let b = Weight.toTensor weights[name.Replace(downEnd, upEnd)]
                    let moved = (b.mm a) * scale recipe + Weight.toTensor weights[weight]
                    plain[weight] <- Weight.ofTensor moved)

        plain
