/// Downloads that break off, lie or attack, against a server on this machine.
module Glem.Experiments.Tests.DataFetchTests

open System
open System.Formats.Tar
open System.IO
open System.Net.Http
open System.Security.Cryptography
open System.Threading
open Glem
open Xunit

let private bytes = Array.init 300_000 (fun i -> byte (i * 7919 % 251))
let private hash = Sha256(Convert.ToHexStringLower(SHA256.HashData bytes))

let private download (server: LocalServer) name target hash most =
    use client = new HttpClient()
    Download.file client (server.Address name) target hash most ignore CancellationToken.None

let private files folder = Directory.GetFileSystemEntries folder |> Array.map (Path.GetFileName >> string) |> Array.sort

[<Fact>]
let ``a transfer that broke off goes on where it stopped`` () =
    use server = new LocalServer(Map [ "a.bin", bytes ])
    use folder = new TestFolder()
    let target = folder.File "a.bin"
    server.BreakAfter 100_000

    download server "a.bin" target (Some hash) 1_000_000L
    |> DataFiles.refused target [ "a.bin"; "ask again" ]

    Assert.False(File.Exists target)
    let have = FileInfo(target + ".partial").Length
    Assert.InRange(have, 1L, 100_000L)
    download server "a.bin" target (Some hash) 1_000_000L |> Result.orRaise
    Assert.Equal<byte>(bytes, File.ReadAllBytes target)
    Assert.Equal<string>([ ""; $"bytes=%d{have}-" ], server.Ranges)
    Assert.Equal<string>([| "a.bin" |], files folder.Path)

[<Fact>]
let ``a file that changed on the server since is fetched whole`` () =
    use server = new LocalServer(Map [ "a.bin", bytes ])
    use folder = new TestFolder()
    let target = folder.File "a.bin"
    server.BreakAfter 100_000
    Assert.True((download server "a.bin" target None 1_000_000L).IsError)
    let other = Array.rev bytes
    server.Replace("a.bin", other)
    download server "a.bin" target None 1_000_000L |> Result.orRaise
    Assert.Equal<byte>(other, File.ReadAllBytes target)

[<Fact>]
let ``a wrong hash, too many bytes and a refusal leave no file`` () =
    use server = new LocalServer(Map [ "a.bin", bytes ])
    use folder = new TestFolder()
    let target = folder.File "a.bin"
    let wrong = Sha256(String('0', 64))

    download server "a.bin" target (Some wrong) 1_000_000L
    |> DataFiles.refused target [ "a.bin"; "SHA-256"; "0000"; Convert.ToHexStringLower(SHA256.HashData bytes) ]

    Assert.Empty(files folder.Path)
    let md5 = Md5(Convert.ToHexStringLower(MD5.HashData bytes))
    download server "a.bin" (folder.File "b.bin") (Some md5) 1_000_000L |> Result.orRaise

    download server "a.bin" target None 1000L
    |> DataFiles.refused target [ "300000 bytes"; "at most 1000" ]

    download server "none.bin" target None 1000L |> DataFiles.refused target [ "none.bin"; "404" ]
    Assert.False(File.Exists target)

// ---- unpacking

let private limits = { Files = 10; Bytes = 100_000L }

let private unpack (name: string) (archive: byte[]) (check: string -> Result<unit, GlemError> -> unit) =
    use folder = new TestFolder()
    File.WriteAllBytes(folder.File name, archive)
    let inside = folder.File "deep/inside"
    Directory.CreateDirectory(folder.File "deep") |> ignore
    Unpack.run (folder.File name) limits inside |> check inside
    // Whatever happened, nothing lies outside.
    Assert.Equal<string>(Array.sort [| "deep"; name |], files folder.Path)
    Assert.Empty(files (folder.File "deep") |> Array.filter ((<>) "inside"))

let private refuses name archive parts =
    unpack name archive (fun inside result -> DataFiles.refused inside parts result)

[<Fact>]
let ``zip and tar.gz archives unpack with their folders`` () =
    let text = "hello"B

    let isThere inside result =
        Result.orRaise result
        Assert.Equal<byte>(text, File.ReadAllBytes(Path.Combine(inside, "raw", "a.csv")))
        Assert.Equal<byte>(text, File.ReadAllBytes(Path.Combine(inside, "b.csv")))

    unpack "a.zip" (DataFiles.zip [ "raw/", [||]; "raw/a.csv", text; "b.csv", text ]) isThere

    let archive =
        DataFiles.tar [
            UstarTarEntry(TarEntryType.Directory, "raw/")
            DataFiles.tarFile "raw/a.csv" "hello"
            DataFiles.tarFile "b.csv" "hello"
        ]

    unpack "a.tar.gz" (DataFiles.gzip archive) isThere

[<Fact>]
let ``an entry that leaves its folder, by climbing or by an absolute path, is refused`` () =
    for name in [ "../out.txt"; "a/../../out.txt"; "..\\out.txt" ] do
        refuses "a.zip" (DataFiles.zip [ "fine.txt", "x"B; name, "x"B ]) [ "a.zip"; "climbs out"; name ]

    for name in [ "/tmp/glem-out.txt"; "C:\\out.txt"; "\\out.txt" ] do
        refuses "a.zip" (DataFiles.zip [ name, "x"B ]) [ "absolute path"; name ]

    refuses "a.tgz" (DataFiles.gzip (DataFiles.tar [ DataFiles.tarFile "../out.txt" "x" ])) [ "climbs out" ]
    refuses "a.tgz" (DataFiles.gzip (DataFiles.tar [ DataFiles.tarFile "/out.txt" "x" ])) [ "absolute path" ]

[<Fact>]
let ``links are refused, in either archive`` () =
    for kind in [ TarEntryType.SymbolicLink; TarEntryType.HardLink ] do
        let link = UstarTarEntry(kind, "raw", LinkName = "/etc")

        refuses "a.tar.gz" (DataFiles.gzip (DataFiles.tar [ link; DataFiles.tarFile "raw/passwd" "x" ])) [
            "'raw'"
            string kind
        ]

    use memory = new MemoryStream()

    (use archive = new Compression.ZipArchive(memory, Compression.ZipArchiveMode.Create, true)
     let entry = archive.CreateEntry "raw"
     entry.ExternalAttributes <- int 0xA1FF0000u
     use stream = entry.Open()
     stream.Write("/etc"B, 0, 4))

    refuses "a.zip" (memory.ToArray()) [ "'raw'"; "link" ]

[<Fact>]
let ``a bomb ends at the limit: of bytes that come out, and of files`` () =
    let zeros = Array.zeroCreate 10_000_000
    let bomb = DataFiles.zip [ "zeros", zeros ]
    Assert.True(bomb.Length < 100_000)
    refuses "a.zip" bomb [ "'zeros'"; "more than 100000 bytes" ]

    refuses "a.tgz" (DataFiles.gzip (DataFiles.tar [ DataFiles.tarFile "zeros" (String('0', 200_000)) ])) [
        "more than 100000 bytes"
    ]

    refuses "a.zip" (DataFiles.zip [ for i in 0..10 -> $"f%d{i}", "x"B ]) [ "more than 10 files" ]

[<Fact>]
let ``a damaged archive, a file twice and an unknown ending are refused`` () =
    let whole = DataFiles.zip [ "a", bytes[..999] ]
    refuses "a.zip" whole[.. whole.Length / 2] [ "a.zip"; "damaged" ]
    refuses "a.tgz" (DataFiles.gzip "not a tar archive"B) [ "a.tgz" ]
    refuses "a.zip" (DataFiles.zip [ "a", "x"B; "a", "y"B ]) [ "a.zip" ]
    refuses "a.rar" whole [ ".zip, .tar.gz or .tgz" ]

// ---- a whole data set

let private published (server: LocalServer) hash : PublicDataset = {
    Name = "tiny"
    Licence = "CC0-1.0"
    Source = "made up"
    Files = [
        {
            Address = server.Address "tiny.zip"
            Name = "tiny.zip"
            Hash = hash
            Size = 1000L
        }
        {
            Address = server.Address "texts.tsv"
            Name = "texts.tsv"
            Hash = None
            Size = 1000L
        }
    ]
    Next = ""
}

[<Fact>]
let ``fetching gives the files, the archive's content, its licence and source; again fetches nothing`` () =
    let archive = DataFiles.zip [ "whatever/raw/a.csv", "1,2"B ]
    use server = new LocalServer(Map [ "tiny.zip", archive; "texts.tsv", "a\tb\n"B ])
    use folder = new TestFolder()
    use client = new HttpClient()
    let said = ResizeArray<string>()
    let hash = Some(Sha256(Convert.ToHexStringLower(SHA256.HashData archive)))
    let fetch () = Fetch.run client said.Add (published server hash) (folder.File "tiny") CancellationToken.None
    fetch () |> Result.orRaise
    Assert.Equal("1,2", File.ReadAllText(folder.File "tiny/tiny/raw/a.csv"))
    Assert.Equal("a\tb\n", File.ReadAllText(folder.File "tiny/texts.tsv"))
    let source = File.ReadAllText(folder.File "tiny/SOURCE.txt")
    Assert.Contains("CC0-1.0", source)
    Assert.Contains("tiny.zip", source)
    // Nobody published a hash of the texts: the one they have is told.
    Assert.Contains(said, _.Contains(Convert.ToHexStringLower(SHA256.HashData "a\tb\n"B)))
    fetch () |> Result.orRaise
    Assert.Equal(2, server.Ranges.Length)

[<Fact>]
let ``a data set whose archive is not the published one is not unpacked`` () =
    use server = new LocalServer(Map [ "tiny.zip", DataFiles.zip [ "a", "x"B ] ])
    use folder = new TestFolder()
    use client = new HttpClient()

    Fetch.run client ignore (published server (Some(Md5(String('0', 32))))) (folder.File "tiny") CancellationToken.None
    |> DataFiles.refused (folder.File "tiny/tiny") [ "tiny.zip"; "MD5" ]

[<Fact>]
let ``every known data set has secure addresses, names that differ, and hashes of the right length`` () =
    let all = PublicData.all
    Assert.Equal(all.Length, all |> List.distinctBy _.Name |> List.length)

    for known in all do
        Assert.NotEmpty known.Files
        Assert.Equal(known.Files.Length, known.Files |> List.distinctBy _.Name |> List.length)

        for file in known.Files do
            Assert.Equal("https", file.Address.Scheme)

            match file.Hash with
            | Some(Sha256 hash) -> Assert.Matches("^[0-9a-f]{64}$", hash)
            | Some(Md5 hash) -> Assert.Matches("^[0-9a-f]{32}$", hash)
            | None -> ()

    DataFiles.refused "/nowhere" [ "cora-text"; "ogbn-arxiv" ] (PublicData.find "cora-text")
