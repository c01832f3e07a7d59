namespace Glem

open System
open System.IO

/// What shall stay in a store.
[<RequireQualifiedAccess>]
type StoreLimits = {
    /// What nobody has read for longer goes.
    OlderThan: TimeSpan option
    /// What was read least recently goes until no more than this is left.
    KeepBytes: int64 option
}

/// What was removed from a store, or would be.
[<RequireQualifiedAccess>]
type StoreCollected = {
    Artifacts: Manifest list
    /// Folders of processes that are gone, and damaged artifacts that were set aside.
    Leftovers: string list
    /// Bytes of both.
    Bytes: int64
    /// Bytes of the artifacts that stay.
    Kept: int64
}

/// Makes room in a store. What somebody computes is never touched; what somebody reads at that moment is computed again.
module StoreCollection =
    /// Which of these artifacts go, the least recently used first.
    ///   artifacts : when each was read or written last, its bytes, and itself
    let choose (now: DateTime) (limits: StoreLimits) (artifacts: (DateTime * int64 * 'a) list) : 'a list =
        let isOld (used: DateTime) = limits.OlderThan |> Option.exists (fun age -> now - used > age)

        let old, rest =
            artifacts
            |> List.sortBy (fun (used, _, _) -> used)
            |> List.partition (fun (used, _, _) -> isOld used)

        let excess =
            match limits.KeepBytes with
            | Some keep -> (rest |> List.sumBy (fun (_, bytes, _) -> bytes)) - keep
            | None -> 0L

        let tooMuch =
            (excess, rest)
            ||> List.scan (fun excess (_, bytes, _) -> excess - bytes)
            |> List.takeWhile (fun excess -> excess > 0L)
            |> List.length

        old @ List.truncate tooMuch rest |> List.map (fun (_, _, item) -> item)

    let private bytesIn (folder: string) =
        try
            DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories) |> Seq.sumBy _.Length
        with :? IOException ->
            0L // it is being removed

    /// When an artifact was written or read last, UTC.
    let lastUse store (manifest: Manifest) =
        StoreLayout.artifact store manifest.Kind manifest.Key
        |> StoreLayout.manifest
        |> File.GetLastWriteTimeUtc

    /// Runs an action under the stage's lease; None where somebody else has it.
    let private holding store timeToLive (kind, key: StageKey) (action: unit -> 'r) : 'r option =
        let shelf = StoreLayout.shelf store kind key

        match Lease.TryTake(shelf, key.Text, timeToLive, FileClock(shelf).Now) with
        | Error _ -> None
        | Ok lease ->
            use _ = lease
            Some(action ())

    let private isFree store timeToLive (kind, key: StageKey) =
        Lease.Living(StoreLayout.shelf store kind key, key.Text, timeToLive).IsNone

    /// Removes what exceeds the limits, and what is left of processes that are gone.
    ///   dryRun : only says what would be removed
    /// Raises IOException, UnauthorizedAccessException where the store cannot be written to.
    let run (store: string) (timeToLive: TimeSpan) (dryRun: bool) (limits: StoreLimits) : StoreCollected =
        let manifests = Store.Open store |> Result.orRaise |> _.Manifests

        // Something is removed if nobody holds its stage's lease.
        let removed stage (action: unit -> unit) =
            if dryRun then
                isFree store timeToLive stage
            else
                (holding store timeToLive stage action).IsSome

        let artifacts =
            manifests
            |> List.map (fun manifest -> lastUse store manifest, manifest.Bytes, manifest)
            |> choose DateTime.UtcNow limits
            |> List.filter (fun manifest ->
                removed (manifest.Kind, manifest.Key) (fun () -> Removal.artifact store manifest.Kind manifest.Key))

        let unfinished = [
            for kind, key as stage in StoreLayout.attended store do
                let shelf = StoreLayout.shelf store kind key
                let found = StoreLayout.besides shelf key |> List.map (fun folder -> folder, bytesIn folder)

                // Taking a dead lease and giving it back removes it.
                if removed stage (fun () -> Removal.leftovers shelf key) then
                    yield! found
        ]

        let damaged = [
            let folder = StoreLayout.damaged store

            if Directory.Exists folder then
                for found in Directory.GetDirectories folder do
                    found, bytesIn found

                    if not dryRun then
                        Directory.Delete(found, true)
        ]

        if not dryRun then
            for probe in StoreLayout.probes store do
                let clock = FileClock(Path.GetDirectoryName probe |> string)

                if clock.Now() - File.GetLastWriteTimeUtc probe > timeToLive then
                    File.Delete probe

        let leftovers = unfinished @ damaged
        let gone = artifacts |> List.sumBy _.Bytes

        {
            Artifacts = artifacts
            Leftovers = List.map fst leftovers
            Bytes = gone + List.sumBy snd leftovers
            Kept = (manifests |> List.sumBy _.Bytes) - gone
        }
