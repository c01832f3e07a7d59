/// What the program says to people who ask, and to people who are wrong.
module Glem.Experiments.Tests.CliInputTests

open System
open System.IO
open System.IO.Compression
open System.Text
open Glem
open Xunit

let private quickRun = [ "run"; "--recipe"; "quickstart"; "--quick"; "--out"; "out" ]

[<Theory>]
[<InlineData("", "quickstart run predict evaluate report recipe data laws doctor")>]
[<InlineData("quickstart", "--seed --out --quick")>]
[<InlineData("run", "--recipe --dataset --seed --set --out --precision --quick")>]
[<InlineData("predict", "--run --model --text --neighbours --input --out --top")>]
[<InlineData("evaluate", "--task --run --model --negatives --seed --json --out")>]
[<InlineData("report", "--out")>]
[<InlineData("recipe", "list show diff")>]
[<InlineData("recipe show", "RECIPE")>]
[<InlineData("recipe diff", "LEFT RIGHT")>]
[<InlineData("data", "list describe import validate make fetch")>]
[<InlineData("data import",
             "--from --format --nodes --edges --out --rule --texts --text --label --split --name --licence --source --train --valid --train-per-class --valid-per-class --seed")>]
[<InlineData("data make", "debian synthetic")>]
[<InlineData("data make debian", "--out")>]
[<InlineData("data make synthetic",
             "--out --nodes --classes --degree --homophily --text-noise --words --vocabulary --label-rate --seed")>]
[<InlineData("data fetch", "NAME --out")>]
[<InlineData("data describe", "DATA")>]
[<InlineData("data validate", "DATA")>]
[<InlineData("laws", "--count --seed --only --markdown")>]
[<InlineData("doctor", "doctor")>]
let ``--help names a command's options`` (command: string, options: string) =
    let command = command.Split(' ', StringSplitOptions.RemoveEmptyEntries) |> List.ofArray
    let out = GlemProcess.succeeds (Path.GetTempPath()) (command @ [ "--help" ])

    for option in options.Split ' ' do
        Assert.Contains(option, out, StringComparison.OrdinalIgnoreCase)

[<Fact>]
let ``an option or command that does not exist is refused`` () =
    use folder = new TestFolder()
    GlemProcess.refuses folder.Path [ "train" ] [ "train"; "--help" ]
    GlemProcess.refuses folder.Path [ "run"; "--recipe"; "quickstart"; "--fast" ] [ "--fast" ]
    GlemProcess.refuses folder.Path [ "run" ] [ "--recipe" ]
    GlemProcess.refuses folder.Path [ "run"; "--recipe"; "quickstart"; "--seed"; "one" ] [ "--seed" ]

[<Fact>]
let ``laws that cannot be tried or written are refused`` () =
    use folder = new TestFolder()
    GlemProcess.refuses folder.Path [ "laws"; "--count"; "0" ] [ "--count"; "0"; "from 1" ]
    GlemProcess.refuses folder.Path [ "laws"; "--only"; "perpetual motion" ] [ "--only"; "perpetual motion" ]
    GlemProcess.refuses folder.Path [ "laws"; "--markdown"; "nowhere/laws.md" ] [ "nowhere/laws.md" ]

[<Fact>]
let ``laws are tried, counted and written as a page`` () =
    use folder = new TestFolder()
    let out = GlemProcess.succeeds folder.Path [ "laws"; "--only"; "softmax"; "--count"; "20" ]
    Assert.Contains("(20 cases", out)
    Assert.Contains("laws hold, 0 failed", out)
    GlemProcess.succeeds folder.Path [ "laws"; "--markdown"; "laws.md" ] |> ignore
    Assert.StartsWith("# ", File.ReadAllText(folder.File "laws.md"))

[<Fact>]
let ``a recipe that is wrong is refused before anything is written`` () =
    use folder = new TestFolder()
    Colours.write (folder.File "colours")
    folder.Write("mine.json", """{ "lm": { "width": 3 } }""")
    let run options = GlemProcess.refuses folder.Path ([ "run"; "--dataset"; "colours"; "--out"; "out" ] @ options)
    run [ "--recipe"; "mine.json" ] [ "mine.json"; "lm.width"; "unknown field"; "layers" ]
    run [ "--recipe"; "yours.json" ] [ "yours.json"; "quickstart" ]
    run [ "--recipe"; "quickstart"; "--set"; "eStep.pseudoWeight=1.5" ] [ "eStep.pseudoWeight"; "1.5"; "from 0 to 1" ]
    run [ "--recipe"; "quickstart"; "--precision"; "int8" ] [ "--precision"; "int8"; "float32 or bfloat16" ]

[<Fact>]
let ``a made-up data set says what can be reached on it, and validates`` () =
    use folder = new TestFolder()

    let made =
        GlemProcess.succeeds folder.Path [
            "data"
            "make"
            "synthetic"
            "--out"
            "made"
            "--nodes"
            "100"
            "--degree"
            "4"
        ]

    Assert.Contains("100 nodes, 200 edges, 5 classes", made)
    Assert.Contains("Bayes accuracy from the text alone", made)
    Assert.Contains("100 nodes, 200 edges", GlemProcess.succeeds folder.Path [ "data"; "validate"; "made" ])

    GlemProcess.refuses folder.Path [ "data"; "make"; "synthetic"; "--out"; "x"; "--homophily"; "2" ] [
        "--homophily"
        "0 to 1"
    ]

[<Fact>]
let ``import asks for one source, a known layout and known rules`` () =
    use folder = new TestFolder()
    let refuses options = GlemProcess.refuses folder.Path ([ "data"; "import"; "--out"; "x" ] @ options)
    refuses [] [ "--nodes and --edges, or --from" ]
    refuses [ "--from"; "."; "--nodes"; "a.csv"; "--edges"; "b.csv" ] [ "neither or both" ]
    refuses [ "--from"; "." ] [ "no known layout"; "raw/ and split/" ]
    refuses [ "--from"; "."; "--format"; "gexf" ] [ "--format"; "gexf"; "graphml" ]
    refuses [ "--from"; "."; "--rule"; "isolated=merge" ] [ "--rule isolated"; "merge"; "keep, drop" ]
    refuses [ "--from"; "."; "--train"; "0.5"; "--train-per-class"; "20" ] [ "--train-per-class" ]
    GlemProcess.refuses folder.Path [ "data"; "fetch"; "imagenet" ] [ "imagenet"; "ogbn-arxiv" ]

[<Fact>]
let ``a data set that does not exist is refused with the names that there are`` () =
    use folder = new TestFolder()
    GlemProcess.refuses folder.Path (quickRun @ [ "--dataset"; "cora" ]) [ "cora"; "dotnet-api" ]

/// Changes one line of a table.
let private edit number (line: string) (lines: string list) = List.updateAt number line lines

let private damaged: (string * (string list -> string list) * (string list -> string list) * string list) list = [
    "an edge to an unknown node", id, edit 3 "n1,n99", [ "edges.csv"; "line 4"; "n99" ]
    "duplicate ids", edit 5 "n0,words again,red,train", id, [ "nodes.csv"; "line 6"; "n0"; "line 2" ]
    "overlapping splits", edit 5 "n0,words again,red,test", id, [ "nodes.csv"; "line 6"; "n0"; "test"; "train" ]
    "a class with no training node",
    (fun lines -> lines @ [ "extra,a yellow thing,yellow,test" ]),
    id,
    [ "yellow"; "no training node" ]
    "an empty text", edit 5 "n4,  ,green,train", id, [ "nodes.csv"; "line 6"; "n4"; "empty text" ]
    "a split that is no part", edit 5 "n4,words,green,dev", id, [ "nodes.csv"; "line 6"; "dev"; "train, valid, test" ]
    "a missing column", edit 0 "id,text,class,split", id, [ "nodes.csv"; "line 1"; "label" ]
]

[<Fact>]
let ``a data set that is wrong is refused by file and line`` () =
    for name, ofNodes, ofEdges, parts in damaged do
        use folder = new TestFolder()
        Colours.writeLines (folder.File "bad") (ofNodes (Colours.nodeLines Colours.records)) (ofEdges Colours.edgeLines)
        GlemProcess.refuses folder.Path (quickRun @ [ "--dataset"; "bad" ]) parts
        // Validation says the same without a run; one of them shows that it does.
        if name = "duplicate ids" then
            GlemProcess.refuses folder.Path [ "data"; "validate"; "bad" ] parts

[<Fact>]
let ``bytes that are no UTF-8 are refused by file and line`` () =
    use folder = new TestFolder()
    Colours.write (folder.File "bad")
    let path = folder.File "bad/nodes.csv"
    let bytes = File.ReadAllBytes path
    let third = bytes |> Array.indexed |> Array.filter (fun (_, b) -> b = 10uy) |> Array.item 1 |> fst
    bytes[third + 5] <- 0xE9uy
    File.WriteAllBytes(path, bytes)
    GlemProcess.refuses folder.Path (quickRun @ [ "--dataset"; "bad" ]) [ "nodes.csv"; "line 3"; "0xE9"; "UTF-8" ]

[<Fact>]
let ``a truncated gzip file is refused by name`` () =
    use folder = new TestFolder()
    Colours.write (folder.File "bad")
    let plain = folder.File "bad/nodes.csv"

    let whole =
        use memory = new MemoryStream()

        (use stream = new GZipStream(memory, CompressionLevel.Optimal, true)
         stream.Write(File.ReadAllBytes plain))

        memory.ToArray()

    File.Delete plain
    File.WriteAllBytes(plain + ".gz", whole[.. whole.Length / 2])
    GlemProcess.refuses folder.Path (quickRun @ [ "--dataset"; "bad" ]) [ "nodes.csv.gz"; "truncated gzip" ]

[<Fact>]
let ``an output that is in the way, or cannot be, is refused`` () =
    use folder = new TestFolder()
    Colours.write (folder.File "colours")
    folder.Write("file", "not a folder")

    let run out = [
        "run"
        "--recipe"
        "quickstart"
        "--quick"
        "--dataset"
        "colours"
        "--out"
        out
    ]

    GlemProcess.refuses folder.Path (run "file") [ "file"; "exists" ]
    GlemProcess.refuses folder.Path (run "colours") [ "colours"; "exists" ]
    GlemProcess.refuses folder.Path (run "file/inside") [ "file/inside" ]

[<Fact>]
let ``without libtorch the error says what is missing and what installs it`` () =
    use folder = new TestFolder()
    Colours.write (folder.File "colours")
    let run = quickRun @ [ "--dataset"; "colours" ]
    let remedy = [ "native engine"; "libtorch-dev"; "GLEM_NATIVE" ]
    GlemProcess.refusesWith [ "GLEM_NATIVE", "/nowhere/libglem_native.so" ] folder.Path run remedy
    folder.Write("not-a-library.so", "text")

    GlemProcess.refusesWith [ "GLEM_NATIVE", folder.File "not-a-library.so" ] folder.Path run [
        "not-a-library.so"
        "libtorch-dev"
    ]

[<Fact>]
let ``--verbose adds the stack trace`` () =
    use folder = new TestFolder()
    let doctor = GlemProcess.runWith [ "GLEM_NATIVE", "/nowhere/libglem_native.so" ] folder.Path
    Assert.DoesNotContain("   at ", (doctor [ "doctor" ]).Err)
    let verbose = doctor [ "doctor"; "--verbose" ]
    Assert.Equal(2, verbose.Code)
    Assert.StartsWith("error: ", verbose.Err)
    Assert.Contains("   at ", verbose.Err)

[<Fact>]
let ``tables of every kind are imported, validated and described`` () =
    let tab (line: string) = line.Replace(',', '\t')

    let json (line: string) =
        match line.Split ',' with
        | [| id; text; label; part |] -> $"""{{"id":"{id}","text":"{text}","label":"{label}","split":"{part}"}}"""
        | _ -> failwith line

    let gzip (text: string) =
        use memory = new MemoryStream()

        (use stream = new GZipStream(memory, CompressionLevel.Optimal, true)
         stream.Write(Encoding.UTF8.GetBytes text))

        memory.ToArray()

    let nodes = Colours.nodeLines Colours.records
    let join (lines: string list) = String.Join("\n", lines) + "\n"

    let kinds = [
        "nodes.csv", Encoding.UTF8.GetBytes(join nodes)
        "nodes.tsv.gz", gzip (join (List.map tab nodes))
        "nodes.jsonl", Encoding.UTF8.GetBytes(join (List.map json nodes.Tail))
    ]

    let fingerprints = [
        for name, bytes in kinds do
            use folder = new TestFolder()
            File.WriteAllBytes(folder.File name, bytes)
            File.WriteAllLines(folder.File "edges.tsv", Colours.edgeLines |> List.map tab)

            let import = [
                "data"
                "import"
                "--nodes"
                name
                "--edges"
                "edges.tsv"
                "--out"
                "colours"
                "--licence"
                "CC0-1.0"
            ]

            GlemProcess.succeeds folder.Path import |> ignore
            let validated = GlemProcess.succeeds folder.Path [ "data"; "validate"; "colours" ]
            Assert.Contains("60 nodes", validated)
            Assert.Contains("3 classes", validated)

            if name = "nodes.csv" then
                let described = GlemProcess.succeeds folder.Path [ "data"; "describe"; "colours" ]

                for part in [ "nodes 60"; "licence CC0-1.0"; "homophily 1.000"; "red"; "n59 (blue" ] do
                    Assert.Contains(part, described)

                Assert.DoesNotContain("\027", described)

            let at = validated.IndexOf "fingerprint "
            validated.Substring(at, 44)
    ]

    Assert.Single(List.distinct fingerprints) |> ignore
