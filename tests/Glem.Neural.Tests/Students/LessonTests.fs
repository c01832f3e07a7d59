module Glem.Neural.Tests.LessonTests

open System
open Glem
open TorchSharp
open Xunit

let private logits =
    let random = Random 3
    Array.init (TinyTask.nodes * TinyTask.classes) (fun _ -> float32 (8.0 * random.NextDouble() - 4.0))

let private teacher: Posterior<Gnn> =
    let random = Random 4

    Array.init (TinyTask.nodes * TinyTask.classes) (fun _ -> float32 (6.0 * random.NextDouble()))
    |> Posterior.ofLogits TinyTask.classes

let private targets =
    Targets.ofTeacher TinyTask.supervision teacher (Pool.unlabelled TinyTask.supervision)

let private hardTargets =
    Targets.ofTeacher TinyTask.supervision (Posterior.harden teacher) (Pool.unlabelled TinyTask.supervision)

let private drawnTargets = Targets.drawnEachEpoch (Key.ofSeed 6) 4 targets

/// The tensor loss of a student's logits at some rows of the lesson.
let private loss (lesson: Lesson) (rows: int[]) =
    use _ = torch.NewDisposeScope()
    let all = torch.tensor(logits).reshape([| int64 TinyTask.nodes; int64 TinyTask.classes |])
    let taught = torch.tensor (rows |> Array.map (fun row -> int64 lesson.Nodes[row]))
    Lesson.loss torch.CPU lesson rows (all.index_select (0L, taught)) |> _.item<float32>() |> float

let private reductions = [ GroupMeans; Sums; CertaintyMeans ]
let private divergences = [ TeacherToStudent; StudentToTeacher; JensenShannon ]

let private objective reduction divergence smoothing alpha = {
    Mix = [ Mix.create "alpha" alpha |> Result.orRaise ]
    Reduction = reduction
    Divergence = divergence
    Smoothing = smoothing
}

[<Fact>]
let ``a batch's loss is the objective's, on any rows and for any alpha`` () =
    let student: Posterior<Lm> = Posterior.ofLogits TinyTask.classes logits
    let random = Random 5

    for reduction, divergence in List.allPairs reductions divergences do
        for alpha in [ 0.0; 0.3; 1.0 ] do
            for targets in [ targets; hardTargets; drawnTargets ] do
                let smoothing = { Gold = 0.1; Pseudo = 0.2 }
                let objective = objective reduction divergence smoothing alpha
                let lesson = Lesson.ofTargets objective 1 targets
                let targets = Targets.weighing objective.Mix.Head targets
                let weights = Objective.nodeWeights reduction objective.Mix.Head targets
                let taught = Objective.trainingRows smoothing targets

                for _ in 1..5 do
                    let rows = Array.init (random.Next(1, 12)) (fun _ -> random.Next targets.Count)
                    let scale = float lesson.PerEpoch / float rows.Length
                    let expected = scale * Objective.batchLoss divergence weights taught targets student rows
                    Assert.Equal(expected, loss lesson rows, 1e-5 * max 1.0 (abs expected))

[<Fact>]
let ``the mean over any cut into equal batches is the whole loss`` () =
    for reduction, divergence in List.allPairs reductions divergences do
        let lesson =
            Lesson.ofTargets (objective reduction divergence { Gold = 0.1; Pseudo = 0.0 } 0.4) 1 targets

        let whole = loss lesson [| 0 .. lesson.Count - 1 |]

        for seed in 0..9 do
            let batches = Key.shuffle (Key.ofSeed seed) [| 0 .. lesson.Count - 1 |] |> Array.chunkBySize 5
            Assert.Equal(whole, batches |> Array.averageBy (loss lesson), 1e-5 * max 1.0 whole)

[<Fact>]
let ``smoothing spreads a share of every gold target and leaves pseudo labels alone`` () =
    let lesson smoothing = Lesson.ofTargets (objective GroupMeans TeacherToStudent smoothing 0.4) 1 targets
    let plain, smoothed = lesson Smoothing.none, lesson { Gold = 0.3; Pseudo = 0.0 }

    let row (lesson: Lesson) i = Array.sub lesson.Targets (3 * i) 3
    Assert.Contains(true, targets.IsGold)
    Assert.Contains(false, targets.IsGold)

    targets.IsGold
    |> Array.iteri (fun i isGold ->
        if isGold then
            Golden.agree
                "gold row"
                1e-6
                0.0
                (row plain i |> Array.map (fun t -> if t = 1f then 0.8f else 0.1f))
                (row smoothed i)
        else
            Assert.Equal<float32>(row plain i, row smoothed i))
