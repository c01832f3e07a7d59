namespace Glem

/// Holm's correction of several tests at once: the chance of any false alarm among them stays below the level
/// (Holm 1979).
module Holm =
    /// The adjusted p of each p, in the given order: the i-th smallest of m (from 0) is multiplied by m - i, no less than any
    /// smaller one's, and no more than 1.
    let adjust (pValues: float list) : float list =
        let count = pValues.Length

        pValues
        |> List.indexed
        |> List.sortBy snd
        |> List.mapi (fun i (at, p) -> at, min 1.0 (float (count - i) * p))
        |> List.mapFold
            (fun largest (at, p) ->
                let adjusted = max largest p
                (at, adjusted), adjusted)
            0.0
        |> fst
        |> List.sortBy fst
        |> List.map snd
