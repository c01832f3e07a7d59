namespace Glem

open System.Globalization

/// Mean and spread of a measure over replicates.
type Spread = {
    Mean: float
    /// Sample standard deviation (n - 1); None for a single value, whose spread is unknown, not zero.
    Deviation: float option
}

module Spread =
    /// None for no value at all.
    let ofValues (values: float list) =
        match values with
        | [] -> None
        | [ value ] -> Some { Mean = value; Deviation = None }
        | _ ->
            let mean = List.average values
            let squares = values |> List.sumBy (fun x -> (x - mean) ** 2.0)

            Some {
                Mean = mean
                Deviation = Some(sqrt (squares / float (values.Length - 1)))
            }

    let private fixedPoint (digits: int) (x: float) = x.ToString($"F%d{digits}", CultureInfo.InvariantCulture)

    /// "83.5" or "83.5 ± 0.4": a scaled mean and deviation.
    let format scale digits spread =
        let mean = fixedPoint digits (scale * spread.Mean)

        match spread.Deviation with
        | None -> mean
        | Some deviation -> $"%s{mean} ± %s{fixedPoint digits (scale * deviation)}"

    /// A fraction in percent, one digit after the point.
    let percent spread = format 100.0 1 spread

    /// A difference of fractions in percentage points, with its sign.
    let points spread =
        let size = format 100.0 1 { spread with Mean = abs spread.Mean }

        // By what is shown: what rounds to 0.0 has no sign.
        match round (1000.0 * spread.Mean) with
        | 0.0 -> size
        | tenths -> (if tenths > 0.0 then "+" else "−") + size
