namespace Glem

/// What the commands' option --store says of where stages are kept.
module StoreOption =
    /// For --help.
    let usage = "where stages are kept and found again, or none (default: GLEM_STORE, else runs/store)"

    /// The store in a folder, or the one that keeps nothing. Error: a place that cannot be a store.
    let find (given: string option) : Result<Store, GlemError> =
        match given with
        | Some "none" -> Ok Store.none
        | _ -> StoreFolder.path given |> Store.Open
