namespace Glem

/// The bias-corrected and accelerated bootstrap of a mean, BCa (Efron 1987; Efron & Tibshirani 1993, chapter 14): the
/// percentiles that it reads are moved for the resamples' bias and the values' skewness.
module BiasCorrected =
    let private shareBelow mean (values: float[]) (means: float[]) =
        // A resample that holds every value once has the values' mean but for rounding: it counts half to either side.
        let slack = 1e-12 * (values |> Array.map abs |> Array.max)

        let weight m =
            if abs (m - mean) <= slack then 0.5
            elif m < mean then 1.0
            else 0.0

        Array.averageBy weight means

    /// The skewness of the mean over 6, from the jackknife.
    let private acceleration mean (values: float[]) =
        let power k = values |> Array.sumBy (fun x -> (x - mean) ** k)
        let squares = power 2.0
        if squares = 0.0 then 0.0 else power 3.0 / (6.0 * squares ** 1.5)

    /// The interval at `level`, from the means of resamples of the values.
    ///   values : [m], at least one   means : one of each resample, at least one
    let interval (level: float) (values: float[]) (means: float[]) : Interval =
        let mean = Array.average values
        let sorted = Array.sort means
        let share = shareBelow mean values means

        // All resamples on one side, which chance leaves to values of no spread: nothing to correct by.
        let z0 = if share = 0.0 || share = 1.0 then 0.0 else Normal.quantile share
        let a = acceleration mean values

        let at probability =
            let z = z0 + Normal.quantile probability
            Bootstrap.quantile (Normal.cdf (z0 + z / (1.0 - a * z))) sorted

        {
            Low = at ((1.0 - level) / 2.0)
            High = at ((1.0 + level) / 2.0)
        }

    /// The interval of the values' mean, from `count` resamples.
    ///   values : [m], at least one, independent of each other
    let ofMean (key: Key) (count: int) (level: float) (values: float[]) : Interval =
        Bootstrap.means key count values |> interval level values
