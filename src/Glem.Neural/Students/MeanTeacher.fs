namespace Glem

open System
open TorchSharp

/// One training under consistency regularisation: the teacher, the nodes that it teaches, and the averaged weights that are
/// judged. It knows nothing of how a network reads its nodes. Owns its tensors.
///   key : of the training   epochs, perEpoch : of the whole training, and optimiser steps of one
///   answer : the logits of some nodes, row-major [k; c]
type internal MeanTeacher
    (
        compute: Compute,
        gnn: Gnn,
        key: Key,
        consistency: Consistency,
        epochs: int,
        perEpoch: int,
        student: Parameters,
        answer: Parameters -> int[] -> float32[]
    ) =
    let recipe = consistency.Recipe
    let key = Key.named "mean teacher" key
    let average () = new WeightAverage(compute, Gnn.role gnn, student)
    let judged = if recipe.EvaluationDecay > 0.0 then Some(average ()) else None
    let judgedParameters = judged |> Option.map _.Parameters |> Option.defaultValue student
    let mutable teacher: WeightAverage option = None
    let mutable sure: int[] = [||]

    let choose epoch =
        let posterior: Posterior<Gnn> =
            answer judgedParameters consistency.Pool |> Posterior.ofLogits gnn.Classes

        Consistency.sure (ConsistencyRecipe.threshold recipe epochs epoch) consistency.Pool posterior

    /// The sure nodes of a step: an epoch's steps share them out among themselves, ascending.
    let share step =
        let drawn =
            if perEpoch = 1 then
                sure
            else
                sure |> Key.shuffle (key |> Key.named "shares" |> Key.at (step / perEpoch))

        let at part = int (int64 drawn.Length * int64 part / int64 perEpoch)
        Array.sort drawn[at (step % perEpoch) .. at (step % perEpoch + 1) - 1]

    /// The weights that validation judges and the training answers with.
    member _.Judged = judgedParameters

    /// The nodes that step k, from 0, teaches besides its lesson's, ascending: none in the warm-up, or where nobody is sure.
    member _.Teaches(step: int) : int[] =
        let epoch = step / perEpoch + 1

        if step = recipe.WarmUp * perEpoch then
            teacher <- Some(average ())

        if step % perEpoch = 0 && ConsistencyRecipe.reselects recipe epoch then
            sure <- choose epoch

        if teacher.IsNone then [||] else share step

    /// What step k adds to the loss.
    ///   nodes : those that it teaches, k of them   own : the student's logits of them in the step's training pass : [k; c]
    ///   read : the same in a pass of the teacher's. It drops units too, by masks of its own, and normalises over the nodes
    ///   as the student does.
    member _.Term(step: int, nodes: int[], own: Tensor, read: GnnPass -> int[] -> Tensor) : Tensor =
        let target =
            use _ = torch.no_grad ()
            let seed = key |> Key.named "dropout" |> Key.at step |> Key.seed |> int64
            read (GnnPass(teacher.Value.Parameters, Training seed, still = true)) nodes

        Consistency.loss recipe.Temperature target own * recipe.Weight

    /// Takes in the weights that step k has left.
    member _.Follow(step: int) =
        judged |> Option.iter _.Follow(recipe.EvaluationDecay)

        teacher
        |> Option.iter _.Follow(ConsistencyRecipe.teacherDecay recipe (step + 1 - recipe.WarmUp * perEpoch))

    interface IDisposable with
        member _.Dispose() =
            for average in List.choose id [ judged; teacher ] do
                (average :> IDisposable).Dispose()
