namespace Glem

open System
open System.Threading.Tasks

/// Logistic regression on the products of two nodes' standardised vectors, component by component: OGB's baselines
/// decode so (Hu et al. 2020), with an MLP in its place. The vectors stay as they are.
type LinkDecoder = {
    /// Of each component's product : [d].
    Weights: float32[]
    Bias: float
    /// Of the squared weights; the bias is free.
    Penalty: float
}

module LinkDecoder =
    /// Penalties that are tried, the strongest first.
    let private penalties = [ 0.1; 0.01; 0.001; 0.0001 ]

    /// Weights are few: more edges than these teach them little.
    let private mostEdges = 20_000

    let private maximumSteps = 200
    let private tolerance = 1e-5

    /// Pairs that are summed one after another; the order of the sums is the same on any number of threads.
    let private block = 512

    /// Equally many joined and other pairs. The others are drawn from what training knows: one for each edge, from either
    /// of its ends in turn.
    let private lesson (key: Key) (kind: Negatives) (training: Csr) : struct (int * int * bool)[] =
        let edges = LinkSplit.pairs training |> Key.shuffle (Key.named "edges" key) |> Array.truncate mostEdges

        edges
        |> Array.mapi (fun i (struct (a, b)) ->
            let source = if i % 2 = 0 then a else b

            if Negatives.exist training kind source then
                let other = (Negatives.draw (Key.at i key) training kind 1 source)[0]
                [| struct (a, b, true); struct (source, other, false) |]
            else
                [||])
        |> Array.concat

    /// Mean cross-entropy and penalty / 2 times the squared weights, with the gradient, at [weights; bias] : [d+1].
    let private objective (z: Vectors) (lesson: struct (int * int * bool)[]) penalty (at: float[]) (gradient: float[]) =
        let d = z.Width
        let blocks = (lesson.Length + block - 1) / block
        let losses, gradients = Array.zeroCreate<float> blocks, Array.create blocks [||]

        let one number =
            let sums, products = Array.zeroCreate<float>(d + 1), Array.zeroCreate<float> d
            let mutable loss = 0.0

            for i in number * block .. min lesson.Length ((number + 1) * block) - 1 do
                let struct (a, b, isJoined) = lesson[i]
                let x = z.Row a
                let y = z.Row b

                for k in 0 .. d - 1 do
                    products[k] <- float x[k] * float y[k]

                let logit = Dense.dot (ReadOnlySpan(at, 0, d)) (ReadOnlySpan products) + at[d]
                // ln(1 + e^-m) for the margin m, without overflow.
                let margin = if isJoined then logit else -logit
                loss <- loss + log (1.0 + exp (-(abs margin))) + max 0.0 (-margin)
                let residual = 1.0 / (1.0 + exp (-logit)) - (if isJoined then 1.0 else 0.0)
                Dense.axpy residual (ReadOnlySpan products) (Span(sums, 0, d))
                sums[d] <- sums[d] + residual

            losses[number] <- loss
            gradients[number] <- sums

        Parallel.For(0, blocks, (fun (number: int) -> one number)) |> ignore
        let m = float lesson.Length

        for k in 0..d do
            let sum = gradients |> Array.sumBy (fun part -> part[k])
            gradient[k] <- sum / m + (if k < d then penalty * at[k] else 0.0)

        let squares = Array.truncate d at |> Array.sumBy (fun w -> w * w)
        Array.sum losses / m + penalty / 2.0 * squares

    /// A decoder for each penalty, taught by training's edges and as many drawn pairs.
    ///   z : [n; d], standardised   training : the graph without held-out edges
    let fit (key: Key) (kind: Negatives) (training: Csr) (z: Vectors) : LinkDecoder list =
        let lesson = lesson key kind training

        // Each starts where the stronger penalty ended.
        (Array.zeroCreate (z.Width + 1), penalties)
        ||> List.scan (fun start penalty -> Lbfgs.minimise tolerance maximumSteps (objective z lesson penalty) start)
        |> List.tail
        |> List.map2
            (fun penalty (fitted: float[]) -> {
                Weights = Array.truncate z.Width fitted |> Array.map float32
                Bias = fitted[z.Width]
                Penalty = penalty
            })
            penalties

    /// The decoder's logits as a score.   z : what it was fitted on
    let scorer owner name (z: Vectors) (decoder: LinkDecoder) : LinkScorer = {
        Key = $"%s{owner}.decoder"
        Name = $"%s{name}, trained decoder"
        Score =
            fun source targets ->
                let weighted = Array.map2 (*) decoder.Weights (z.Row(source).ToArray())

                targets
                |> Array.map (fun target -> LinkVectors.dot (ReadOnlySpan weighted) (z.Row target) + decoder.Bias)
    }
