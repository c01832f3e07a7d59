namespace Glem

open System

/// Where the store is unless a command says otherwise.
module StoreFolder =
    /// The folder given, else GLEM_STORE, else runs/store.
    let path (given: string option) =
        let environment () = Environment.GetEnvironmentVariable "GLEM_STORE" |> Option.ofObj |> Option.filter ((<>) "")
        given |> Option.orElseWith environment |> Option.defaultValue "runs/store"
