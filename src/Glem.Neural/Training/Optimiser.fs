namespace Glem

open System
open TorchSharp
open Glem.Torch.Extensions

/// AdamW's settings (Loshchilov & Hutter 2019), with Hugging Face's defaults.
type OptimiserRecipe = {
    /// Peak learning rate.
    LearningRate: float
    WeightDecay: float
    Beta1: float
    Beta2: float
    Epsilon: float
    /// Gradients are scaled down to this global L2 norm; 0 leaves them alone.
    ClipNorm: float
    /// Share of all steps over which the rate rises linearly from 0.
    WarmUp: float
    /// After warm-up: fall linearly to 0 (Hugging Face's Trainer), or stay.
    Decay: bool
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

/// AdamW over a student's parameters: moments, and the step that uses up the leaves' gradients. Owns its moments.
type AdamW(recipe: OptimiserRecipe, parameters: Parameters) =
    let zerosLike (tensors: Tensor[]) =
        tensors
        |> Array.map (fun tensor -> torch.zeros_like(tensor, requires_grad = false).DetachFromDisposeScope())

    let means = zerosLike parameters.Masters
    let squares = zerosLike parameters.Masters
    let mutable steps = 0

    // Biases and norms are not decayed (Devlin et al. 2019; Hugging Face's Trainer).
    let decays i = parameters.Masters[i].dim() > 1L

    /// Clips, moves the masters one step, refreshes the bfloat16 leaves and drops the gradients.
    /// Answers the gradients' global L2 norm before clipping.
    member _.Step(rate: float) =
        use _ = torch.no_grad ()

        Scope.freeingAll (fun () ->
            steps <- steps + 1
            // Leaves that this step's loss did not reach keep their values and their moments.
            let reached = [|
                for i in 0 .. parameters.Names.Length - 1 do
                    match parameters.Leaves[i].grad with
                    | null -> ()
                    | gradient -> i, gradient
            |]

            let norm = (reached |> Array.map snd |> Ops.GradNorm).item<float>()

            let scale =
                if recipe.ClipNorm > 0.0 && norm > recipe.ClipNorm then
                    recipe.ClipNorm / (norm + 1e-6)
                else
                    1.0

            // A leaf of its own is the bfloat16 copy that the kernel refreshes with its master.
            let hasShadow i = not (obj.ReferenceEquals(parameters.Masters[i], parameters.Leaves[i]))

            for (isMatrix, isLow), group in reached |> Array.groupBy (fun (i, _) -> decays i, hasShadow i) do
                let pick (tensors: Tensor[]) = group |> Array.map (fun (i, _) -> tensors[i])

                Ops.AdamW(
                    pick parameters.Masters,
                    group |> Array.map snd,
                    pick means,
                    pick squares,
                    (if isLow then pick parameters.Leaves else [||]),
                    rate,
                    recipe.Beta1,
                    recipe.Beta2,
                    recipe.Epsilon,
                    (if isMatrix then recipe.WeightDecay else 0.0),
                    steps,
                    scale
                )

            for leaf in parameters.Leaves do
                leaf.grad <- null

            norm)

    interface IDisposable with
        member _.Dispose() =
            for tensor in Seq.append means squares do
                tensor.Dispose()
