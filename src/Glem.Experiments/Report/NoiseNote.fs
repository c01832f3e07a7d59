namespace Glem

open System.Globalization

/// What runs that were made more than once say of every difference on a page.
module NoiseNote =
    /// Nothing where nothing ran twice.
    ///   student : whose accuracies these are   cells : test accuracies of the runs with one configuration and seed
    let ofCells (student: Student) (cells: float list list) : string option =
        RunNoise.deviation cells
        |> Option.map (fun deviation ->
            let again = cells |> List.filter (fun values -> values.Length > 1)
            let points = (100.0 * deviation).ToString("0.00", CultureInfo.InvariantCulture)
            let name = (Student.key student).ToUpperInvariant()

            $"Run-to-run noise of the %s{name}: its test accuracy moves by %s{points} points (standard deviation) between runs of one configuration and seed, by %d{List.sumBy List.length again} runs of %d{again.Length} such. A difference of that size means nothing, however many seeds agree on it.")
