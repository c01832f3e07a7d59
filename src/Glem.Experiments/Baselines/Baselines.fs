namespace Glem

/// The ladder's rungs that need no neural text model, and what the GCN rung reads.
type Baselines = {
    Majority: Posterior<Lm>
    /// TF-IDF and logistic regression.
    Tfidf: Posterior<Lm>
    /// TF-IDF in few dense columns, row-major : [n; width].
    Features: float32[]
}

module Baselines =
    /// Fits them on the training nodes; the penalty is chosen on validation.
    /// Error: a class without training node, no validation node.
    let fit (width: int) (seed: int) (dataset: Dataset) : Result<Baselines, GlemError> =
        match Supervision.ofSplit dataset.Labels dataset.Split, Validation.ofSplit dataset.Labels dataset.Split with
        | Error error, _
        | _, Error error -> Error error
        | Ok supervision, Ok validation ->
            let tfidf = Tfidf.ofTexts dataset.Graph.Texts

            Ok {
                Majority = Majority.predict supervision
                Tfidf = (LogisticRegression.select supervision validation tfidf).Posterior
                Features = DenseFeatures.project width seed tfidf
            }
