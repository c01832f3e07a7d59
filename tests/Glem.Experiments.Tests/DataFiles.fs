namespace Glem.Experiments.Tests

open System
open System.Formats.Tar
open System.IO
open System.IO.Compression
open System.Text
open Glem
open Xunit

/// Files of foreign layouts, made up for tests.
module DataFiles =
    let gzip (bytes: byte[]) =
        use memory = new MemoryStream()

        (use stream = new GZipStream(memory, CompressionLevel.Fastest, true)
         stream.Write(bytes, 0, bytes.Length))

        memory.ToArray()

    /// A tar archive of these entries.
    let tar (entries: TarEntry list) =
        use memory = new MemoryStream()

        (use writer = new TarWriter(memory, TarEntryFormat.Ustar, true)
         entries |> List.iter writer.WriteEntry)

        memory.ToArray()

    let tarFile (name: string) (text: string) : TarEntry =
        UstarTarEntry(TarEntryType.RegularFile, name, DataStream = new MemoryStream(Encoding.UTF8.GetBytes text))

    /// A zip archive of names and contents.
    let zip (entries: (string * byte[]) list) =
        use memory = new MemoryStream()

        (use archive = new ZipArchive(memory, ZipArchiveMode.Create, true)

         for name, bytes in entries do
             use stream = archive.CreateEntry(name).Open()
             stream.Write(bytes, 0, bytes.Length))

        memory.ToArray()

    /// Writes files below a folder; names that end in .gz are packed.
    let write (folder: string) (files: Map<string, string>) =
        for KeyValue(name, text) in files do
            let path = Path.Combine(folder, name)
            Directory.CreateDirectory(Path.GetDirectoryName path |> string) |> ignore
            let bytes = Encoding.UTF8.GetBytes text
            File.WriteAllBytes(path, (if name.EndsWith ".gz" then gzip bytes else bytes))

    /// Imports a folder or file as whatever it looks like, by the rules.
    let importBy (rules: string list) (source: string) (out: string) =
        let rules =
            (HygieneRules.standard, rules)
            ||> List.fold (fun rules text -> HygieneRules.set rules text |> Result.orRaise)

        ImportFormat.detect source
        |> Result.bind (fun format ->
            Import.run {
                Import.from (Place(source, format)) out with
                    Rules = rules
            })

    /// The error's message holds every one of these, and no folder was made.
    let refused (out: string) (parts: string list) (result: Result<'a, GlemError>) =
        match result with
        | Ok _ -> Assert.Fail $"""accepted, where %s{String.Join(", ", parts)} should be wrong"""
        | Error error ->
            let message = GlemError.message error
            parts |> List.iter (fun part -> Assert.Contains(part, message))

        Assert.False(Directory.Exists out)

    /// The folder of data that are not the repository's, beside the checkout or above it.
    let shared (name: string) =
        let rec climb (folder: DirectoryInfo | null) =
            match folder with
            | null -> None
            | folder ->
                let path = Path.Combine(folder.FullName, "shared", "data", name)
                if Directory.Exists path then Some path else climb folder.Parent

        match climb (DirectoryInfo AppContext.BaseDirectory) with
        | Some path -> path
        | None ->
            Assert.Skip $"shared/data/%s{name} is not here"
            ""
