namespace Glem.Laws

open Glem

/// The exact instance of the engine on generated scenes: a node's features are what the scene's student thinks of it.
module ExactTables =
    /// The enumerable problem of a scene.
    let problem (scene: Scene) : ExactProblem =
        let features = (Scene.student scene).Rows.ToArray() |> Array.map float

        Exact.create scene.ClassCount features (Scene.edges scene) (Scene.supervision scene)
        |> Result.orRaise

    /// Scenes whose labellings can be enumerated in no time.
    let domain = Scene.upTo 3 7

    /// A model that a seed draws: weights of either sign, edges that attract or repel.
    let drawn seed (scene: Scene) : Pairwise =
        let number i =
            let bits = Key.ofSeed seed |> Key.named "phi" |> Key.at i |> Key.seed
            4.0 * (float (bits % 1000UL) / 1000.0 - 0.5)

        let c = scene.ClassCount

        {
            Unary = Array.init (c * c) number
            Coupling = number (c * c)
        }

    let private theta variational =
        match variational with
        | MeanField numbers
        | Joint numbers -> Array.copy numbers

    let private phi (model: Pairwise) = Array.append model.Unary [| model.Coupling |]

    let private spoil variational =
        match variational with
        | MeanField rows -> MeanField(rows |> Array.map (fun _ -> nan))
        | Joint table -> Joint(table |> Array.map (fun _ -> nan))

    let private start isSpoilt posterior (run: Problem) =
        let exact = problem run.Scene
        let model = Exact.indifferent exact
        let variational = posterior exact model
        let q: Posterior<Lm> = Exact.q exact variational
        let p: Posterior<Gnn> = Exact.p exact model

        let variational, model =
            if isSpoilt then
                spoil variational, { model with Coupling = nan }
            else
                variational, model

        Instance.start theta phi run (variational, q) (model, p)

    let private instance name posterior : Instance = {
        Name = name
        Cost = 2
        Classes = 3
        Nodes = 7
        HasMix = false
        IsRandom = false
        Start = start false posterior
        Spoilt = start true posterior
        Steps =
            fun run ->
                let fits: Fits<Lm, Gnn, Variational, Pairwise> = Exact.fits (problem run.Scene) 3
                Instance.steps theta phi fits
    }

    /// q is a mean field, as in the paper.
    let meanField = instance "exact tables, mean field" (fun exact _ -> Exact.uniform exact)

    /// q is any distribution: classical EM.
    let joint = instance "exact tables, joint" (fun exact model -> Exact.posterior exact model)
