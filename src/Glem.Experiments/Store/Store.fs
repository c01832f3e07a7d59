namespace Glem

open System
open System.Diagnostics
open System.IO
open System.Threading

/// A stage's answer.
type Obtained<'a> = {
    Value: 'a
    /// What computing it took, now or then.
    Seconds: float
    /// It was there.
    Reused: bool
}

/// Answers of stages, kept under their keys in one folder that many processes and machines share. A stage is computed
/// by whoever takes its lease, while others wait; what stands in the store is whole, or is found not to be when it is read.
[<Sealed>]
type Store private (folder: string option, report: string -> unit, timeToLive: TimeSpan) =
    static let shortestWait = TimeSpan.FromMilliseconds 20.0
    static let longestWait = TimeSpan.FromSeconds 2.0

    // Whether it has been said that nothing can be written, since something was.
    let mutable isRefusalKnown = 0

    let reportRefusal (text: string) =
        if Interlocked.Exchange(&isRefusalKnown, 1) = 0 then
            report text

    let measured compute =
        let started, watch = DateTimeOffset.UtcNow, Stopwatch.StartNew()
        let value = compute ()
        let seconds = watch.Elapsed.TotalSeconds
        value, seconds, started

    let computed value seconds = {
        Value = value
        Seconds = seconds
        Reused = false
    }

    let reused (folder: string) (manifest: Manifest) value =
        // Who was read last goes last when room is made. It is no part of the artifact, and may be refused.
        try
            File.SetLastWriteTimeUtc(StoreLayout.manifest folder, DateTime.UtcNow)
        with
        | :? IOException
        | :? UnauthorizedAccessException -> ()

        {
            Value = value
            Seconds = manifest.Seconds
            Reused = true
        }

    let named (spec: StageSpec) = $"%s{spec.Name} (%s{spec.Kind} %s{spec.Key.Short})"

    let computeUnkept compute =
        let value, seconds, _ = measured compute
        computed value seconds

    /// Under the stage's lease, with nothing in the artifact's place.
    let computeAndKeep store (shelf: string) (spec: StageSpec) (codec: Codec<'a>) compute (lease: Lease) =
        Removal.leftovers shelf spec.Key
        let value, seconds, started = measured compute
        let artifact = StoreLayout.artifact store spec.Kind spec.Key

        let isFirst =
            try
                Artifact.write store spec lease.Holder.Token started seconds (fun folder -> codec.Write folder value)
                |> Ok
            with
            | GlemException _
            | :? IOException
            | :? UnauthorizedAccessException as problem -> Error problem.Message

        match isFirst with
        | Ok true ->
            Interlocked.Exchange(&isRefusalKnown, 0) |> ignore
            computed value seconds
        | Ok false ->
            // Another process has outrun a lease that had run out. All shall go on with one answer.
            match Artifact.look artifact spec.Key codec.Read with
            | Artifact.Look.Whole(manifest, value) -> reused artifact manifest value
            | _ -> computed value seconds
        | Error problem ->
            report $"%s{named spec} was computed, but is not kept in %s{store}: %s{problem}"
            computed value seconds

    let setAside store (spec: StageSpec) what =
        try
            let target = Removal.setAside store spec.Kind spec.Key
            report $"%s{named spec} is damaged (%s{what}); it was moved to %s{target} and is computed again"
        with
        | :? IOException
        | :? UnauthorizedAccessException as problem ->
            report $"%s{named spec} is damaged (%s{what}), is computed again and not kept: %s{problem.Message}"

    let obtain store (spec: StageSpec) (codec: Codec<'a>) compute (cancel: CancellationToken) =
        let shelf = StoreLayout.shelf store spec.Kind spec.Key
        let artifact = StoreLayout.artifact store spec.Kind spec.Key
        let clock = FileClock shelf
        let look () = Artifact.look artifact spec.Key codec.Read

        let take () =
            try
                Directory.CreateDirectory shelf |> ignore
                Lease.TryTake(shelf, spec.Key.Text, timeToLive, clock.Now) |> Ok
            with
            | :? IOException
            | :? UnauthorizedAccessException as problem -> Error problem.Message

        // What a process that died between its last rename and its end has left: its lease, and perhaps an earlier try.
        let clear () =
            try
                if StoreLayout.isAttended shelf spec.Key then
                    match Lease.TryTake(shelf, spec.Key.Text, timeToLive, clock.Now) with
                    | Ok lease ->
                        use _ = lease
                        Removal.leftovers shelf spec.Key
                    | Error _ -> ()
            with
            | :? IOException
            | :? UnauthorizedAccessException -> ()

        let rec attempt (wait: TimeSpan) (toldOf: Holder option) =
            Stop.check cancel

            match look () with
            | Artifact.Look.Whole(manifest, value) ->
                clear ()
                reused artifact manifest value
            | Artifact.Look.Unreadable problem ->
                report $"%s{named spec} cannot be read and is computed, but not kept: %s{problem}"
                computeUnkept compute
            | Artifact.Look.Absent
            | Artifact.Look.Damaged _ as found ->
                match take () with
                | Error problem ->
                    match found with
                    | Artifact.Look.Damaged what -> report $"%s{named spec} is damaged (%s{what}) and computed again"
                    | _ -> ()

                    reportRefusal $"%s{store} cannot be written to, so what is computed is not kept: %s{problem}"
                    computeUnkept compute
                | Ok(Ok lease) ->
                    use lease = lease
                    // Between the look and the lease another process may have finished, or set damage aside.
                    match look () with
                    | Artifact.Look.Whole(manifest, value) -> reused artifact manifest value
                    | Artifact.Look.Damaged what ->
                        setAside store spec what
                        computeAndKeep store shelf spec codec compute lease
                    | Artifact.Look.Absent
                    | Artifact.Look.Unreadable _ -> computeAndKeep store shelf spec codec compute lease
                | Ok(Error holder) ->
                    let isNews = holder.IsSome && holder <> toldOf

                    if isNews then
                        report $"waiting for %s{named spec}, which %s{Holder.describe holder.Value} computes"

                    cancel.WaitHandle.WaitOne wait |> ignore
                    let longest = min longestWait (timeToLive / 4.0)
                    attempt (min longest (wait * 1.5)) (if isNews then holder else toldOf)

        attempt shortestWait None

    /// A store's folder, which the first answer that is kept makes where it is missing; one that cannot be written to opens too.
    ///   report : hears of waiting, of damage, and of what is not kept (default: the standard error)
    ///   timeToLive : of a lease that is not renewed (default 60 s)
    /// Error: the folder's name is a file's.
    static member Open(folder: string, ?report: string -> unit, ?timeToLive: TimeSpan) : Result<Store, GlemError> =
        RunFile.guard folder "a store's folder" (fun () ->
            if File.Exists folder then
                raise (GlemException(InFile(folder, "", "a file", "a folder, or a name that is free")))

            Store(
                Some(Path.GetFullPath folder),
                defaultArg report (fun text -> Console.Error.WriteLine $"note: %s{text}"),
                defaultArg timeToLive Lease.usualTimeToLive
            ))

    /// Computes always, keeps nothing.
    static member none = Store(None, ignore, TimeSpan.Zero)

    /// The folder's full path.
    member _.Folder = folder

    /// The stage's answer: from the store, from another process that computes it now, or computed here and kept. What
    /// `compute` raises goes through, and gives the lease back; it may obtain the stage's inputs, which then count into the
    /// stage's seconds.
    ///   cancel : ends the waiting for another process, with OperationCanceledException
    member _.Obtain(spec: StageSpec, codec: Codec<'a>, compute: unit -> 'a, ?cancel: CancellationToken) : Obtained<'a> =
        match folder with
        | None -> computeUnkept compute
        | Some store -> obtain store spec codec compute (defaultArg cancel CancellationToken.None)

    /// The manifest of a kept answer, which is not read itself: for plans.
    member _.TryFind(key: StageKey) : Manifest option =
        folder
        |> Option.bind (fun store ->
            StoreLayout.kinds store
            |> List.tryPick (fun kind -> StoreLayout.artifact store kind key |> Artifact.manifest))

    /// Of every kept answer whose manifest is sound, by kind and key.
    member _.Manifests: Manifest list =
        match folder with
        | None -> []
        | Some store ->
            StoreLayout.artifacts store
            |> List.choose (fun (kind, key) -> StoreLayout.artifact store kind key |> Artifact.manifest)
