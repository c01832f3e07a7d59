namespace Glem

open System
open System.IO

/// Takes folders of a store away, each at once: it is renamed, so that no reader meets half of it, and then deleted. All
/// of it is for the holder of the stage's lease.
module Removal =
    /// Raises IOException, UnauthorizedAccessException.
    let private remove (path: string) =
        let unique = (Guid.NewGuid().ToString "N").Substring(0, 16)
        let removed = $"%s{Path.ChangeExtension(path, null)}.%s{unique}.removed"
        Directory.Move(path, removed)
        Directory.Delete(removed, true)

    /// Removes what others have left beside a stage's artifact: its lease is ours, so they have been given up. As far as
    /// it goes, for nothing depends on it.
    let leftovers (shelf: string) (key: StageKey) =
        try
            StoreLayout.besides shelf key |> List.iter remove
        with
        | :? IOException
        | :? UnauthorizedAccessException -> ()

    /// Removes an artifact. Raises IOException, UnauthorizedAccessException.
    let artifact (store: string) (kind: string) (key: StageKey) = remove (StoreLayout.artifact store kind key)

    /// Moves a damaged artifact out of the way; where to. Raises IOException, UnauthorizedAccessException.
    let setAside (store: string) (kind: string) (key: StageKey) : string =
        let folder = StoreLayout.damaged store
        Directory.CreateDirectory folder |> ignore
        let stamp = DateTime.UtcNow.ToString "yyyyMMdd'T'HHmmssfff"
        let target = Path.Combine(folder, $"%s{kind}-%s{key.Text}-%s{stamp}")
        Directory.Move(StoreLayout.artifact store kind key, target)
        target
