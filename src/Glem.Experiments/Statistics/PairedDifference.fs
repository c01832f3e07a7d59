namespace Glem

/// Differences of paired values, in the values' own unit: the seed's own luck, which both share, cancels.
type PairedDifference = {
    Mean: float
    /// Sample standard deviation (n - 1).
    Deviation: float
    Pairs: int
    /// Pairs whose difference is above 0.
    Above: int
    /// Pairs whose difference is below 0.
    Below: int
    /// Share of the pairs whose difference has the mean's sign.
    SameSign: float
} with

    /// Cohen's d_z, the mean in standard deviations of the differences; 0 for differences that are all 0.
    member this.Dz = if this.Mean = 0.0 then 0.0 else this.Mean / this.Deviation

    /// The paired t statistic.
    member this.T = sqrt (float this.Pairs) * this.Dz

    /// Two-sided p of the paired t test: of a mean this far from 0 if the differences were normal around 0.
    member this.TPValue = StudentT.twoSided (this.Pairs - 1) this.T

    /// Two-sided p of the sign test, which asks for the signs only: the binomial test that McNemar's also is.
    member this.SignPValue = McNemar.exact this.Above this.Below

    /// The mean's interval by Student's t, which `level` of such intervals hold the true mean in: 0.95.
    member this.TInterval(level: float) : Interval =
        let quantile = StudentT.quantile (this.Pairs - 1) (0.5 + level / 2.0)
        let reach = quantile * this.Deviation / sqrt (float this.Pairs)

        {
            Low = this.Mean - reach
            High = this.Mean + reach
        }

module PairedDifference =
    /// None for fewer than two pairs, whose spread is unknown.
    let ofValues (differences: float list) : PairedDifference option =
        match Spread.ofValues differences with
        | Some {
                   Mean = mean
                   Deviation = Some deviation
               } ->
            let count isCounted = differences |> List.filter isCounted |> List.length

            Some {
                Mean = mean
                Deviation = deviation
                Pairs = differences.Length
                Above = count (fun d -> d > 0.0)
                Below = count (fun d -> d < 0.0)
                SameSign = float (count (fun d -> sign d = sign mean)) / float differences.Length
            }
        | _ -> None
