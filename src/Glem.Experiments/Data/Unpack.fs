namespace Glem

open System
open System.Formats.Tar
open System.IO
open System.IO.Compression

/// How much an archive may hold.
type UnpackLimits = { Files: int; Bytes: int64 }

/// Zip and tar.gz archives from strangers. Nothing is written outside the target folder, nothing but plain files and folders, and no
/// more than the limits: a path that climbs out, an absolute path, a link, a device or a bomb ends it, and what was unpacked goes.
module Unpack =
    let private refuse (archive: string) place found expected : 'a =
        raise (GlemException(InFile(archive, place, found, expected)))

    /// Where an entry goes.
    let private targetOf (archive: string) (folder: string) (name: string) =
        let refuse found = refuse archive $"entry '%s{name}'" found "relative paths that stay inside"
        let parts = name.Replace('\\', '/').Split '/'

        if name = "" || name.Contains '\000' then
            refuse "an unusable name"

        if name.StartsWith '/' || name.StartsWith '\\' || (name.Length > 1 && name[1] = ':') then
            refuse "an absolute path"

        if Array.contains ".." parts then
            refuse "a path that climbs out"

        let target = Path.GetFullPath(Path.Combine(folder, String.Join(Path.DirectorySeparatorChar, parts)))

        if not (target.StartsWith(folder + string Path.DirectorySeparatorChar, StringComparison.Ordinal)) then
            refuse "a path that climbs out"

        target

    /// Writes entries, counting.
    type private Writer(archive: string, folder: string, limits: UnpackLimits) =
        let mutable files = 0
        let mutable bytes = 0L

        member _.Folder(name: string) = Directory.CreateDirectory(targetOf archive folder (name.TrimEnd '/')) |> ignore

        member _.File(name: string, content: Stream) =
            let target = targetOf archive folder name
            files <- files + 1

            if files > limits.Files then
                refuse archive "" $"more than %d{limits.Files} files" "fewer"

            Directory.CreateDirectory(Path.GetDirectoryName target |> string) |> ignore
            // CreateNew: an entry that is there twice would overwrite what was checked.
            use file = new FileStream(target, FileMode.CreateNew, FileAccess.Write)
            let buffer = Array.zeroCreate<byte> 131072
            let mutable read = content.Read(buffer, 0, buffer.Length)

            // The bytes that come out are counted, not those that the archive says it has.
            while read > 0 do
                bytes <- bytes + int64 read

                if bytes > limits.Bytes then
                    refuse archive $"entry '%s{name}'" $"more than %d{limits.Bytes} bytes unpacked" "fewer"

                file.Write(buffer, 0, read)
                read <- content.Read(buffer, 0, buffer.Length)

    // Unix keeps a file's kind in the upper bits of the mode, which zip keeps in the upper half of the attributes.
    let private isZipLink (entry: ZipArchiveEntry) =
        let kind = (entry.ExternalAttributes >>> 16) &&& 0xF000
        kind <> 0 && kind <> 0x8000 && kind <> 0x4000

    let private zip (archive: string) (writer: Writer) =
        use source = ZipFile.OpenRead archive

        for entry in source.Entries do
            if isZipLink entry then
                refuse archive $"entry '%s{entry.FullName}'" "a link or a device" "files and folders"
            elif entry.FullName.EndsWith '/' then
                writer.Folder entry.FullName
            else
                use content = entry.Open()
                writer.File(entry.FullName, content)

    let private tar (archive: string) (writer: Writer) =
        use file = File.OpenRead archive
        use source = new TarReader(new GZipStream(file, CompressionMode.Decompress))
        let mutable reading = true

        while reading do
            match source.GetNextEntry() with
            | null -> reading <- false
            | entry ->
                match entry.EntryType with
                | TarEntryType.Directory -> writer.Folder entry.Name
                | TarEntryType.RegularFile
                | TarEntryType.V7RegularFile ->
                    match entry.DataStream with
                    | null -> writer.File(entry.Name, Stream.Null)
                    | content -> writer.File(entry.Name, content)
                | TarEntryType.GlobalExtendedAttributes
                | TarEntryType.ExtendedAttributes -> ()
                | kind -> refuse archive $"entry '%s{entry.Name}'" $"a %O{kind}" "files and folders"

    /// Unpacks a .zip, .tar.gz or .tgz into a new folder, which appears whole or not at all. Error: what is wrong with the archive, or
    /// that the folder is there.
    let run (archive: string) (limits: UnpackLimits) (folder: string) : Result<unit, GlemError> =
        let folder = Path.GetFullPath folder
        let beside = $"%s{folder}.%d{Environment.ProcessId}.tmp"
        let bad found expected = Error(InFile(archive, "", found, expected))

        let ends (endings: string list) =
            endings |> List.exists (fun ending -> archive.EndsWith(ending, StringComparison.OrdinalIgnoreCase))

        let unpack =
            if ends [ ".zip" ] then Some zip
            elif ends [ ".tar.gz"; ".tgz" ] then Some tar
            else None

        match unpack with
        | None -> bad "no known ending" ".zip, .tar.gz or .tgz"
        | Some _ when Directory.Exists folder || File.Exists folder ->
            Error(InFile(folder, "", "something there already", "a folder that does not exist yet"))
        | Some unpack ->
            try
                try
                    Directory.CreateDirectory beside |> ignore
                    unpack archive (Writer(archive, beside, limits))
                    Directory.Move(beside, folder)
                    Ok()
                with
                | GlemException error -> Error error
                | :? InvalidDataException
                | :? EndOfStreamException
                | :? FormatException -> bad "a damaged archive" "a whole one"
                | :? IOException as error -> bad error.Message "an archive that unpacks"
            finally
                if Directory.Exists beside then
                    Directory.Delete(beside, true)
