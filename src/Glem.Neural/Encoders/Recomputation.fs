namespace Glem

open System.Collections.Generic
open TorchSharp

/// Parts of a forward pass of which the result alone is kept (gradient checkpointing, Chen et al. 2016): the backward pass
/// runs each of them again, from the last to the first, for what its gradients need. A result is a leaf: gradients gather in
/// it, and from there the part that made it hands them down.
type Recomputation() =
    let parts = Stack<struct ((unit -> Tensor) * Tensor)>()

    /// A part's result. The part may read tensors that live until Backward is done, leaves and results of other parts alone
    /// where they have gradients, and it must compute the same bits whenever it is run.
    member _.Run(part: unit -> Tensor) : Tensor =
        let result =
            Scope.freeing Seq.singleton (fun () ->
                let result = part ()
                // Behind frozen weights nothing needs a gradient.
                if result.requires_grad then result.detach().requires_grad_ true else result)

        if result.requires_grad then
            parts.Push(struct (part, result))

        result

    /// Hands the gradients that a loss's backward left in results down to the leaves below.
    member _.Backward() =
        while parts.Count > 0 do
            let struct (part, result) = parts.Pop()

            Scope.freeingAll (fun () ->
                match result.grad with
                | null -> ()
                | gradient ->
                    result.grad <- null
                    (part ()).backward [| gradient |])
