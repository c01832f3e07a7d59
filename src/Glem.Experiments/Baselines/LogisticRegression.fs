namespace Glem

open System

/// A baseline chosen on validation: its predictions on all nodes, its inverse penalty C and its validation accuracy.
type FittedBaseline = {
    Posterior: Posterior<Lm>
    C: float
    ValidAccuracy: float
}

/// Multinomial logistic regression with an L2 penalty: minimises C * sum of CE(y_i, softmax(W x_i + b)) + |W|^2 / 2 over
/// the training nodes (scikit-learn's convention for C; the bias is free).
module LogisticRegression =
    let private tolerance = 1e-5
    let private maximumSteps = 1000

    /// Inverse penalties that `select` tries.
    let grid = [ 1.0; 10.0; 100.0 ]

    /// A column of ones, for the bias.
    let private withBias (features: SparseRows) =
        Array.init features.RowCount (fun i -> [|
            for at in features.Offsets[i] .. features.Offsets[i + 1] - 1 do
                struct (features.Columns[at], features.Values[at])
            struct (features.ColumnCount, 1.0)
        |])
        |> SparseRows.ofRows (features.ColumnCount + 1)

    /// In place, each row of [m; c] logits becomes softmax - onehot; the summed cross-entropy comes back.
    let private residuals c (truth: int[]) (logits: float[]) =
        let losses = Array.zeroCreate truth.Length

        for i in 0 .. truth.Length - 1 do
            let row = Span<float>(logits, i * c, c)
            let mutable top = Double.NegativeInfinity

            for k in 0 .. c - 1 do
                top <- max top row[k]

            let mutable sum = 0.0

            for k in 0 .. c - 1 do
                sum <- sum + exp (row[k] - top)

            losses[i] <- log sum + top - row[truth[i]]

            for k in 0 .. c - 1 do
                row[k] <- exp (row[k] - top) / sum

            row[truth[i]] <- row[truth[i]] - 1.0

        Array.sum losses

    /// Weights [d+1; c] for one C, from a start. The objective is divided by C m, so that the tolerance means the same everywhere.
    let private fit
        c
        (x: SparseRows)
        (xTransposed: SparseRows)
        (truth: int[])
        (inversePenalty: float)
        (start: float[])
        =
        let m = float truth.Length
        let penalty = 1.0 / (inversePenalty * m)
        let penalised = (x.ColumnCount - 1) * c
        let logits = Array.zeroCreate (truth.Length * c)

        let objective (weights: float[]) (gradient: float[]) =
            SparseRows.multiplyInto x c weights logits
            let loss = residuals c truth logits / m
            SparseRows.multiplyInto xTransposed c logits gradient

            for i in 0 .. gradient.Length - 1 do
                gradient[i] <- gradient[i] / m

            let free = ReadOnlySpan<float>(weights, 0, penalised)
            Dense.axpy penalty free (Span<float>(gradient, 0, penalised))
            loss + 0.5 * penalty * Dense.dot free free

        Lbfgs.minimise tolerance maximumSteps objective start

    /// Trains once for each C of the grid, each starting from the one before, and keeps the one with the best validation accuracy (ties: the
    /// stronger penalty).
    ///   features : [n; d]
    let select (supervision: Supervision) (validation: Validation) (features: SparseRows) : FittedBaseline =
        let c = supervision.ClassCount
        let all = withBias features
        let train = supervision.Nodes
        let truth = train |> Array.map (fun i -> int (supervision.Gold i).Value)
        let x = all |> SparseRows.take (train |> Array.map int)
        let xTransposed = SparseRows.transpose x

        let judge inversePenalty weights =
            let logits = Array.zeroCreate (all.RowCount * c)
            SparseRows.multiplyInto all c weights logits
            let posterior = logits |> Array.map float32 |> Posterior.ofLogits c

            {
                Posterior = posterior
                C = inversePenalty
                ValidAccuracy = posterior |> Predictions.onValidation validation |> Metrics.accuracy
            }

        let path =
            (Array.zeroCreate (all.ColumnCount * c), grid)
            ||> List.scan (fun weights inversePenalty -> fit c x xTransposed truth inversePenalty weights)
            |> List.tail

        List.map2 judge grid path |> List.maxBy _.ValidAccuracy
