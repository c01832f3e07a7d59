namespace Glem

open System
open TorchSharp

/// One training under consistency regularisation: the teacher, the nodes that it teaches, and the averaged weights that are
/// judged. A step takes all nodes, so it is an epoch. Owns its tensors.
///   epochs : of the whole training   predict : the logits of every node, row-major [n; c]
type internal MeanTeacher
    (
        compute: Compute,
        gnn: Gnn,
        graph: GraphTensors,
        key: Key,
        consistency: Consistency,
        epochs: int,
        student: Parameters,
        predict: Parameters -> float32[]
    ) =
    let recipe = consistency.Recipe
    let average () = new WeightAverage(compute, Gnn.role gnn, student)
    let judged = if recipe.EvaluationDecay > 0.0 then Some(average ()) else None
    let mutable teacher: WeightAverage option = None
    let mutable sure: int64[] = [||]

    let judgedParameters () =
        judged |> Option.map _.Parameters |> Option.defaultValue student

    /// The teacher drops units too, by masks of its own, and normalises over the nodes as the student does : [n; c].
    let teach (teacher: WeightAverage) step x =
        use _ = torch.no_grad ()
        let seed = key |> Key.named "teacher" |> Key.at step |> Key.seed |> int64
        gnn.Forward (GnnPass(teacher.Parameters, Training seed, still = true)) graph x

    /// The weights that validation judges and the training answers with.
    member _.Judged = judgedParameters ()

    /// What step k, from 0, adds to the loss, given the network's inputs : [n; d] and its logits there : [n; c].
    member _.Term(step: int, x: NodeFeatures, logits: Tensor) : Tensor option =
        let epoch = step + 1

        if epoch = recipe.WarmUp + 1 then
            teacher <- Some(average ())

        if ConsistencyRecipe.reselects recipe epoch then
            sure <-
                predict (judgedParameters ())
                |> Posterior.ofLogits gnn.Classes
                |> Consistency.sure (ConsistencyRecipe.threshold recipe epochs epoch) consistency.Pool
                |> Array.map int64

        match teacher with
        | Some teacher when sure.Length > 0 ->
            let rows = torch.tensor(sure).``to`` compute.Device
            let target = (teach teacher step x).index_select (0L, rows)
            Some(Consistency.loss recipe.Temperature target (logits.index_select (0L, rows)) * recipe.Weight)
        | _ -> None

    /// Takes the weights in that step k has left.
    member _.Follow(step: int) =
        judged |> Option.iter _.Follow(recipe.EvaluationDecay)

        teacher
        |> Option.iter _.Follow(ConsistencyRecipe.teacherDecay recipe (step + 1 - recipe.WarmUp))

    interface IDisposable with
        member _.Dispose() =
            for average in List.choose id [ judged; teacher ] do
                (average :> IDisposable).Dispose()
