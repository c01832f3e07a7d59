module Glem.Experiments.Tests.DataFolderTests

open System
open System.IO
open System.IO.Compression
open System.Text
open FsCheck.FSharp
open Glem
open Xunit

/// A fresh folder, gone after the test.
let private inFolder (test: string -> unit) =
    let folder = Directory.CreateTempSubdirectory("glem-data-").FullName

    try
        test folder
    finally
        Directory.Delete(folder, true)

let private nodes = [
    "id,text,label,split"
    "a,\"one, two\",x,train"
    "b,three,y,train"
    "c,four,x,valid"
    "d,five,y,test"
]

let private edges = [ "source,target"; "a,b"; "b,c" ]
let private text (lines: string list) = String.Join("\n", lines) + "\n"

/// Imports two tables under the given names.
let private import (folder: string) nodesName (nodes: byte[]) edgesName (edges: byte[]) =
    let path (name: string) = Path.Combine(folder, name)
    File.WriteAllBytes(path nodesName, nodes)
    File.WriteAllBytes(path edgesName, edges)
    Import.run (Import.ofTables (path nodesName) (path edgesName) (path "out"))

let private importCsv folder (nodes: string list) (edges: string list) =
    import folder "nodes.csv" (Encoding.UTF8.GetBytes(text nodes)) "edges.csv" (Encoding.UTF8.GetBytes(text edges))

let private gzip (bytes: byte[]) =
    use memory = new MemoryStream()

    (use stream = new GZipStream(memory, CompressionLevel.Optimal, true)
     stream.Write(bytes, 0, bytes.Length))

    memory.ToArray()

/// The error's message holds every one of these, and nothing was written.
let private refuses (folder: string) (parts: string list) result =
    match result with
    | Ok _ -> Assert.Fail "accepted"
    | Error error ->
        let message = GlemError.message error
        parts |> List.iter (fun part -> Assert.Contains(part, message))

    Assert.False(Directory.Exists(Path.Combine(folder, "out")))
    Assert.Empty(Directory.GetDirectories(folder, "*.tmp"))

[<Fact>]
let ``tables become a folder that reads back as the same data`` () =
    inFolder (fun folder ->
        let imported, report = importCsv folder nodes edges |> Result.orRaise
        let read, _ = Validate.run (Path.Combine(folder, "out")) |> Result.orRaise
        Assert.Equal(imported.Fingerprint, read.Fingerprint)
        Assert.Equal<string>([ "one, two"; "three"; "four"; "five" ], read.Graph.Texts)
        Assert.Equal<string>([ "x"; "y" ], read.ClassNames)
        Assert.Equal(4, read.Graph.Edges.EdgeCount)
        Assert.Empty(ReadReport.lines report))

[<Fact>]
let ``csv, tsv and jsonl, plain and gzipped, say the same`` () =
    let tsv = [
        "id\ttext\tlabel\tsplit"
        "a\tone, two\tx\ttrain"
        "b\tthree\ty\ttrain"
        "c\tfour\tx\tvalid"
        "d\tfive\ty\ttest"
    ]

    let jsonl = [
        """{"id":"a","text":"one, two","label":"x","split":"train"}"""
        """{"id":"b","text":"three","label":"y","split":"train"}"""
        """{"id":"c","text":"four","label":"x","split":"valid"}"""
        """{"id":"d","text":"five","label":"y","split":"test"}"""
    ]

    let fingerprints = [
        for name, lines in [ "nodes.csv", nodes; "nodes.tsv", tsv; "nodes.jsonl", jsonl ] do
            let bytes = Encoding.UTF8.GetBytes(text lines)

            for name, bytes in [ name, bytes; name + ".gz", gzip bytes ] do
                inFolder (fun folder ->
                    import folder name bytes "edges.csv" (Encoding.UTF8.GetBytes(text edges))
                    |> Result.orRaise
                    |> ignore)

                let mutable fingerprint = ""

                inFolder (fun folder ->
                    let dataset, _ =
                        import folder name bytes "edges.csv" (Encoding.UTF8.GetBytes(text edges)) |> Result.orRaise

                    fingerprint <- dataset.Fingerprint)

                fingerprint
    ]

    Assert.Single(List.distinct fingerprints) |> ignore

[<Fact>]
let ``whatever text a node has, a written folder gives it back`` () =
    let check (text: string) =
        let usable =
            not (String.IsNullOrWhiteSpace text) && text |> Seq.forall (fun c -> not (Char.IsSurrogate c))

        if usable then
            inFolder (fun folder ->
                let node id label part = {
                    Id = id
                    Text = text
                    Label = Some label
                    Part = part
                }

                let records: DatasetRecords = {
                    Info = (Import.ofTables "" "" folder).Info
                    ClassNames = [| "x" |]
                    Nodes = [| node "a" "x" Train; node "b" "x" Valid |]
                    Edges = [| struct ("a", "b") |]
                }

                let out = Path.Combine(folder, "out")
                let written = DatasetFolder.write out records |> Result.orRaise
                let read, _ = DatasetFolder.read out |> Result.orRaise
                Assert.Equal(text, read.Graph.Texts[0])
                Assert.Equal(written.Fingerprint, read.Fingerprint))

    [
        "a\"b"
        "line\nbreak"
        "\r\n,"
        "\ttab"
        " blanks "
        "a\rb"
        "a\r"
        "é漢字"
        "#"
        "=1+1"
    ]
    |> List.iter check

    FsCheck.Check.One(
        FsCheck.Config.QuickThrowOnFailure.WithMaxTest 30,
        fun (text: FsCheck.NonWhiteSpaceString) -> check text.Get
    )

[<Fact>]
let ``loops, repeats and reversed edges are dropped and counted`` () =
    inFolder (fun folder ->
        let dataset, report = importCsv folder nodes (edges @ [ "c,c"; "a,b"; "b,a" ]) |> Result.orRaise
        Assert.Equal(4, dataset.Graph.Edges.EdgeCount)

        Assert.Equal(
            {
                SelfLoops = 1
                DuplicateEdges = 1
                ReverseEdges = 1
                OneWayEdges = 0
                UnknownEnds = 0
                IsolatedNodes = 0
                MissingTexts = 0
                IdenticalTexts = 0
                UntaughtLabels = 0
            },
            report
        )

        Assert.Equal(3, (ReadReport.lines report).Length))

[<Fact>]
let ``without a split column the classes are split in the standard shares, whatever the rows' order`` () =
    let rows = [
        for i in 1..50 -> $"""n%d{i},text %d{i},%s{if i % 2 = 0 then "x" else "y"}"""
    ]

    let parts rows =
        let mutable found = []

        inFolder (fun folder ->
            let dataset, _ =
                importCsv folder ("id,text,label" :: rows) [ "source,target"; "n1,n2" ] |> Result.orRaise

            found <- [ for i in 0..49 -> dataset.Graph.Ids[i], dataset.Split[i * 1<node>] ] |> List.sort)

        found

    Assert.Equal<(string * Part) list>(parts rows, parts (List.rev rows))
    Assert.Equal(30, parts rows |> List.filter (fun (_, part) -> part = Train) |> List.length)

[<Fact>]
let ``an edge to an unknown node is refused by file, line and name`` () =
    inFolder (fun folder ->
        importCsv folder nodes (edges @ [ "a,nobody" ])
        |> refuses folder [ "edges.csv"; "line 4"; "nobody"; "listed node" ])

[<Fact>]
let ``a repeated id is refused with both lines`` () =
    inFolder (fun folder ->
        importCsv folder (nodes @ [ "a,again,x,train" ]) edges
        |> refuses folder [ "nodes.csv"; "line 6"; "'a'"; "line 2"; "each id once" ])

[<Fact>]
let ``a node in two parts of the split is refused`` () =
    inFolder (fun folder ->
        importCsv folder (nodes @ [ "a,again,x,test" ]) edges
        |> refuses folder [ "line 6"; "'a' in 'test'"; "'train' on line 2"; "one part" ])

[<Fact>]
let ``an unknown part is refused`` () =
    inFolder (fun folder ->
        importCsv folder (nodes @ [ "e,six,x,dev" ]) edges
        |> refuses folder [ "line 6"; "'dev'"; "train, valid, test" ])

[<Fact>]
let ``a class without training node is refused by name`` () =
    inFolder (fun folder ->
        importCsv folder (nodes @ [ "e,six,z,test" ]) edges
        |> refuses folder [ "nodes.csv"; "class 'z'"; "no training node" ])

[<Fact>]
let ``an empty text is refused by line, counting lines inside quotes`` () =
    inFolder (fun folder ->
        importCsv folder (nodes @ [ "e,\"two\nlines\",x,test"; "f, ,x,test" ]) edges
        |> refuses folder [ "nodes.csv"; "line 8"; "empty text"; "'f'" ])

[<Fact>]
let ``bytes that are not UTF-8 are refused by line and byte`` () =
    inFolder (fun folder ->
        let bytes = Encoding.Latin1.GetBytes(text nodes + "e,caf\u00e9,x,test\n")

        import folder "nodes.csv" bytes "edges.csv" (Encoding.UTF8.GetBytes(text edges))
        |> refuses folder [ "nodes.csv"; "line 6, byte"; "0xE9"; "UTF-8" ])

[<Fact>]
let ``a gzip file cut anywhere is refused`` () =
    let whole = Encoding.UTF8.GetBytes(text nodes) |> gzip

    for length in 1 .. whole.Length - 1 do
        inFolder (fun folder ->
            import folder "nodes.csv.gz" whole[.. length - 1] "edges.csv" (Encoding.UTF8.GetBytes(text edges))
            |> refuses folder [ "nodes.csv.gz"; "gzip" ])

[<Fact>]
let ``a missing column, a short row, an empty file and a stray quote are refused`` () =
    inFolder (fun folder -> importCsv folder [ "id,text"; "a,b" ] edges |> refuses folder [ "line 1"; "'label'" ])

    inFolder (fun folder ->
        importCsv folder (nodes @ [ "e,six" ]) edges |> refuses folder [ "line 6"; "2 fields"; "4" ])

    inFolder (fun folder ->
        import folder "nodes.csv" [||] "edges.csv" [||] |> refuses folder [ "nodes.csv"; "empty file" ])

    inFolder (fun folder ->
        importCsv folder (nodes @ [ "e,s\"ix,x,test" ]) edges |> refuses folder [ "line 6"; "quote" ])

    inFolder (fun folder -> importCsv folder (nodes @ [ "e,\"six,x,test" ]) edges |> refuses folder [ "line 6" ])

[<Fact>]
let ``malformed JSON is refused by line`` () =
    inFolder (fun folder ->
        let lines = [ """{"id":"a","text":"t","label":"x","split":"train"}"""; """{"id":"b",""" ]

        import
            folder
            "nodes.jsonl"
            (Encoding.UTF8.GetBytes(text lines))
            "edges.csv"
            (Encoding.UTF8.GetBytes(text edges))
        |> refuses folder [ "nodes.jsonl"; "line 2"; "malformed JSON" ])

[<Fact>]
let ``a file that is not the one of dataset.json is called damaged`` () =
    inFolder (fun folder ->
        importCsv folder nodes edges |> Result.orRaise |> ignore
        let out = Path.Combine(folder, "out")
        File.AppendAllText(Path.Combine(out, "nodes.csv"), "e,six,x,test\n")

        match Validate.run out with
        | Ok _ -> Assert.Fail "accepted"
        | Error error ->
            let message = GlemError.message error
            Assert.Contains("nodes.csv", message)
            Assert.Contains("damaged", message)
            Assert.Contains("SHA-256", message))

[<Fact>]
let ``a folder that is there, or below a file, is not written to`` () =
    inFolder (fun folder ->
        importCsv folder nodes edges |> Result.orRaise |> ignore
        let again = Import.ofTables (Path.Combine(folder, "nodes.csv")) (Path.Combine(folder, "edges.csv"))

        match
            Import.run (again (Path.Combine(folder, "out"))),
            Import.run (again (Path.Combine(folder, "nodes.csv", "x")))
        with
        | Error there, Error below ->
            Assert.Contains("already", GlemError.message there)
            Assert.Contains("cannot be written", GlemError.message below)
        | _ -> Assert.Fail "accepted"

        Assert.Empty(Directory.GetDirectories(folder, "*.tmp")))
