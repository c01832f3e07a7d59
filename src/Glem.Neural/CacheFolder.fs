namespace Glem

open System
open System.IO

/// Where Glem keeps what it can make again: built data sets, tokenised texts. It may be deleted whenever nothing runs.
module CacheFolder =
    /// GLEM_CACHE, else glem in the user's cache folder (XDG).
    let path () =
        let environment name = Environment.GetEnvironmentVariable name |> Option.ofObj |> Option.filter ((<>) "")

        match environment "GLEM_CACHE", environment "XDG_CACHE_HOME" with
        | Some folder, _ -> folder
        | None, Some folder -> Path.Combine(folder, "glem")
        | None, None -> Path.Combine(Environment.GetFolderPath Environment.SpecialFolder.UserProfile, ".cache", "glem")
