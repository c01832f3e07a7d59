namespace Glem

open System
open System.Collections.Generic
open TorchSharp

/// A student's weights averaged over its training, with a memory that fades: average <- decay * average + (1 - decay) * weight
/// (Tarvainen & Valpola 2017). It starts at the student's present weights. What no gradient moves, such as running statistics,
/// is the student's own of the moment. Owns its tensors.
type WeightAverage(compute: Compute, role: string -> Role, student: Parameters) =
    let average = Parameters.Create(compute, role, student.Snapshot())
    let trained = HashSet student.Trained

    /// The average, as parameters that a forward pass can read.
    member _.Parameters = average

    /// Takes the student's present weights in.
    member _.Follow(decay: float) =
        use _ = torch.no_grad ()

        for i in 0 .. average.Names.Length - 1 do
            Scope.freeingAll (fun () ->
                let own, present = average.Masters[i], student.Masters[i]

                if trained.Contains i then
                    own.mul_(decay.ToScalar()).add_(present, (1.0 - decay).ToScalar()) |> ignore
                else
                    own.copy_ present |> ignore

                if not (obj.ReferenceEquals(own, average.Leaves[i])) then
                    average.Leaves[i].copy_ own |> ignore)

    interface IDisposable with
        member _.Dispose() = (average :> IDisposable).Dispose()
