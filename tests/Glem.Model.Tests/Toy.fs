/// Two students small enough to follow by hand, on which the engine's laws are checked.
///   q, the "LM": a table of logits, one row a node; no edges.
///   p, the "GNN": the mean of a node's own row and its neighbours' rows of the teacher's probabilities, plus phi.
module Glem.Model.Tests.Toy

open Glem

/// A table of logits [n; c].
type Table = float32[]

/// Seeded noise, so that a key that is reused or ignored shows.
let private noise strength key count : float32[] =
    Array.init count (fun i -> strength * float32 (Key.seed (Key.at i key) % 1000UL) / 1000f)

let private teaching = {
    Softness = Soft(Temperature.create "temperature" 0.5 |> Result.orRaise)
    TopFraction = Fraction.all
}

/// The fits of a scene. Noise 0 makes them equivariant in the names of nodes.
let fits (noiseStrength: float32) (scene: Scene) : Fits<Lm, Gnn, Table, Table> =
    let supervision = Scene.supervision scene
    let edges = Scene.edges scene
    let c = scene.ClassCount

    // A tabular student's best answer to a target is the target itself; it moves half the way.
    let learn (turn: Turn) (targets: Targets<'t>) (table: Table) : Table =
        let nodes, rows = targets.Nodes, targets.Rows.ToArray()
        let learnt = Array.map2 (+) table (noise noiseStrength turn.Key table.Length)

        nodes
        |> Array.iteri (fun at i ->
            for k in 0 .. c - 1 do
                let cell = int i * c + k
                learnt[cell] <- (learnt[cell] + log (rows[at * c + k] + 1e-3f)) / 2f)

        learnt

    let propagate (q: Posterior<Lm>) : Table = [|
        for i in 0 .. scene.NodeCount - 1 do
            let around =
                Array.append
                    [| i * 1<node> |]
                    (edges.NeighboursOf(i * 1<node>).ToArray() |> Array.map (fun j -> j * 1<node>))

            for k in 0 .. c - 1 do
                around |> Array.averageBy (fun j -> q.Row(j)[k]) |> (+) 1e-3f |> log
    |]

    {
        FitQ =
            fun turn p theta ->
                let theta = learn turn (Teaching.targets teaching supervision p) theta
                theta, Posterior.ofLogits c theta
        FitP =
            fun turn _ q phi ->
                let phi = learn turn (Teaching.targets teaching supervision q) phi
                phi, Posterior.ofLogits c (Array.map2 (+) phi (propagate q))
    }

let private blank (scene: Scene) : Table = Array.zeroCreate (scene.NodeCount * scene.ClassCount)

/// The start of a run in either order.
let start order seed (scene: Scene) : EmState<Lm, Gnn, Table, Table> =
    match order with
    | LmFirst -> Em.startWithE (Key.ofSeed seed) (blank scene) (blank scene) (Scene.teacher scene)
    | GnnFirst -> Em.startWithM (Key.ofSeed seed) (blank scene) (blank scene) (Scene.student scene)
