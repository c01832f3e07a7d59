namespace Glem

/// The mean of paired differences and its 95 % interval by Student's t.
type PairedDifference = {
    Mean: float
    Low: float
    High: float
    /// Pairs whose difference is above 0.
    Above: int
    Pairs: int
}

module PairedDifference =
    /// None for fewer than two pairs, whose spread is unknown.
    let ofValues (differences: float list) =
        match Spread.ofValues differences with
        | Some {
                   Mean = mean
                   Deviation = Some deviation
               } ->
            let pairs = differences.Length
            let reach = StudentT.quantile (pairs - 1) 0.975 * deviation / sqrt (float pairs)

            Some {
                Mean = mean
                Low = mean - reach
                High = mean + reach
                Above = differences |> List.filter (fun d -> d > 0.0) |> List.length
                Pairs = pairs
            }
        | _ -> None
