namespace Glem

/// How much a result moves when nothing changes: the noise of cells that were run more than once with the same
/// configuration and seed. A smaller difference means nothing, however many seeds agree on it.
module RunNoise =
    /// The standard deviation within cells, pooled over them, in the values' own unit; of cells run twice
    /// sqrt(sum d^2 / 2n), Dahlberg's formula. None where no cell was run twice.
    ///   cells : the values of each cell's runs
    let deviation (cells: float list list) : float option =
        let squares =
            cells
            |> List.sumBy (fun values ->
                match values with
                | [] -> 0.0
                | _ ->
                    let mean = List.average values
                    values |> List.sumBy (fun x -> (x - mean) ** 2.0))

        match cells |> List.sumBy (fun values -> max 0 (values.Length - 1)) with
        | 0 -> None
        | degrees -> Some(sqrt (squares / float degrees))
