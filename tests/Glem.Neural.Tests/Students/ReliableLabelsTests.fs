module Glem.Neural.Tests.ReliableLabelsTests

open System
open Glem
open TorchSharp
open Xunit

let private recipe = {
    Stages = 3
    Threshold = 0.6
    Weight = 0.1
}

/// A stage's posterior, which is sure of some nodes and not of others.
let private p: Posterior<Gnn> =
    let random = Random 21

    Array.init (TinyTask.nodes * TinyTask.classes) (fun _ -> float32 (4.0 * random.NextDouble()))
    |> Posterior.ofLogits TinyTask.classes

let private confidence = Posterior.confidence p
let private supervision = TinyTask.supervision
let private isGold (i: int<node>) = supervision.Gold(i).IsSome

let private reliable =
    Pool.unlabelled supervision |> Array.filter (fun i -> confidence[int i] > recipe.Threshold)

[<Fact>]
let ``a stage learns gold labels and what the last one was sure of, weighed by its confidence`` () =
    Assert.NotEmpty reliable
    Assert.True(reliable.Length < (Pool.unlabelled supervision).Length)
    let lesson = ReliableLabels.lesson recipe 0.0 supervision p
    Assert.Equal<int<node>>(Array.append supervision.Nodes reliable |> Array.sort, lesson.Nodes)
    let all = float (supervision.Nodes.Length + reliable.Length)

    lesson.Nodes
    |> Array.iteri (fun at node ->
        let weight = if isGold node then 1.0 / all else 0.1 * confidence[int node] / all
        Assert.Equal(weight, float lesson.Weights[at], 1e-7)
        let row = Array.sub lesson.Targets (at * TinyTask.classes) TinyTask.classes

        let expected =
            if isGold node then
                Array.init TinyTask.classes (fun k -> if k = int node % TinyTask.classes then 1f else 0f)
            else
                p.Row(node).ToArray()

        Assert.Equal<float32>(expected, row))

[<Fact>]
let ``the loss is the authors', up to the last stage's own entropy`` () =
    use _ = torch.NewDisposeScope()
    let random = Random 22

    let logits =
        Array.init (TinyTask.nodes * TinyTask.classes) (fun _ -> float32 (3.0 * random.NextDouble()))

    let student: Posterior<Gnn> = Posterior.ofLogits TinyTask.classes logits
    let lesson = ReliableLabels.lesson recipe 0.0 supervision p
    let all = float lesson.Count
    let kl, entropy = Posterior.kl p student, Posterior.entropy p

    let gold =
        supervision.Nodes
        |> Array.averageBy (fun i -> -(Posterior.logProbability i ((supervision.Gold i).Value) student))

    let distilled = reliable |> Array.averageBy (fun i -> confidence[int i] * kl[int i])

    let authors =
        gold * float supervision.Nodes.Length / all + 0.1 * distilled * float reliable.Length / all

    let constant = reliable |> Array.sumBy (fun i -> 0.1 * confidence[int i] * entropy[int i] / all)
    let at = lesson.Nodes |> Array.map int64

    let rows: Tensor =
        torch.tensor(logits).reshape([| int64 TinyTask.nodes; -1L |]).index_select(0L, torch.tensor at)

    let loss = (Lesson.loss torch.CPU lesson (Array.init lesson.Count id) rows).item<float32>() |> float
    Assert.Equal(authors + constant, loss, 1e-5)

let private labels: LabelRows = {
    Rows = Array.create (TinyTask.nodes * TinyTask.classes) 0.25f
    Classes = TinyTask.classes
    Folds = 2
    Key = TinyTask.key
}

[<Fact>]
let ``a stage reads gold labels, what the last one was sure of, and nothing else`` () =
    let read = ReliableLabels.labels recipe supervision p labels

    for node in 0 .. TinyTask.nodes - 1 do
        let row = Array.sub read.Rows (node * TinyTask.classes) TinyTask.classes
        let i = node * 1<node>

        let expected =
            if isGold i then
                Array.init TinyTask.classes (fun k -> if k = node % TinyTask.classes then 1f else 0f)
            elif Array.contains i reliable then
                p.Row(i).ToArray()
            else
                Array.zeroCreate TinyTask.classes

        Assert.Equal<float32>(expected, row)

[<Fact>]
let ``every stage after the first is trained on the stage before it, and the last one is the answer`` () =
    let inputs = {
        TinyTask.inputs TinyTask.features with
            Labels = Some labels
    }

    let nobody: Weights = System.Collections.Generic.Dictionary()

    let posterior number : Posterior<Gnn> =
        Array.init (TinyTask.nodes * TinyTask.classes) (fun i -> float32 ((i * number) % 7))
        |> Posterior.ofLogits TinyTask.classes

    let trained = ResizeArray()

    let train number (lesson: Lesson) (inputs: NodeInputs) =
        let last = posterior (number - 1)
        let expected = ReliableLabels.lesson recipe 0.1 supervision last
        Assert.Equal<int<node>>(expected.Nodes, lesson.Nodes)
        Assert.Equal<float32>(expected.Targets, lesson.Targets)
        Assert.Equal(Some(ReliableLabels.labels recipe supervision last labels), inputs.Labels)
        trained.Add number
        nobody, posterior number

    let first = inputs, (nobody, posterior 1)
    let read, (_, last) = ReliableLabels.stages recipe 0.1 supervision train first
    Assert.Equal<int>([ 2; 3 ], trained)
    Assert.Equal(posterior 3, last)
    Assert.Equal(Some(ReliableLabels.labels recipe supervision (posterior 2) labels), read.Labels)
    let one = ReliableLabels.stages { recipe with Stages = 1 } 0.1 supervision train first
    Assert.Equal(posterior 1, one |> snd |> snd)
    Assert.Equal(Some labels, (fst one).Labels)
    Assert.Equal(2, trained.Count)
