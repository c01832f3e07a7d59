namespace Glem

open System

/// An artifact that is not what was written, or cannot be read.
[<RequireQualifiedAccess>]
type StoreDamage = {
    Kind: string
    Key: StageKey
    What: string
    /// Where it was moved to.
    MovedTo: string option
}

/// Reads a whole store and checks every file's SHA-256.
module StoreVerification =
    let private lookAt store kind key = Artifact.look (StoreLayout.artifact store kind key) key ignore

    /// Moves what is still damaged out of the way. A stage that is being computed is its holder's.
    let private repair (store: string) (timeToLive: TimeSpan) kind key : string option =
        let shelf = StoreLayout.shelf store kind key

        match Lease.TryTake(shelf, key.Text, timeToLive, FileClock(shelf).Now) with
        | Error _ -> None
        | Ok lease ->
            use _ = lease

            match lookAt store kind key with
            | Artifact.Look.Damaged _ -> Some(Removal.setAside store kind key)
            | _ -> None

    /// How many artifacts there are, and which are damaged.
    ///   repairing : move those to <store>/damaged, so that whoever needs one computes it again
    /// Raises IOException, UnauthorizedAccessException where repairing is refused.
    let run (store: string) (timeToLive: TimeSpan) (repairing: bool) : int * StoreDamage list =
        let all = StoreLayout.artifacts store

        let damage kind key what moved : StoreDamage = {
            Kind = kind
            Key = key
            What = what
            MovedTo = moved
        }

        all.Length,
        [
            for kind, key in all do
                match lookAt store kind key with
                | Artifact.Look.Damaged what ->
                    damage kind key what (if repairing then repair store timeToLive kind key else None)
                | Artifact.Look.Unreadable what -> damage kind key what None
                | Artifact.Look.Whole _
                | Artifact.Look.Absent -> ()
        ]
