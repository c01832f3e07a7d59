namespace Glem.Laws

open Glem

/// Two students small enough to follow by hand. Each is a table of logits [n; c] that moves towards its targets.
///   q, the "LM", sees no edges.   p, the "GNN", adds the mean of what q says of a node and its neighbours.
module Tables =
    /// A table of logits, row-major : [n; c].
    type private Table = float32[]

    // Numbers from the step's key, so that a key that is reused or ignored shows.
    let private noise strength key count : float32[] =
        Array.init count (fun i -> strength * float32 (Key.seed (Key.at i key) % 1000UL) / 1000f)

    /// Two epochs: each target pulls its row by its weight's share of the largest, at most half of the way.
    let private learn objective (turn: Turn) isNoisy (targets: Targets<'t>) (table: Table) : Table =
        let mix = PerRound.at turn.Round objective.Mix
        let nodes, rows, c = targets.Nodes, targets.Rows.ToArray(), targets.ClassCount
        let weights = Objective.nodeWeights objective.Reduction mix targets
        let largest = Array.max weights
        let learnt = Array.map2 (+) table (noise (if isNoisy then 0.5f else 0f) turn.Key table.Length)

        for epoch in 0..1 do
            for at in Targets.epoch epoch targets do
                let pull = 0.5f * weights[at] / largest

                for k in 0 .. c - 1 do
                    let cell = int nodes[at] * c + k
                    learnt[cell] <- learnt[cell] + pull * (log (rows[at * c + k] + 1e-3f) - learnt[cell])

        learnt

    let private propagate (scene: Scene) (q: Posterior<Lm>) : Table =
        let edges = Scene.edges scene

        [|
            for i in 0 .. scene.NodeCount - 1 do
                let around = edges.NeighboursOf(i * 1<node>).ToArray() |> Array.append [| i |]

                for k in 0 .. scene.ClassCount - 1 do
                    around |> Array.averageBy (fun j -> q.Row(j * 1<node>)[k]) |> (+) 1e-3f |> log
        |]

    let private fits (problem: Problem) : Fits<Lm, Gnn, Table, Table> =
        let supervision = Scene.supervision problem.Scene
        let teaching = Problem.teaching problem
        let c = problem.Scene.ClassCount

        let learn objective turn teacher table =
            let targets = Teaching.targets teaching supervision turn teacher
            learn objective turn problem.Setting.IsNoisy targets table

        {
            FitQ =
                fun turn _ p theta ->
                    let theta = learn (Problem.eObjective problem) turn p theta
                    theta, Posterior.ofLogits c theta
            FitP =
                fun turn _ q phi ->
                    let phi = learn (Problem.mObjective problem) turn q phi
                    phi, Posterior.ofLogits c (Array.map2 (+) phi (propagate problem.Scene q))
        }

    let private numbers: Table -> float[] = Array.map float

    let private start value (problem: Problem) =
        let scene = problem.Scene
        let table: Table = Array.create (scene.NodeCount * scene.ClassCount) value
        Instance.start numbers numbers problem (table, Scene.student scene) (table, Scene.teacher scene)

    let instance: Instance = {
        Name = "tables"
        Cost = 1
        Classes = 5
        Nodes = 40
        HasMix = true
        IsRandom = true
        Start = start 0f
        Spoilt = start nanf
        Steps = fits >> Instance.steps numbers numbers
    }
