namespace Glem.Laws

open FsCheck.FSharp
open Glem

/// EM's theory, on graphs whose every labelling can be listed.
module ExactLaws =
    // What float64 sums over hundreds of labellings round to.
    let private slack = 1e-9

    let private withSeeds = ExactTables.domain |> Scene.beside (Gen.choose (0, 1000000))

    /// The bound after each step of a run, from a model that a seed draws.
    let private bounds rounds start (scene: Scene, seed) =
        let exact = ExactTables.problem scene
        let phi = ExactTables.drawn seed scene
        let theta = start exact phi
        let fits: Fits<Lm, Gnn, _, _> = Exact.fits exact 3

        let bound state =
            match state with
            | ReadyForE(theta = theta; phi = phi)
            | ReadyForM(theta = theta; phi = phi) -> Exact.elbo exact phi theta

        let first = Em.startWithE (Key.ofSeed seed) theta phi (Exact.p exact phi)
        bound first :: (Em.run rounds fits first |> Seq.map bound |> Seq.toList)

    let private neverFalls bounds =
        bounds |> List.pairwise |> List.forall (fun (before, after) -> after >= before - slack)

    let private blank exact (_: Pairwise) = Exact.uniform exact

    let private rises = {
        Name = "with KL(q || p) in the E-step and the joint likelihood in the M-step, the ELBO never falls"
        Statement =
            "L(theta_t+1, phi_t) >= L(theta_t, phi_t) and L(theta_t+1, phi_t+1) >= L(theta_t+1, phi_t), for mean field and for any q"
        Source = "Zhao et al. 2023, section 4, the evidence lower bound; Neal & Hinton 1998"
        Guards = "an E-step in the wrong direction; an M-step that overshoots"
        Mutation = "an E-step that leaves the neighbours out"
        Cases = [
            {
                Instance = ExactTables.meanField.Name
                Try = Law.tryOn 1 withSeeds (bounds 6 blank >> neverFalls)
            }
            {
                Instance = ExactTables.joint.Name
                Try = Law.tryOn 1 withSeeds (bounds 6 Exact.posterior >> neverFalls)
            }
        ]
    }

    let private isBelow = {
        Name = "the ELBO is at most log p(y_L)"
        Statement =
            "L(theta, phi) = log p_phi(y_L) - KL(q || p_phi(y_U | y_L)) <= log p_phi(y_L), for any q, fitted or not"
        Source = "Zhao et al. 2023, section 4, the evidence lower bound (Jensen)"
        Guards = "an entropy with the wrong sign, or a partition function over the unlabelled nodes only"
        Mutation = "the entropy counted twice"
        Cases =
            Law.on
                ExactTables.meanField.Name
                (withSeeds |> Scene.beside (Gen.choose (0, 1000000)))
                (fun ((scene, seed), other) ->
                    let exact = ExactTables.problem scene
                    let phi = ExactTables.drawn seed scene
                    let evidence = Exact.logEvidence exact phi

                    [
                        Exact.uniform exact
                        Exact.fitQ exact phi (Exact.uniform exact)
                        Exact.posterior exact (ExactTables.drawn other scene)
                    ]
                    |> List.forall (fun theta -> Exact.elbo exact phi theta <= evidence + slack))
    }

    let private isTight = {
        Name = "the ELBO equals log p(y_L) at the exact posterior"
        Statement = "q = p_phi(y_U | y_L): L(theta, phi) = log p_phi(y_L)"
        Source = "Zhao et al. 2023, section 4: tight iff q is the posterior"
        Guards = "a bound that misses a constant: harmless to training, wrong in every report"
        Mutation = "the posterior of a model without its coupling"
        Cases =
            Law.on ExactTables.joint.Name withSeeds (fun (scene, seed) ->
                let exact = ExactTables.problem scene
                let phi = ExactTables.drawn seed scene
                let theta = Exact.fitQ exact phi (Exact.posterior exact (Exact.indifferent exact))
                Law.close 1e-9 (Exact.logEvidence exact phi) (Exact.elbo exact phi theta))
    }

    let private likelihoodRises = {
        Name = "with the exact posterior in the E-step, log p(y_L) never falls"
        Statement = "log p_phi_t+1(y_L) >= log p_phi_t(y_L)"
        Source = "Dempster, Laird & Rubin 1977"
        Guards = "an M-step that fits q instead of the labels"
        Mutation = "an M-step that climbs the wrong way and accepts it"
        Cases =
            Law.on ExactTables.joint.Name withSeeds (fun (scene, seed) ->
                let exact = ExactTables.problem scene

                let round phi = Exact.fitP exact 3 (Exact.posterior exact phi) phi

                Seq.unfold (fun phi -> Some(Exact.logEvidence exact phi, round phi)) (ExactTables.drawn seed scene)
                |> Seq.truncate 5
                |> Seq.toList
                |> neverFalls)
    }

    let private isCoordinateOptimum = {
        Name = "after a mean-field E-step no node's distribution can be changed for the better"
        Statement = "q_n -> any other row, all others held: the ELBO does not rise"
        Source = "Zhao et al. 2023, section 4 (mean field); Bishop 2006, section 10.1"
        Guards = "updates that read a neighbour's old value; a neighbour that is forgotten"
        Mutation = "an E-step that leaves the neighbours out"
        Cases =
            Law.on
                ExactTables.meanField.Name
                (withSeeds |> Scene.beside (Gen.choose (0, 1000000)))
                (fun ((scene, seed), other) ->
                    let exact = ExactTables.problem scene
                    let phi = ExactTables.drawn seed scene

                    match Exact.fitQ exact phi (Exact.uniform exact) with
                    | Joint _ -> false
                    | MeanField rows as fitted ->
                        let c = scene.ClassCount
                        let best = Exact.elbo exact phi fitted

                        let others: Posterior<Lm> =
                            Exact.q exact (Exact.posterior exact (ExactTables.drawn other scene))

                        Pool.unlabelled (Scene.supervision scene)
                        |> Array.forall (fun i ->
                            let changed = Array.copy rows
                            let row = others.Row(i).ToArray() |> Array.map float
                            // float32 rows add up to 1 only nearly.
                            let total = Array.sum row
                            row |> Array.iteri (fun k x -> changed[int i * c + k] <- x / total)
                            Exact.elbo exact phi (MeanField changed) <= best + 1e-7))
    }

    let private isExactAlone = {
        Name = "where no two unlabelled nodes are neighbours, the mean field is exact"
        Statement =
            "no edge within U: max_theta L(theta, phi) = log p_phi(y_L), and its rows are the posterior's marginals"
        Source = "conditional independence given y_L"
        Guards = "gold neighbours that are not conditioned on"
        Mutation = "an E-step that leaves the neighbours out"
        Cases =
            Law.on ExactTables.meanField.Name withSeeds (fun (scene, seed) ->
                let isGold i = scene.Actors[i].Part = Train

                let scene = {
                    scene with
                        Pairs = scene.Pairs |> Array.filter (fun (a, b) -> isGold a || isGold b)
                }

                let exact = ExactTables.problem scene
                let phi = ExactTables.drawn seed scene
                let theta = Exact.fitQ exact phi (Exact.uniform exact)
                let q: Posterior<Lm> = Exact.q exact theta
                let p: Posterior<Gnn> = Exact.p exact phi

                Law.close 1e-9 (Exact.logEvidence exact phi) (Exact.elbo exact phi theta)
                && Posterior.isClose 1e-6 q p)
    }

    let private evidence = {
        Name = "without coupling, log p(y_L) is logistic regression's log-likelihood"
        Statement = "J = 0: log p_phi(y_L) = sum_{n in L} ln softmax(W x_n)_{y_n}"
        Source = "the model of the exact instance, a conditional random field (Lafferty, McCallum & Pereira 2001)"
        Guards = "a partition function over the unlabelled nodes only, which no comparison of bounds would notice"
        Mutation = "ln Z summed over the labellings that agree with the gold labels"
        Cases =
            Law.on ExactTables.joint.Name withSeeds (fun (scene, seed) ->
                let phi = {
                    ExactTables.drawn seed scene with
                        Coupling = 0.0
                }

                let c = scene.ClassCount
                let features = (Scene.student scene).Rows.ToArray() |> Array.map float

                let logLikelihood (i: int<node>, gold: int<cls>) =
                    let z =
                        Array.init c (fun k ->
                            Seq.sum (seq { for f in 0 .. c - 1 -> phi.Unary[k * c + f] * features[int i * c + f] }))

                    z[int gold] - log (Array.sumBy exp z)

                Law.close
                    1e-9
                    (Scene.gold scene |> Array.sumBy logLikelihood)
                    (Exact.logEvidence (ExactTables.problem scene) phi))
    }

    let chapter = {
        Title = "EM where everything can be counted"
        Laws = [
            rises
            isBelow
            isTight
            likelihoodRises
            isCoordinateOptimum
            isExactAlone
            evidence
        ]
    }
