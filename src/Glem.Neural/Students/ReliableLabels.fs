namespace Glem

open System

/// Reliable label utilisation (Zhang et al. 2022, RLU; their code on ogbn-products): what one stage's network is sure of is
/// distilled into the next stage's, and stands among the labels that it reads, if it reads any.
module ReliableLabels =
    /// The nodes without a gold label of whose class a stage is sure, ascending.
    let nodes (threshold: float) (supervision: Supervision) (p: Posterior<Gnn>) =
        let confidence = Posterior.confidence p
        Pool.unlabelled supervision |> Array.filter (fun i -> confidence[int i] > threshold)

    /// What the next stage learns: gold labels, and at the reliable nodes the last stage's distributions, each weighed by its
    /// confidence. With G gold labels and R reliable nodes,
    ///   loss = (sum over gold of CE + weight * sum over reliable of confidence * KL(last stage || student)) / (G + R).
    ///   smoothing : share of a gold label's mass spread over the classes
    let lesson (recipe: ReliableLabelsRecipe) smoothing (supervision: Supervision) (p: Posterior<Gnn>) : Lesson =
        let targets = nodes recipe.Threshold supervision p |> Targets.ofTeacher supervision p
        let confidence = Posterior.confidence p

        let weigh (node: int<node>) isGold =
            (if isGold then 1.0 else recipe.Weight * confidence[int node]) / float targets.Count |> float32

        {
            Nodes = targets.Nodes
            IsGold = targets.IsGold
            Targets = Objective.trainingRows { Gold = smoothing; Pseudo = 0.0 } targets
            Weights = Array.map2 weigh targets.Nodes targets.IsGold
            Classes = targets.ClassCount
            Divergence = TeacherToStudent
            Epoch = fun epoch -> Targets.epoch epoch targets
            PerEpoch = targets.Count
        }

    /// The label inputs of the next stage : [n; c]: gold labels of training nodes, the last stage's distributions at reliable
    /// ones, nothing elsewhere.
    let labels (recipe: ReliableLabelsRecipe) (supervision: Supervision) (p: Posterior<Gnn>) (labels: LabelRows) =
        let rows = Array.zeroCreate<float32> labels.Rows.Length
        let targets = nodes recipe.Threshold supervision p |> Targets.ofTeacher supervision p

        targets.Nodes
        |> Array.iteri (fun at node ->
            targets.Rows.Slice(at * labels.Classes, labels.Classes).CopyTo(rows.AsMemory(int node * labels.Classes)))

        { labels with Rows = rows }

    /// The stages after a first one, each trained from scratch; answers the last, and what it read.
    ///   train : number of the stage, from 2 -> lesson -> inputs -> a training from new weights
    let stages
        (recipe: ReliableLabelsRecipe)
        smoothing
        (supervision: Supervision)
        (train: int -> Lesson -> NodeInputs -> Weights * Posterior<Gnn>)
        (inputs: NodeInputs, first: Weights * Posterior<Gnn>)
        =
        let next (inputs: NodeInputs, (_, p)) stage =
            let inputs = {
                inputs with
                    Labels = inputs.Labels |> Option.map (labels recipe supervision p)
            }

            inputs, train stage (lesson recipe smoothing supervision p) inputs

        [ 2 .. recipe.Stages ] |> List.fold next (inputs, first)
