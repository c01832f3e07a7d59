namespace Glem

/// The guesses whose confidence falls in (Low, High].
type ReliabilityBin = {
    Low: float
    High: float
    Count: int
    /// Fraction of them that are right.
    Accuracy: float
    /// Their mean confidence.
    Confidence: float
}

/// Are 80 % of the guesses made with confidence 0.8 right? (Guo et al. 2017, On calibration of modern neural networks.)
module Reliability =
    let private binCount = 15

    /// The non-empty ones of 15 equal-width bins of (confidence, was it right), lowest first.
    let bins (guesses: (float * bool) list) =
        guesses
        |> List.groupBy (fun (confidence, _) -> max 0 (int (ceil (confidence * float binCount)) - 1))
        |> List.sortBy fst
        |> List.map (fun (bin, members) -> {
            Low = float bin / float binCount
            High = float (bin + 1) / float binCount
            Count = members.Length
            Accuracy = members |> List.averageBy (fun (_, right) -> if right then 1.0 else 0.0)
            Confidence = members |> List.averageBy fst
        })

    /// Expected calibration error of the bins; None without a guess.
    let error bins =
        match bins |> List.sumBy _.Count with
        | 0 -> None
        | total ->
            bins
            |> List.sumBy (fun bin -> float bin.Count / float total * abs (bin.Accuracy - bin.Confidence))
            |> Some
