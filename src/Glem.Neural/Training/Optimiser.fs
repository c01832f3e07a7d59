namespace Glem

open System
open System.Collections.Generic
open TorchSharp
open Glem.Torch.Extensions

/// How gradients become a step. Under every rule matrices alone are decayed, biases and norms are not (Devlin et al. 2019).
[<RequireQualifiedAccess>]
type Rule =
    /// Adam, and apart from it the weights shrink by rate * decay (Loshchilov & Hutter 2019; torch.optim.AdamW).
    | AdamW
    /// Adam on gradient + decay * weight, that is, with an L2 penalty (Kingma & Ba 2015; torch.optim.Adam).
    | Adam
    /// gradient + decay * weight over the root of its running mean square (Hinton 2012; torch.optim.RMSprop).
    | RmsProp

/// A rule and its settings.
type OptimiserRecipe = {
    Rule: Rule
    /// Peak learning rate.
    LearningRate: float
    WeightDecay: float
    /// Memory of the mean gradient; RmsProp has none.
    Beta1: float
    /// Memory of the mean squared gradient: Adam's usual 0.999, PyTorch's RMSprop 0.99 (there alpha).
    Beta2: float
    Epsilon: float
    /// Gradients are scaled down to this global L2 norm; 0 leaves them alone.
    ClipNorm: float
    /// Share of all steps over which the rate rises linearly from 0.
    WarmUp: float
    /// After warm-up: fall linearly to 0 (Hugging Face's Trainer), or stay.
    Decay: bool
    /// What a language model's learning rate is multiplied by from each layer to the one below it; 1 is one rate for all.
    LayerDecay: float
}

module Schedule =
    /// The factor on the peak rate at step k of n (k from 0), as Hugging Face's linear schedule with warm-up has it.
    let factor (recipe: OptimiserRecipe) (steps: int) (step: int) =
        let warmUp = recipe.WarmUp * float steps |> Math.Round |> int

        if step < warmUp then float step / float (max 1 warmUp)
        elif not recipe.Decay then 1.0
        else max 0.0 (float (steps - step) / float (max 1 (steps - warmUp)))

    /// The learning rate at step k of n.
    let rate recipe steps step = recipe.LearningRate * factor recipe steps step

/// What an optimiser remembers between steps, by parameter. A value: nothing changes it.
type OptimiserState = {
    /// Steps done.
    Steps: int
    /// Running means of the gradients.
    Means: Weights
    /// Running means of the squared gradients.
    Squares: Weights
}

/// A rule over those of a student's parameters that gradients move: moments, and the step that uses up the leaves' gradients.
/// Owns its moments, which start at `state`, or at 0. `rateFactor` multiplies the rate of a parameter of some name.
type Optimiser(recipe: OptimiserRecipe, parameters: Parameters, ?state: OptimiserState, ?rateFactor: string -> float) =
    let trained (all: 'a[]) = parameters.Trained |> Array.map (fun i -> all[i])

    let names, masters, leaves =
        trained parameters.Names, trained parameters.Masters, trained parameters.Leaves

    let factors =
        match rateFactor with
        | Some factor -> names |> Array.map factor
        | None -> names |> Array.map (fun _ -> 1.0)

    let moments (remembered: OptimiserState -> Weights) =
        Array.zip names masters
        |> Array.map (fun (name, master) ->
            let moment = torch.zeros_like (master, requires_grad = false)

            state
            |> Option.map remembered
            |> Option.iter (fun values ->
                Scope.freeingAll (fun () -> moment.copy_ (Weight.toTensor values[name]) |> ignore))

            moment.DetachFromDisposeScope())

    let means = moments _.Means
    let squares = moments _.Squares
    let mutable steps = state |> Option.map _.Steps |> Option.defaultValue 0

    let decay i = if masters[i].dim() > 1L then recipe.WeightDecay else 0.0

    // A leaf of its own is the bfloat16 copy of its master.
    let hasShadow i = not (obj.ReferenceEquals(masters[i], leaves[i]))

    let withPenalty scale (i, gradient: Tensor) =
        i, gradient.``to`` (torch.ScalarType.Float32) * scale + masters[i] * decay i

    // One pass of the fused kernel over parameters that share a rate and a decay and, or not, have bfloat16 copies to refresh.
    let adam rate scale decay hasShadow (group: (int * Tensor)[]) =
        let pick (tensors: Tensor[]) = group |> Array.map (fun (i, _) -> tensors[i])

        Ops.AdamW(
            pick masters,
            group |> Array.map snd,
            pick means,
            pick squares,
            (if hasShadow then pick leaves else [||]),
            rate,
            recipe.Beta1,
            recipe.Beta2,
            recipe.Epsilon,
            decay,
            steps,
            scale
        )

    let rmsProp (rate: float) (i, gradient: Tensor) =
        let square = squares[i]

        square.mul_(recipe.Beta2.ToScalar()).addcmul_(gradient, gradient, (1.0 - recipe.Beta2).ToScalar())
        |> ignore

        let root = square.sqrt () + recipe.Epsilon
        masters[i].addcdiv_(gradient, root, (-rate * factors[i]).ToScalar()) |> ignore

        if hasShadow i then
            leaves[i].copy_ masters[i] |> ignore

    /// Clips, moves the masters one step, refreshes the bfloat16 leaves and drops the gradients.
    /// Answers the gradients' global L2 norm before clipping.
    member _.Step(rate: float) =
        use _ = torch.no_grad ()

        Scope.freeingAll (fun () ->
            steps <- steps + 1
            // Leaves that this step's loss did not reach keep their values and their moments.
            let reached = [|
                for i in 0 .. names.Length - 1 do
                    match leaves[i].grad with
                    | null -> ()
                    | gradient -> i, gradient
            |]

            let norm = (reached |> Array.map snd |> Ops.GradNorm).item<float>()

            let scale =
                if recipe.ClipNorm > 0.0 && norm > recipe.ClipNorm then
                    recipe.ClipNorm / (norm + 1e-6)
                else
                    1.0

            match recipe.Rule with
            | Rule.AdamW ->
                let kind (i, _) = factors[i], decay i, hasShadow i

                for (factor, decay, hasShadow), group in reached |> Array.groupBy kind do
                    adam (rate * factor) scale decay hasShadow group
            | Rule.Adam ->
                for (factor, hasShadow), group in reached |> Array.groupBy (fun (i, _) -> factors[i], hasShadow i) do
                    group |> Array.map (withPenalty scale) |> adam (rate * factor) 1.0 0.0 hasShadow
            | Rule.RmsProp -> reached |> Array.iter (withPenalty scale >> rmsProp rate)

            for leaf in leaves do
                leaf.grad <- null

            norm)

    /// The present memory: an optimiser that starts from it continues as this one would.
    member _.State: OptimiserState =
        let values (tensors: Tensor[]) : Weights =
            Array.zip names tensors
            |> Seq.map (fun (name, tensor) -> KeyValuePair(name, Weight.ofTensor tensor))
            |> Dictionary
            :> Weights

        {
            Steps = steps
            Means = values means
            Squares = values squares
        }

    interface IDisposable with
        member _.Dispose() =
            for tensor in Seq.append means squares do
                tensor.Dispose()
