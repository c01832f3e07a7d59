namespace Glem

/// Which entry of a column of a table may be set in bold.
module Bold =
    let private level = 0.95

    let private isAbove (other: Map<int, float>) (best: Map<int, float>) =
        [
            for KeyValue(seed, value) in best do
                match other.TryFind seed with
                | Some less -> value - less
                | None -> ()
        ]
        |> PairedDifference.ofValues
        |> Option.exists (fun difference -> (difference.TInterval level).Low > 0.0)

    /// The index of the one entry whose value is above every other's by a paired difference whose 95 % t interval
    /// excludes 0. None where no entry is: where intervals overlap, where fewer than two seeds are shared, and where there
    /// is nothing to compare with. Larger is better.
    ///   entries : each one's value by seed
    let best (entries: Map<int, float> list) : int option =
        let entries = List.indexed entries

        let isBest (at, best) = entries |> List.forall (fun (other, entry) -> other = at || isAbove entry best)

        if entries.Length < 2 then
            None
        else
            entries |> List.tryFind isBest |> Option.map fst
