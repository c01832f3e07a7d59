namespace Glem

open System

/// phi of the exact instance: a node's class depends on its features and on its neighbours' classes.
type Pairwise = {
    /// What a feature says for a class, row-major : [c; d].
    Unary: float[]
    /// What an edge pays for ends of one class; above 0: homophily.
    Coupling: float
}

/// theta of the exact instance: q(y_U), a distribution over the labels of the nodes without gold label.
type Variational =
    /// Independent nodes (the paper's mean field), row-major : [n; c]; training nodes one-hot.
    | MeanField of float[]
    /// Any distribution: a probability for each labelling, in the order of enumeration : [c^u].
    | Joint of float[]

/// A graph small enough to enumerate every labelling of: all that the paper approximates is a finite sum here.
type ExactProblem = private {
    features: float[]
    width: int
    edges: Csr
    supervision: Supervision
} with

    member this.NodeCount = this.edges.NodeCount
    member this.ClassCount = this.supervision.ClassCount

/// Variational EM without an approximation (Zhao et al. 2023, section 4; Neal & Hinton 1998): the E-step
/// minimises KL(q || p), the direction that the theory wants, and the M-step raises E_q[log p_phi(y_L, y_U)] itself, not
/// a pseudo-likelihood. The evidence lower bound
///   L(theta, phi) = E_q[log p_phi(y_L, y_U | x, A)] + H(q) <= log p_phi(y_L | x, A)
/// then never falls. On networks nothing of that is certain, which is why it is asserted here and only recorded there.
///
/// The model is a conditional random field over the whole graph:
///   log p_phi(y | x, A) = sum_i (W x_i)_{y_i} + J * sum_{i - j} [y_i = y_j] - ln Z(phi)
module Exact =
    /// Most labellings of the whole graph, c^n: what one sum over them may cost.
    let mostLabellings = 200_000.0

    /// A problem of a graph and its gold labels.   features : [n; d] row-major
    /// Error: more labellings than can be enumerated. Raises ArgumentException where shapes disagree.
    let create (width: int) (features: float[]) (edges: Csr) (supervision: Supervision) =
        let n, c = edges.NodeCount, supervision.ClassCount

        if supervision.NodeCount <> n || features.Length <> n * width then
            invalidArg (nameof features) $"%d{features.Length} features of width %d{width} for %d{n} nodes"

        let labellings = float c ** float n

        if labellings > mostLabellings then
            Error(InValue("exact tables", $"%d{c}^%d{n} labellings", $"at most %g{mostLabellings}: a smaller graph"))
        else
            Ok {
                features = Array.copy features
                width = width
                edges = edges
                supervision = supervision
            }

    /// (W x_i)_k of every node, row-major : [n; c].
    let private unaries (problem: ExactProblem) (phi: Pairwise) =
        let c, d = problem.ClassCount, problem.width

        Array.init (problem.NodeCount * c) (fun cell ->
            let i, k = cell / c, cell % c
            Seq.sum (seq { for f in 0 .. d - 1 -> phi.Unary[k * d + f] * problem.features[i * d + f] }))

    let private earlierNeighbours (problem: ExactProblem) i =
        problem.edges.NeighboursOf(i * 1<node>).ToArray() |> Array.filter (fun j -> j < i)

    /// Every labelling that agrees with the gold labels (or every one), and its score, log p up to ln Z, in an order that
    /// depends on the problem alone. `visit` must not keep the labelling.
    let private enumerate isClamped (problem: ExactProblem) (phi: Pairwise) (visit: int[] -> float -> unit) =
        let n, c = problem.NodeCount, problem.ClassCount
        let unary = unaries problem phi
        let earlier = Array.init n (earlierNeighbours problem)
        let labels = Array.zeroCreate<int> n

        let allowed i =
            match problem.supervision.Gold(i * 1<node>) with
            | ValueSome gold when isClamped -> [| int gold |]
            | _ -> [| 0 .. c - 1 |]

        let allowed = Array.init n allowed

        let rec assign i score =
            if i = n then
                visit labels score
            else
                for k in allowed[i] do
                    labels[i] <- k
                    let agreeing = earlier[i] |> Array.sumBy (fun j -> if labels[j] = k then 1.0 else 0.0)
                    assign (i + 1) (score + unary[i * c + k] + phi.Coupling * agreeing)

        assign 0 0.0

    let private scores isClamped problem phi =
        let found = ResizeArray()
        enumerate isClamped problem phi (fun _ score -> found.Add score)
        found.ToArray()

    let private logSum (scores: float[]) =
        let top = Array.max scores
        top + log (scores |> Array.sumBy (fun score -> exp (score - top)))

    /// ln Z(phi), over all labellings of the graph.
    let private logPartition problem phi = scores false problem phi |> logSum

    /// log p_phi(y_L | x, A), what EM is to raise: the gold labels' probability, the others summed out.
    let logEvidence problem phi = logSum (scores true problem phi) - logPartition problem phi

    /// p_phi(y_U | x, A, y_L), the exact posterior : Joint.
    let posterior problem phi =
        let scores = scores true problem phi
        let logZ = logSum scores
        scores |> Array.map (fun score -> exp (score - logZ)) |> Joint

    /// What a distribution over labellings expects of the model's statistics.
    type private Moments = {
        /// Probability of each class of each node : [n; c].
        Marginals: float[]
        /// Edges whose ends agree.
        Agreement: float
    }

    let private edgesOf (problem: ExactProblem) = [|
        for i in 0 .. problem.NodeCount - 1 do
            for j in earlierNeighbours problem i do
                struct (j, i)
    |]

    /// The moments of a distribution given by the probability of each labelling, in the order of enumeration.
    let private momentsOf isClamped (problem: ExactProblem) (probabilities: float[]) =
        let c = problem.ClassCount
        let marginals = Array.zeroCreate (problem.NodeCount * c)
        let edges = edgesOf problem
        let mutable agreement = 0.0
        let mutable at = 0
        // The order of enumeration does not depend on phi.
        let nothing = {
            Unary = Array.zeroCreate (c * problem.width)
            Coupling = 0.0
        }

        enumerate isClamped problem nothing (fun labels _ ->
            let p = probabilities[at]
            at <- at + 1
            labels |> Array.iteri (fun i k -> marginals[i * c + k] <- marginals[i * c + k] + p)

            for struct (j, i) in edges do
                if labels[i] = labels[j] then
                    agreement <- agreement + p)

        {
            Marginals = marginals
            Agreement = agreement
        }

    let private moments (problem: ExactProblem) theta =
        match theta with
        | Joint probabilities -> momentsOf true problem probabilities
        | MeanField rows ->
            let c = problem.ClassCount

            {
                Marginals = rows
                Agreement =
                    edgesOf problem
                    |> Array.sumBy (fun (struct (i, j)) ->
                        Seq.sum (seq { for k in 0 .. c - 1 -> rows[i * c + k] * rows[j * c + k] }))
            }

    let private entropy theta =
        match theta with
        | Joint probabilities
        | MeanField probabilities -> -(probabilities |> Array.sumBy (fun p -> if p <= 0.0 then 0.0 else p * log p))

    // E[score], linear in phi.
    let private expectedScore problem phi (moments: Moments) =
        Array.sum (Array.map2 (*) moments.Marginals (unaries problem phi))
        + phi.Coupling * moments.Agreement

    /// E_q[log p_phi(y_L, y_U)], what the M-step raises; concave in phi.
    let private expectedLogLikelihood problem (moments: Moments) phi =
        expectedScore problem phi moments - logPartition problem phi

    /// The evidence lower bound in nats: E_q[log p_phi(y_L, y_U)] + H(q) = log p(y_L) - KL(q || p(y_U | y_L)).
    let elbo problem phi theta = expectedLogLikelihood problem (moments problem theta) phi + entropy theta

    let private withGold (problem: ExactProblem) (row: int -> float[]) =
        Array.init problem.NodeCount (fun i ->
            match problem.supervision.Gold(i * 1<node>) with
            | ValueSome gold -> Array.init problem.ClassCount (fun k -> if k = int gold then 1.0 else 0.0)
            | ValueNone -> row i)
        |> Array.concat

    /// The mean field that knows nothing but the gold labels.
    let uniform (problem: ExactProblem) =
        withGold problem (fun _ -> Array.create problem.ClassCount (1.0 / float problem.ClassCount))
        |> MeanField

    /// Passes over the nodes at most.
    let private mostSweeps = 200

    /// q_i(k) proportional to exp((W x_i)_k + J * sum over neighbours of q_j(k)): the best factor while all others stay. One
    /// node after the other, so that no step lowers the bound, until none moves.
    let private ascend (problem: ExactProblem) (phi: Pairwise) (rows: float[]) =
        let c = problem.ClassCount
        let unary = unaries problem phi
        let rows = Array.copy rows

        let hidden =
            [| 0 .. problem.NodeCount - 1 |]
            |> Array.filter (fun i -> problem.supervision.Gold(i * 1<node>).IsNone)

        let update i =
            let around = problem.edges.NeighboursOf(i * 1<node>).ToArray()

            let best =
                Array.init c (fun k ->
                    unary[i * c + k] + phi.Coupling * (around |> Array.sumBy (fun j -> rows[j * c + k])))
                |> Softmax.logProbabilities
                |> Array.map exp

            let moved = Seq.max (seq { for k in 0 .. c - 1 -> abs (best[k] - rows[i * c + k]) })
            Array.blit best 0 rows (i * c) c
            moved

        let sweep () = if hidden.Length = 0 then 0.0 else hidden |> Array.map update |> Array.max
        Seq.init mostSweeps (fun _ -> sweep ()) |> Seq.tryFind (fun moved -> moved < 1e-12) |> ignore
        rows

    /// The E-step: q with the least KL(q || p_phi(y_U | y_L)) of its family; for a mean field the coordinate ascent's
    /// fixed point, for a joint table the exact posterior.
    let fitQ problem phi theta =
        match theta with
        | MeanField rows -> MeanField(ascend problem phi rows)
        | Joint _ -> posterior problem phi

    /// dE_q[log p_phi]/dphi: what q expects minus what p expects without the gold labels.
    let private gradient (problem: ExactProblem) (target: Moments) phi =
        let c, d = problem.ClassCount, problem.width
        let logZ = logPartition problem phi

        let own =
            scores false problem phi |> Array.map (fun score -> exp (score - logZ)) |> momentsOf false problem

        {
            Unary =
                Array.init (c * d) (fun cell ->
                    let k, f = cell / d, cell % d

                    Seq.sum (
                        seq {
                            for i in 0 .. problem.NodeCount - 1 ->
                                (target.Marginals[i * c + k] - own.Marginals[i * c + k]) * problem.features[i * d + f]
                        }
                    ))
            Coupling = target.Agreement - own.Agreement
        }

    let private along (phi: Pairwise) (direction: Pairwise) rate = {
        Unary = Array.map2 (fun w g -> w + rate * g) phi.Unary direction.Unary
        Coupling = phi.Coupling + rate * direction.Coupling
    }

    /// One step of gradient ascent, halved until it does not lower the likelihood; no step where none helps.
    let private climb problem target phi =
        let likelihood = expectedLogLikelihood problem target
        let here, direction = likelihood phi, gradient problem target phi

        Seq.init 40 (fun halvings -> along phi direction (Math.Pow(2.0, float -halvings)))
        |> Seq.tryFind (fun there -> likelihood there >= here)
        |> Option.defaultValue phi

    /// The M-step: `steps` steps of gradient ascent on E_q[log p_phi(y_L, y_U)], none of which lowers it.
    let fitP problem (steps: int) theta phi =
        let target = moments problem theta
        Seq.fold (fun phi _ -> climb problem target phi) phi (seq { 1..steps })

    /// The classes' probabilities of each node, as the engine knows them.
    let private spoken (problem: ExactProblem) theta : Posterior<'s> =
        (moments problem theta).Marginals
        |> Array.map (log >> float32)
        |> Posterior.ofLogits problem.ClassCount

    /// What q says of each node.
    let q problem theta : Posterior<'q> = spoken problem theta

    /// What p says of each node, p_phi(y_n | x, A, y_L): the exact posterior's marginals.
    let p problem phi : Posterior<'p> = posterior problem phi |> spoken problem

    /// A model that knows nothing: every labelling is as likely.
    let indifferent (problem: ExactProblem) = {
        Unary = Array.zeroCreate (problem.ClassCount * problem.width)
        Coupling = 0.0
    }

    /// The engine's two fits. Both read the other side's parameters, whose posterior is only their summary.
    let fits problem steps : Fits<'q, 'p, Variational, Pairwise> = {
        FitQ =
            fun _ phi _ theta ->
                let theta = fitQ problem phi theta
                theta, q problem theta
        FitP =
            fun _ theta _ phi ->
                let phi = fitP problem steps theta phi
                phi, p problem phi
    }
