namespace Glem

open System
open System.IO
open System.Security.Cryptography

/// A stage's answer on disk: manifest.json and the codec's files. It is written beside and renamed into place, and never
/// changed.
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

    exception private DamageException of string

    /// The manifest, once every file has been found to be what it says. Raises DamageException, IOException.
    let private check (folder: string) (key: StageKey) : Manifest =
        let damaged what = raise (DamageException what)
        let file = StoreLayout.manifest folder

        if not (File.Exists file) then
            damaged "manifest.json is missing"

        match File.ReadAllText file |> Manifest.parse "manifest.json" with
        | Error error -> damaged (GlemError.message error)
        | Ok manifest ->
            if manifest.Key <> key then
                damaged $"the manifest is of key %s{manifest.Key.Short}"

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
        // Somebody has just taken it away.
        | _ when not (Directory.Exists folder) -> Look.Absent
        | DamageException what -> Look.Damaged what
        | GlemException error -> Look.Damaged(GlemError.message error)
        | :? InvalidDataException
        | :? EndOfStreamException as problem -> Look.Damaged problem.Message
        | :? IOException
        | :? UnauthorizedAccessException as problem -> Look.Unreadable problem.Message

    /// The manifest alone, where there is a sound one: no other file is looked at.
    let manifest (folder: string) : Manifest option =
        try
            File.ReadAllText(StoreLayout.manifest folder) |> Manifest.parse "manifest.json" |> Result.toOption
        with
        | :? IOException
        | :? UnauthorizedAccessException -> None

    /// Flushes what the codec wrote, adds the manifest, and flushes the folders.
    let private complete (beside: string) (spec: StageSpec) started seconds =
        if File.Exists(StoreLayout.manifest beside) then
            invalidOp $"the codec of '%s{spec.Kind}' wrote manifest.json, which is the store's"

        let files = [
            for path, relative in filesOf beside do
                DiskSync.file path
                describe path relative
        ]

        let version, commit = Provenance.build.Value

        let manifest: Manifest = {
            Kind = spec.Kind
            Name = spec.Name
            Key = spec.Key
            Configuration = spec.Configuration
            Inputs = spec.Inputs
            Files = files
            Seconds = seconds
            PeakMemoryMb = Provenance.peakMemory ()
            Started = started
            Machine = Provenance.machine.Value
            Glem = version
            Commit = commit
        }

        File.WriteAllText(StoreLayout.manifest beside, Manifest.toJson manifest |> Json.document)
        DiskSync.file (StoreLayout.manifest beside)

        for inner in Directory.GetDirectories(beside, "*", SearchOption.AllDirectories) do
            DiskSync.folder inner

        DiskSync.folder beside

    /// Writes a stage's answer beside and renames it into place. False where another process' stands there by now.
    ///   token : of the stage's lease
    /// Raises what `write` raises, IOException, UnauthorizedAccessException; then nothing is left behind.
    let write (store: string) (spec: StageSpec) (token: string) started seconds (write: string -> unit) : bool =
        let target = StoreLayout.artifact store spec.Kind spec.Key
        let beside = $"%s{target}.%s{token}.tmp"

        try
            Directory.CreateDirectory beside |> ignore
            write beside
            complete beside spec started seconds

            let isFirst =
                try
                    Directory.Move(beside, target)
                    true
                with :? IOException when Directory.Exists target ->
                    false

            DiskSync.folder (StoreLayout.shelf store spec.Kind spec.Key)
            isFirst
        finally
            // After the rename there is none; else it is what a failure leaves.
            try
                if Directory.Exists beside then
                    Directory.Delete(beside, true)
            with
            | :? IOException
            | :? UnauthorizedAccessException -> ()
