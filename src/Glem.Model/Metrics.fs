namespace Glem

open System

/// Predictions on m nodes whose truth is known: all that the metrics below read.
type Predictions = private {
    truth: int[]
    predicted: int[]
    confidence: float[]
    logLikelihood: float[]
    classCount: int
} with

    /// m.
    member this.Count = this.truth.Length
    member this.ClassCount = this.classCount

module Predictions =
    /// From logits in float64.   logits : [m; c]   truth : [m]
    /// Raises ArgumentException where the shapes disagree or there is no node to score.
    let ofLogits (classCount: int) (logits: float[]) (truth: int<cls>[]) =
        if truth.Length = 0 || logits.Length <> truth.Length * classCount then
            invalidArg (nameof logits) $"%d{logits.Length} logits for %d{truth.Length} nodes and %d{classCount} classes"

        let rows = Array.chunkBySize classCount logits
        let logProbabilities = rows |> Array.map Softmax.logProbabilities

        {
            truth = truth |> Array.map int
            predicted = rows |> Array.map (Softmax.argmax >> int)
            confidence = logProbabilities |> Array.map (Array.max >> exp)
            logLikelihood = (logProbabilities, truth) ||> Array.map2 (fun row k -> row[int k])
            classCount = classCount
        }

    /// A posterior on the nodes whose truth is given.   nodes, truth : [m]
    let ofPosterior (posterior: Posterior<'s>) (nodes: int<node>[]) (truth: int<cls>[]) =
        let c = posterior.ClassCount

        let logits =
            nodes |> Array.collect (fun i -> posterior.Logits.Slice(int i * c, c).ToArray() |> Array.map float)

        ofLogits c logits truth

    /// A posterior on one part, through the only door to test labels: for reports, never for training or selection.
    let onPart (audit: Audit) part posterior =
        let nodes, truth = Audit.truth part audit |> Array.map (fun (struct (i, k)) -> i, k) |> Array.unzip
        ofPosterior posterior nodes truth

    /// A posterior on the validation nodes.
    let onValidation (validation: Validation) posterior = ofPosterior posterior validation.Nodes validation.Truth

/// Precision, recall and F1 of one class; 0/0 counts as 0 (scikit-learn's default).
type ClassScores = {
    Precision: float
    Recall: float
    F1: float
    /// Nodes whose truth is this class.
    Support: int
}

/// The numbers that a run reports for one model on one part.
type Scores = {
    Accuracy: float
    MacroF1: float
    /// Mean of -ln p(truth), in nats.
    Nll: float
    /// Expected calibration error, 15 bins.
    Ece: float
}

module Metrics =
    let private mean (values: float[]) = Array.sum values / float values.Length

    /// Share of nodes whose predicted class is the true one.
    let accuracy (predictions: Predictions) =
        (predictions.truth, predictions.predicted)
        ||> Array.map2 (fun t p -> if t = p then 1.0 else 0.0)
        |> mean

    /// Counts, rows the truth, columns the prediction : [c][c].
    let confusion (predictions: Predictions) =
        let counts = Array.init predictions.classCount (fun _ -> Array.zeroCreate<int> predictions.classCount)

        (predictions.truth, predictions.predicted)
        ||> Array.iter2 (fun t p -> counts[t][p] <- counts[t][p] + 1)

        counts

    /// Scores of each class : [c].
    let perClass (predictions: Predictions) =
        let counts = confusion predictions
        let ratio (a: int) (b: int) = if b = 0 then 0.0 else float a / float b

        Array.init predictions.classCount (fun k ->
            let hits = counts[k][k]
            let support = Array.sum counts[k]
            let claimed = counts |> Array.sumBy (fun row -> row[k])

            {
                Precision = ratio hits claimed
                Recall = ratio hits support
                F1 = ratio (2 * hits) (support + claimed)
                Support = support
            })

    /// Mean F1 over the classes that occur in the truth or in the predictions (scikit-learn's default label set).
    let macroF1 (predictions: Predictions) =
        let occurs = Array.append predictions.truth predictions.predicted |> Array.distinct
        let scores = perClass predictions
        occurs |> Array.sort |> Array.map (fun k -> scores[k].F1) |> mean

    /// Mean of -ln p(truth), in nats; infinite where a truth had probability 0.
    let nll (predictions: Predictions) = -(mean predictions.logLikelihood)

    /// Expected calibration error over equal-width bins (lo, hi] of confidence: the mean over nodes of
    /// |accuracy - mean confidence| of the node's bin (Guo et al. 2017).
    let ece (bins: int) (predictions: Predictions) =
        let bin confidence =
            Seq.initInfinite (fun m -> m + 1)
            |> Seq.find (fun m -> m = bins || confidence <= float m / float bins)

        Array.init predictions.Count id
        |> Array.groupBy (fun i -> bin predictions.confidence[i])
        |> Array.sortBy fst
        |> Array.sumBy (fun (_, members) ->
            let accuracy =
                members
                |> Array.map (fun i -> if predictions.truth[i] = predictions.predicted[i] then 1.0 else 0.0)
                |> mean

            let confidence = members |> Array.map (fun i -> predictions.confidence[i]) |> mean
            float members.Length / float predictions.Count * abs (accuracy - confidence))

    /// The four that every report shows.
    let scores predictions = {
        Accuracy = accuracy predictions
        MacroF1 = macroF1 predictions
        Nll = nll predictions
        Ece = ece 15 predictions
    }
