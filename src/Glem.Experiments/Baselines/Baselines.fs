namespace Glem

/// The ladder's rungs that need no neural model.
type Baselines = {
    Majority: Posterior<Lm>
    /// TF-IDF and logistic regression.
    Tfidf: Posterior<Lm>
}

module Baselines =
    /// Fits them on the training nodes; the penalty is chosen on validation.
    /// Error: a class without training node, no validation node.
    let fit (tfidf: SparseRows) (dataset: Dataset) : Result<Baselines, GlemError> =
        match Supervision.ofSplit dataset.Labels dataset.Split, Validation.ofSplit dataset.Labels dataset.Split with
        | Error error, _
        | _, Error error -> Error error
        | Ok supervision, Ok validation ->
            Ok {
                Majority = Majority.predict supervision
                Tfidf = (LogisticRegression.select supervision validation tfidf).Posterior
            }
