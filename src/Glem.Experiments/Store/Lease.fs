namespace Glem

open System
open System.IO
open System.Text
open System.Threading
open Microsoft.Win32.SafeHandles

/// A file that says who computes a stage, on any file system where a file can be made that must be new, and files bear
/// times: <name>.<generation>.lease. A holder renews its file's time; once that is older than the time to live, or as
/// soon as the holder is a process of this machine that is gone, the lease is dead. Whoever wants a dead one makes the
/// next generation: the file must be new, so exactly one gets it, and nobody can take a living lease away by mistake,
/// as a rename of the dead one could when it comes late. A lease saves work and guards nothing: two holders, after a
/// pause longer than the time to live, compute the same.
[<Sealed>]
type Lease
    private (folder: string, name: string, generation: int, holder: Holder, handle: SafeFileHandle, content: byte[]) =
    static let path folder name generation = Path.Combine(folder, $"%s{name}.%d{generation}.lease")

    static let generations folder (name: string) =
        Directory.EnumerateFiles(folder, $"%s{name}.*.lease")
        |> Seq.choose (fun file ->
            match Int32.TryParse((string (Path.GetFileName file)).Split('.')[1]) with
            | true, generation -> Some generation
            | _ -> None)
        |> Seq.sort
        |> List.ofSeq

    static let parse (file: string) (text: string) =
        text
        |> Json.read file "" (fun at ->
            Holder.ofJson at, TimeSpan.FromSeconds(at |> Json.field "timeToLive" |> Json.asFloat))
        |> Result.toOption

    /// Who holds it, for how long without renewal, and when it was renewed last. Opening a file makes a network file
    /// system ask its server anew. None where it is gone. An empty lease's holder has just made it, or died in that moment.
    static let read file =
        try
            use handle =
                File.OpenHandle(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite ||| FileShare.Delete)

            let bytes = Array.zeroCreate<byte>(int (RandomAccess.GetLength handle))
            let count = RandomAccess.Read(handle, Span bytes, 0L)
            Some(parse file (Encoding.UTF8.GetString(bytes, 0, count)), File.GetLastWriteTimeUtc handle)
        with :? FileNotFoundException ->
            None

    static let isDead (timeToLive: TimeSpan) (now: unit -> DateTime) (known, renewed: DateTime) =
        match known with
        | Some(holder, _) when Holder.isGone holder -> true
        | Some(_, own: TimeSpan) -> now () - renewed > own
        | None -> now () - renewed > timeToLive

    static let token known = known |> Option.map (fun (holder: Holder, _: TimeSpan) -> holder.Token)

    let stop = new ManualResetEventSlim false

    // A failed renewal is tried again; if all fail, the lease runs out, and another process may compute the same.
    let renew () =
        try
            RandomAccess.Write(handle, ReadOnlySpan content, 0L)
            RandomAccess.FlushToDisk handle
        with
        | :? IOException
        | :? UnauthorizedAccessException
        | :? ObjectDisposedException -> ()

    let heartbeat (interval: TimeSpan) =
        while not (stop.Wait interval) do
            renew ()

    let mutable thread: Thread option = None

    /// How long a lease lives without renewal, unless its store says otherwise: 60 s.
    static member usualTimeToLive = TimeSpan.FromSeconds 60.0

    /// Who holds it.
    member _.Holder = holder

    /// Keeps it alive from now on, from a thread that does not keep the process.
    member private _.Start(interval: TimeSpan) =
        let beating = Thread((fun () -> heartbeat interval), 1 <<< 18, IsBackground = true, Name = "lease")
        thread <- Some beating
        beating.Start()

    /// Removes its file, unless somebody else's stands there by now.
    member private _.Withdraw() =
        handle.Dispose()

        match read (path folder name generation) with
        | Some(Some(found, _), _) when found.Token = holder.Token -> File.Delete(path folder name generation)
        | _ -> ()

    interface IDisposable with
        /// Gives it back: the dead generations below first and its own last, so that none of theirs stands without it.
        member this.Dispose() =
            stop.Set()
            // Where the file system hangs, so does the renewal; the process shall end all the same.
            thread |> Option.iter (fun beating -> beating.Join 1000 |> ignore)

            try
                for other in generations folder name do
                    if other < generation then
                        File.Delete(path folder name other)

                this.Withdraw()
            with
            | :? IOException
            | :? UnauthorizedAccessException -> () // it will run out

    /// The living lease of a name: its holder, where that is known. None where there is none, or a dead one.
    static member Living(folder: string, name: string, timeToLive: TimeSpan) : Holder option option =
        if not (Directory.Exists folder) then
            None
        else
            generations folder name
            |> List.tryLast
            |> Option.bind (fun last -> read (path folder name last))
            |> Option.filter (fun found -> not (isDead timeToLive (FileClock folder).Now found))
            |> Option.map (fun (known, _) -> Option.map fst known)

    /// Takes the lease. Error: who holds it, None where it is changing hands: ask again soon.
    ///   folder : exists   name : without a dot   now : the folder's FileClock
    /// Raises IOException, UnauthorizedAccessException where the folder cannot be written to.
    static member TryTake
        (folder: string, name: string, timeToLive: TimeSpan, now: unit -> DateTime)
        : Result<Lease, Holder option> =
        let make generation =
            let holder = Holder.self ()

            let content =
                Holder.toFields holder @ [ "timeToLive", Json.float timeToLive.TotalSeconds ]
                |> Json.object
                |> Json.line
                |> Encoding.UTF8.GetBytes

            let file = path folder name generation

            try
                let handle =
                    File.OpenHandle(
                        file,
                        FileMode.CreateNew,
                        FileAccess.ReadWrite,
                        FileShare.ReadWrite ||| FileShare.Delete
                    )

                try
                    RandomAccess.Write(handle, ReadOnlySpan content, 0L)
                    RandomAccess.FlushToDisk handle
                    Ok(new Lease(folder, name, generation, holder, handle, content))
                with _ ->
                    handle.Dispose()
                    File.Delete file
                    reraise ()
            with :? IOException when File.Exists file ->
                Error None

        // The one below must still be the dead one that was judged, and none be above: names come back when leases are
        // given back.
        let isCurrent generation (below: string option option) =
            (generations folder name |> List.tryLast) = Some generation
            && match below with
               | None -> true
               | Some judged ->
                   read (path folder name (generation - 1)) |> Option.exists (fun (known, _) -> token known = judged)

        let take generation below =
            match make generation with
            | Error other -> Error other
            | Ok lease when isCurrent generation below ->
                lease.Start(timeToLive / 6.0)
                Ok lease
            | Ok lease ->
                lease.Withdraw()
                Error None

        match generations folder name |> List.tryLast with
        | None -> take 0 None
        | Some last ->
            match read (path folder name last) with
            | None -> Error None
            | Some found when isDead timeToLive now found -> take (last + 1) (Some(token (fst found)))
            | Some(known, _) -> Error(Option.map fst known)
