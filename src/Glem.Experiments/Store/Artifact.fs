namespace Glem

open System
open System.IO
open System.Reflection
open System.Runtime.InteropServices
open System.Security.Cryptography

/// A stage's answer on disk: <store>/<kind>/<two digits of the key>/<key>/, with manifest.json and the codec's files. It
/// is written beside and renamed into place, and never changed.
module Artifact =
    /// What a look at an artifact found.
    [<RequireQualifiedAccess>]
    type Look<'a> =
        | Whole of Manifest * 'a
        | Absent
        /// Not what was written, and why.
        | Damaged of string
        /// The file system does not give it, and why.
        | Unreadable of string

    /// The folder that it stands in, with its leases and what is being written.
    let shelf (store: string) (kind: string) (key: StageKey) = Path.Combine(store, kind, key.Text.Substring(0, 2))

    let folder (store: string) (kind: string) (key: StageKey) = Path.Combine(shelf store kind key, key.Text)
    let manifestFile (folder: string) = Path.Combine(folder, "manifest.json")

    let private namesIn (folder: string) =
        try
            Directory.EnumerateDirectories folder
            |> Seq.map (Path.GetFileName >> string)
            |> Seq.sort
            |> List.ofSeq
        with :? DirectoryNotFoundException -> []

    /// The kinds of stages that a store has folders for.
    let kinds (store: string) = namesIn store |> List.filter StageSpec.isKind

    /// Kind and key of everything that stands in an artifact's place.
    let all (store: string) : (string * StageKey) list = [
        for kind in kinds store do
            for digits in namesIn (Path.Combine(store, kind)) do
                for key in namesIn (Path.Combine(store, kind, digits)) |> List.choose StageKey.ofText do
                    if key.Text.StartsWith digits then
                        kind, key
    ]

    let private describe (path: string) (relative: string) : StoredFile =
        use stream = File.OpenRead path

        {
            Path = relative
            Length = stream.Length
            Sha256 = SHA256.HashData stream |> Convert.ToHexStringLower
        }

    /// Every file but the manifest: its path and that relative to the folder, in ordinal order.
    let private filesOf (folder: string) =
        Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
        |> Seq.map (fun path -> path, Path.GetRelativePath(folder, path).Replace(Path.DirectorySeparatorChar, '/'))
        |> Seq.filter (fun (_, relative) -> relative <> "manifest.json")
        |> Seq.sortWith (fun (_, a) (_, b) -> String.CompareOrdinal(a, b))
        |> List.ofSeq

    // Damage is an answer to many callers, so it travels as an exception through the checks only.
    exception private DamageException of string

    let private check (folder: string) (key: StageKey) : Manifest =
        let damaged what = raise (DamageException what)
        let file = manifestFile folder

        let manifest =
            try
                File.ReadAllText file |> Manifest.parse "manifest.json"
            with :? FileNotFoundException ->
                Ok(damaged "no manifest.json")

        match manifest with
        | Error error -> damaged (GlemError.message error)
        | Ok manifest ->
            if manifest.Key <> key then
                damaged $"a manifest of key %s{manifest.Key.Short}"

            let found = filesOf folder
            let said = manifest.Files |> List.map _.Path

            for path in said |> List.except (List.map snd found) do
                damaged $"%s{path} is missing"

            for path in List.map snd found |> List.except said do
                damaged $"%s{path} is not in the manifest"

            for file, (path, relative) in List.zip manifest.Files found do
                let length = FileInfo(path).Length

                if length <> file.Length then
                    damaged $"%s{relative} has %d{length} bytes, not %d{file.Length}"

                if describe path relative <> file then
                    damaged $"%s{relative} has another SHA-256 than when it was written"

            manifest

    /// Looks an artifact up, checks every file by its SHA-256, and reads it.
    let look (folder: string) (key: StageKey) (read: string -> 'a) : Look<'a> =
        try
            if Directory.Exists folder then
                let manifest = check folder key
                Look.Whole(manifest, read folder)
            else
                Look.Absent
        with
        | DamageException what -> Look.Damaged what
        | GlemException error -> Look.Damaged(GlemError.message error)
        | :? InvalidDataException
        | :? EndOfStreamException as problem -> Look.Damaged problem.Message
        // Somebody has just taken it away.
        | :? FileNotFoundException
        | :? DirectoryNotFoundException when not (Directory.Exists folder) -> Look.Absent
        | :? IOException
        | :? UnauthorizedAccessException as problem -> Look.Unreadable problem.Message

    /// The manifest alone, where there is a sound one: no other file is looked at.
    let manifest (folder: string) : Manifest option =
        try
            File.ReadAllText(manifestFile folder) |> Manifest.parse "manifest.json" |> Result.toOption
        with
        | :? IOException
        | :? UnauthorizedAccessException -> None

    let private machine =
        lazy
            let cpu =
                if File.Exists "/proc/cpuinfo" then
                    File.ReadLines "/proc/cpuinfo"
                    |> Seq.tryFind _.StartsWith("model name")
                    |> Option.map (fun line -> line.Substring(line.IndexOf ':' + 1).Trim())
                else
                    None

            let cpu = cpu |> Option.defaultValue (string RuntimeInformation.ProcessArchitecture)
            $"%s{cpu}, %d{Environment.ProcessorCount} processors, %s{RuntimeInformation.OSDescription}"

    /// Version and, where the SDK has appended it, the commit.
    let private build =
        lazy
            match Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>() with
            | null -> "unknown", None
            | attribute ->
                match attribute.InformationalVersion.Split '+' with
                | [| version; commit |] -> version, Some commit
                | parts -> parts[0], None

    let private peakMemory () =
        use self = Diagnostics.Process.GetCurrentProcess()
        let bytes = self.PeakWorkingSet64
        if bytes > 0L then Some(float bytes / 1048576.0) else None

    /// Writes a stage's answer beside and renames it into place. False where another process' stands there by now.
    ///   token : no other writer's
    /// Raises what the codec raises, IOException, UnauthorizedAccessException; then nothing is left behind.
    let write
        (store: string)
        (spec: StageSpec)
        (token: string)
        (started: DateTimeOffset)
        seconds
        (write: string -> unit)
        =
        let target = folder store spec.Kind spec.Key
        let beside = $"%s{target}.%s{token}.tmp"

        try
            Directory.CreateDirectory beside |> ignore
            write beside

            if File.Exists(manifestFile beside) then
                invalidOp $"the codec of '%s{spec.Kind}' wrote manifest.json, which is the store's"

            let files = [
                for path, relative in filesOf beside do
                    DiskSync.file path
                    describe path relative
            ]

            let version, commit = build.Value

            let manifest: Manifest = {
                Kind = spec.Kind
                Name = spec.Name
                Key = spec.Key
                Configuration = spec.Configuration
                Inputs = spec.Inputs
                Files = files
                Seconds = seconds
                PeakMemoryMb = peakMemory ()
                Started = started
                Machine = machine.Value
                Glem = version
                Commit = commit
            }

            File.WriteAllText(manifestFile beside, Manifest.toJson manifest |> Json.document)
            DiskSync.file (manifestFile beside)

            for inner in Directory.GetDirectories(beside, "*", SearchOption.AllDirectories) do
                DiskSync.folder inner

            DiskSync.folder beside

            let moved =
                try
                    Directory.Move(beside, target)
                    true
                with :? IOException when Directory.Exists target ->
                    false

            DiskSync.folder (shelf store spec.Kind spec.Key)
            moved
        finally
            // Gone after the rename; else what a failure leaves.
            try
                if Directory.Exists beside then
                    Directory.Delete(beside, true)
            with
            | :? IOException
            | :? UnauthorizedAccessException -> ()

    /// Takes an artifact that its stage's leaseholder has found damaged out of the way; where to.
    let setAside (store: string) (kind: string) (key: StageKey) : string =
        let damaged = Path.Combine(store, StageSpec.damaged)
        Directory.CreateDirectory damaged |> ignore
        let stamp = DateTime.UtcNow.ToString("yyyyMMdd'T'HHmmssfff")
        let target = Path.Combine(damaged, $"%s{kind}-%s{key.Text}-%s{stamp}")
        Directory.Move(folder store kind key, target)
        target
