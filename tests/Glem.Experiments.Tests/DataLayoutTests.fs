/// Foreign layouts: a tiny one of each, and what is said when it is damaged.
module Glem.Experiments.Tests.DataLayoutTests

open System
open System.IO
open System.Text
open Glem
open Xunit

let private parts (dataset: Dataset) = Array.init dataset.Graph.NodeCount (fun i -> dataset.Split[i * 1<node>])

let private labels (dataset: Dataset) =
    Array.init dataset.Graph.NodeCount (fun i ->
        match dataset.Audit.Label(i * 1<node>) with
        | ValueSome k -> dataset.ClassNames[int k]
        | ValueNone -> "")

let private imported rules source (folder: TestFolder) =
    DataFiles.importBy rules source (folder.File "out") |> Result.orRaise

// ---- OGB

/// Five papers on a path; the last has no label. Edge 1-0 is the reverse of 0-1, and 4 cites itself.
let private ogb =
    Map [
        "graph/raw/num-node-list.csv.gz", "5\n"
        "graph/raw/num-edge-list.csv.gz", "6\n"
        "graph/raw/edge.csv.gz", "0,1\n1,0\n1,2\n2,3\n3,4\n4,4\n"
        "graph/raw/node-label.csv.gz", "0\n2\n0\n2\nnan\n"
        "graph/split/time/train.csv.gz", "0\n1\n"
        "graph/split/time/valid.csv.gz", "2\n"
        "graph/split/time/test.csv.gz", "3\n"
        "graph/mapping/nodeidx2paperid.csv.gz", "node idx,paper id\n0,100\n1,101\n2,102\n3,103\n4,104\n"
        "graph/mapping/labelidx2arxivcategeory.csv.gz", "label idx,arxiv category\n0,cs na\n1,cs mm\n2,cs lo\n"
        "titleabs.tsv",
        "104\tE\tlast one\n100\tA\tfirst \"one\"\n101\tB\tsecond\n102\tC\tthird\n103\tD\tfourth\n999\tZ\tof nobody\n"
    ]

let private isOgb (dataset: Dataset, report: ReadReport) =
    Assert.Equal<string>([| "100"; "101"; "102"; "103"; "104" |], dataset.Graph.Ids)

    Assert.Equal<string>([| "A first \"one\""; "B second"; "C third"; "D fourth"; "E last one" |], dataset.Graph.Texts)

    Assert.Equal<string>([| "cs lo"; "cs na" |], Array.sort dataset.ClassNames)
    Assert.Equal<string>([| "cs na"; "cs lo"; "cs na"; "cs lo"; "" |], labels dataset)
    Assert.Equal<Part>([| Train; Train; Valid; Test; Unassigned |], parts dataset)

    Assert.Equal(Csr.symmetric 5 [ struct (0, 1); struct (1, 2); struct (2, 3); struct (3, 4) ], dataset.Graph.Edges)

    Assert.Equal((1, 1), (report.SelfLoops, report.ReverseEdges))

[<Fact>]
let ``OGB's raw layout is read with its split, names and texts`` () =
    use folder = new TestFolder()
    DataFiles.write folder.Path ogb
    imported [] (folder.File "graph") folder |> isOgb

[<Fact>]
let ``OGB's texts may come as a gzipped tar archive, which theirs is`` () =
    use folder = new TestFolder()
    DataFiles.write folder.Path (ogb.Remove "titleabs.tsv")

    DataFiles.tar [ DataFiles.tarFile "titleabs.tsv" ogb["titleabs.tsv"] ]
    |> DataFiles.gzip
    |> fun bytes -> File.WriteAllBytes(folder.File "titleabs.tsv.gz", bytes)

    imported [] (folder.File "graph") folder |> isOgb

[<Fact>]
let ``ogbn-products' texts are found by product, the title before the content`` () =
    use folder = new TestFolder()

    ogb.Remove("titleabs.tsv").Remove("graph/mapping/nodeidx2paperid.csv.gz")
    |> Map.add "graph/mapping/nodeidx2asin.csv.gz" "node idx,asin\n0,100\n1,101\n2,102\n3,103\n4,104\n"
    |> Map.add
        "Amazon-3M.raw/trn.json.gz"
        """{"uid":"100","title":"A","content":"first \"one\""}
{"uid":"103","title":"D","content":"fourth","target_ind":[1,2]}
{"uid":"104","title":"E","content":"last one"}
"""
    |> Map.add
        "Amazon-3M.raw/tst.json"
        """{"uid":"102","title":"C","content":"third"}
{"uid":"101","title":"B","content":"second"}
"""
    |> DataFiles.write folder.Path

    imported [] (folder.File "graph") folder |> isOgb

/// numpy.lib.format, version 1.
let private npy (descr: string) (shape: string) (bytes: byte[]) =
    let header = $"{{'descr': '%s{descr}', 'fortran_order': False, 'shape': %s{shape}, }}"
    let header = header.PadRight(117) + "\n"

    Array.concat [
        [| 0x93uy |]
        Encoding.ASCII.GetBytes "NUMPY"
        [| 1uy; 0uy; byte header.Length; 0uy |]
        Encoding.ASCII.GetBytes header
        bytes
    ]

let private int64s (values: int64 list) = values |> Seq.collect BitConverter.GetBytes |> Seq.toArray

let private singles (values: float32 list) = values |> Seq.collect BitConverter.GetBytes |> Seq.toArray

let private writeBinary (folder: TestFolder) (edges: int64 list) =
    ogb
    |> Map.filter (fun name _ -> not (name.StartsWith "graph/raw/") && name <> "titleabs.tsv")
    |> Map.add "paperinfo/idx_title.tsv" "0\tA\n2\tC\n1\tB\n4\tE\n3\tD\n"
    |> Map.add "paperinfo/idx_abs.tsv" "0\tfirst \"one\"\n1\tsecond\n2\tthird\n3\tfourth\n4\tlast one\n"
    |> DataFiles.write folder.Path

    Directory.CreateDirectory(folder.File "graph/raw") |> ignore

    File.WriteAllBytes(
        folder.File "graph/raw/data.npz",
        DataFiles.zip [
            "num_nodes_list.npy", npy "<i8" "(1,)" (int64s [ 5L ])
            "edge_index.npy", npy "<i8" $"(2, %d{edges.Length / 2})" (int64s edges)
        ]
    )

    File.WriteAllBytes(
        folder.File "graph/raw/node-label.npz",
        DataFiles.zip [ "node_label.npy", npy "<f4" "(5, 1)" (singles [ 0f; 2f; 0f; 2f; nanf ]) ]
    )

[<Fact>]
let ``ogbn-papers100M's binary layout says the same`` () =
    use folder = new TestFolder()
    writeBinary folder [ 0L; 1L; 1L; 2L; 3L; 4L; 1L; 0L; 2L; 3L; 4L; 4L ]
    imported [] (folder.File "graph") folder |> isOgb

[<Fact>]
let ``a damaged binary layout is refused by file and array`` () =
    use folder = new TestFolder()
    writeBinary folder [ 0L; 9L ]

    DataFiles.importBy [] (folder.File "graph") (folder.File "out")
    |> DataFiles.refused (folder.File "out") [ "data.npz"; "node 9"; "0 to 4" ]

    let whole = File.ReadAllBytes(folder.File "graph/raw/data.npz")
    File.WriteAllBytes(folder.File "graph/raw/data.npz", whole[.. whole.Length / 2])

    DataFiles.importBy [] (folder.File "graph") (folder.File "out")
    |> DataFiles.refused (folder.File "out") [ "data.npz"; "damaged or truncated" ]

/// With this text in place of a file, the folder is refused.
let private ogbRefuses (name: string) (text: string) (expected: string list) =
    use folder = new TestFolder()
    DataFiles.write folder.Path (ogb.Add(name, text))

    DataFiles.importBy [] (folder.File "graph") (folder.File "out")
    |> DataFiles.refused (folder.File "out") expected

[<Fact>]
let ``what is wrong in OGB's layout is named with file and line`` () =
    ogbRefuses "graph/raw/num-node-list.csv.gz" "five\n" [ "num-node-list.csv.gz"; "line 1"; "'five'"; "count" ]
    ogbRefuses "graph/raw/num-node-list.csv.gz" "2\n3\n" [ "num-node-list.csv.gz"; "2 rows"; "one graph" ]
    ogbRefuses "graph/raw/num-node-list.csv.gz" "4000000000\n" [ "num-node-list.csv.gz"; "4000000000 nodes" ]
    ogbRefuses "graph/raw/num-edge-list.csv.gz" "900000000000\n" [ "900000000000 edges"; "at most" ]
    ogbRefuses "graph/raw/num-edge-list.csv.gz" "7\n" [ "edge.csv.gz"; "6 edges"; "7" ]
    ogbRefuses "graph/raw/edge.csv.gz" "0,1\n1,5\n" [ "edge.csv.gz"; "line 2"; "'5'"; "0 to 4" ]
    ogbRefuses "graph/raw/edge.csv.gz" "0,1\n1\n" [ "edge.csv.gz"; "line 2"; "'1'"; "source,target" ]
    ogbRefuses "graph/raw/edge.csv.gz" "" [ "edge.csv.gz"; "empty file" ]
    ogbRefuses "graph/raw/node-label.csv.gz" "0\n2\n0\n" [ "node-label.csv.gz"; "3 labels"; "5" ]
    ogbRefuses "graph/raw/node-label.csv.gz" "0\n2\n0\n2\n1\n1\n" [ "node-label.csv.gz"; "line 6" ]
    ogbRefuses "graph/raw/node-label.csv.gz" "0\n1.5\n0\n2\n1\n" [ "node-label.csv.gz"; "line 2"; "1.5" ]
    ogbRefuses "graph/split/time/valid.csv.gz" "1\n" [ "valid.csv.gz"; "line 1"; "node 1 again"; "one part" ]
    ogbRefuses "graph/split/time/test.csv.gz" "3\n5\n" [ "test.csv.gz"; "line 2"; "'5'" ]

    ogbRefuses "graph/mapping/nodeidx2paperid.csv.gz" "node idx,paper id\n0,7\n" [
        "nodeidx2paperid"
        "no id of node 1"
    ]

    ogbRefuses "titleabs.tsv" "100 A first\n" [ "titleabs.tsv"; "line 1"; "tab" ]
    ogbRefuses "titleabs.tsv" "100\tA\tfirst\n" [ "titleabs.tsv"; "node '101'"; "no text"; "missing-texts=fill" ]

[<Fact>]
let ``a graph that cannot fit into memory is refused before its edges are read`` () =
    use folder = new TestFolder()
    let most = 1_000_000_000L

    Assert.True(
        Ogb.memory 1_000_000_000L most > GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
        "a larger machine than this test thought of"
    )

    ogb
    |> Map.add "graph/raw/num-node-list.csv.gz" "1000000000\n"
    |> Map.add "graph/raw/num-edge-list.csv.gz" $"%d{most}\n"
    |> Map.add "graph/raw/edge.csv.gz" "not an edge\n"
    |> DataFiles.write folder.Path

    DataFiles.importBy [] (folder.File "graph") (folder.File "out")
    |> DataFiles.refused (folder.File "out") [ "num-node-list.csv.gz"; "need about 232.0 GB"; "fits into this machine" ]

[<Fact>]
let ``a graph without its texts is refused with what to get`` () =
    use folder = new TestFolder()
    DataFiles.write folder.Path (ogb.Remove "titleabs.tsv")

    DataFiles.importBy [] (folder.File "graph") (folder.File "out")
    |> DataFiles.refused (folder.File "out") [ "no texts"; "--texts"; "titleabs.tsv.gz" ]

// ---- GraphML

let private graphMl =
    """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key id="d0" for="node" attr.name="title" attr.type="string"/>
  <key id="d1" for="node" attr.name="body" attr.type="string"/>
  <key id="d2" for="node" attr.name="kind" attr.type="string"/>
  <key id="d3" for="edge" attr.name="weight" attr.type="double"/>
  <graph edgedefault="directed">
    <node id="a"><data key="d0">Bread</data><data key="d1">slow &amp; plain</data><data key="d2">food</data></node>
    <node id="b"><data key="d0">Chains</data><data key="d2">sport</data></node>
    <node id="c"><data key="d0">Pizza</data><data key="d2">food</data></node>
    <node id="d"><data key="d0">Rides</data><data key="d2">sport</data></node>
    <edge source="a" target="b"><data key="d3">0.5</data></edge>
    <edge source="b" target="a"/>
    <edge source="c" target="d"/>
  </graph>
</graphml>
"""

let private importGraphMl (folder: TestFolder) (text: string) =
    folder.Write("g.graphml", text)

    Import.run {
        Import.from (Place(folder.File "g.graphml", ImportFormat.GraphMl)) (folder.File "out") with
            GraphMlKeys = {
                Texts = [ "title"; "body" ]
                Label = "kind"
                Split = "part"
            }
            Policy = Some(PerClass(1, 1))
    }

[<Fact>]
let ``GraphML's data become texts and labels by the names that are asked for`` () =
    use folder = new TestFolder()
    let dataset, report = importGraphMl folder graphMl |> Result.orRaise
    Assert.Equal<string>([| "Bread slow & plain"; "Chains"; "Pizza"; "Rides" |], dataset.Graph.Texts)
    Assert.Equal<string>([| "food"; "sport"; "food"; "sport" |], labels dataset)
    Assert.Equal(2, dataset.Graph.Edges.EdgeCount / 2)
    Assert.Equal(1, report.ReverseEdges)

[<Fact>]
let ``damaged or unusual GraphML is refused by line`` () =
    let refuses (from: string) (to': string) expected =
        use folder = new TestFolder()
        Assert.Contains(from, graphMl)

        importGraphMl folder (graphMl.Replace(from, to'))
        |> DataFiles.refused (folder.File "out") ("g.graphml" :: expected)

    refuses "target=\"d\"/>" "target=\"z\"/>" [ "line 14"; "the target 'z'"; "a node" ]
    refuses "<node id=\"b\">" "<node id=\"a\">" [ "line 9"; "'a' again"; "line 8" ]
    refuses "<node id=\"b\">" "<node>" [ "line 9"; "without 'id'" ]
    refuses "</graphml>" "" [ "malformed XML" ]
    refuses "attr.name=\"kind\"" "attr.name=\"sort\"" [ "'kind'"; "title, body, sort" ]
    refuses "key=\"d2\">sport" "key=\"d9\">sport" [ "line 9"; "'d9'" ]
    refuses "<edge source=\"b\" target=\"a\"/>" "<hyperedge/>" [ "line 13"; "hyperedge" ]

    refuses "<graphml xmlns" "<!DOCTYPE graphml [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><graphml xmlns" [
        "malformed XML"
        "DTD"
    ]

// ---- Planetoid, Citeseer with texts, Wikispeedia

[<Fact>]
let ``Planetoid's words become texts, with its split`` () =
    use folder = new TestFolder()

    Map [
        "net.txt", "a\tb\t1\nb\ta\t1\nb\tc\t1\nc\td\t1\n"
        "feature.txt", "a\t4:1.0 0:1.0\nb\t1:0.5\nc\t0:1.0\n"
        "label.txt", "a\tred\nb\tblue\nc\tred\nd\tblue\n"
        "train.txt", "a\nb\n"
        "dev.txt", "c\n"
        "test.txt", "d\n"
    ]
    |> DataFiles.write (folder.File "toy")

    DataFiles.importBy [] (folder.File "toy") (folder.File "out")
    |> DataFiles.refused (folder.File "out") [ "node 'd'"; "no text"; "missing-texts=fill" ]

    let dataset, report = imported [ "missing-texts=fill" ] (folder.File "toy") folder
    Assert.Equal<string>([| "w0 w4"; "w1"; "w0"; "(no text)" |], dataset.Graph.Texts)
    Assert.Equal<Part>([| Train; Train; Valid; Test |], parts dataset)
    Assert.Equal(1, report.MissingTexts)
    Assert.Equal("toy", dataset.Info.Name)

let private citeseer =
    Map [
        "citeseer_texts.txt",
        String.concat "" [
            for i in 0..9 do
                let label = if i < 5 then "AI" else "DB"
                $"p%d{i}\npaper %d{i}\n%s{label}\n"
        ]
        "citeseer.cites", "p0\tp1\np1\tp1\np5 p6\np7\tgone\n"
    ]

[<Fact>]
let ``Citeseer's texts and citations are read, and papers without text are told`` () =
    use folder = new TestFolder()
    DataFiles.write (folder.File "c") citeseer

    DataFiles.importBy [] (folder.File "c") (folder.File "out")
    |> DataFiles.refused (folder.File "out") [ "citeseer.cites"; "line 4"; "'gone'"; "unknown-ends=drop" ]

    let dataset, report = imported [ "unknown-ends=drop" ] (folder.File "c") folder
    Assert.Equal((10, 2), (dataset.Graph.NodeCount, dataset.Graph.Edges.EdgeCount / 2))
    Assert.Equal((1, 1), (report.UnknownEnds, report.SelfLoops))
    Assert.Contains("TAPE", dataset.Info.Source)
    Assert.StartsWith("MIT", dataset.Info.Licence)

    let refuses text expected =
        use folder = new TestFolder()
        DataFiles.write (folder.File "c") (citeseer.Add("citeseer_texts.txt", text))

        DataFiles.importBy [] (folder.File "c") (folder.File "out")
        |> DataFiles.refused (folder.File "out") ("citeseer_texts.txt" :: expected)

    refuses "p0\ntext\nAI\np1\ntext\n" [ "line 4"; "2 lines"; "three" ]
    refuses "p0\ntext\nAI\np0\ntext\nDB\n" [ "line 4"; "'p0' again" ]
    refuses "p0\ntext\nAI\nShifted by one line\np1\ntext\n" [ "line 4"; "a paper's id" ]

[<Fact>]
let ``Wikispeedia's articles, first categories and links are read`` () =
    use folder = new TestFolder()

    let wiki =
        Map [
            "texts_512w.tsv.gz", String.concat "" [ for i in 0..9 -> $"Ä_%d{i}\tarticle %d{i}\n" ]
            "categories.tsv",
            "# comment\n\n"
            + String.concat "" [
                for i in 0..8 do
                    let subject = if i < 5 then "Art" else "Science.Maths"
                    $"%%C3%%84_%d{i}\tsubject.%s{subject}\n"
            ]
            + "%C3%84_0\tsubject.Countries\n"
            "links.tsv", "# comment\n%C3%84_0\t%C3%84_1\n%C3%84_1\t%C3%84_0\n"
        ]

    DataFiles.write (folder.File "w") wiki
    let dataset, report = imported [] (folder.File "w") folder
    Assert.Equal("Ä_0", dataset.Graph.Ids[0])
    Assert.Equal<string>([| "Art"; "Science" |], dataset.ClassNames)
    Assert.Equal("Art", (labels dataset)[0])
    Assert.Equal("", (labels dataset)[9])
    Assert.Equal((1, 1), (dataset.Graph.Edges.EdgeCount / 2, report.ReverseEdges))
    DataFiles.write (folder.File "w") (wiki.Add("links.tsv", "%C3%84_0\tnowhere\n"))

    DataFiles.importBy [] (folder.File "w") (folder.File "again")
    |> DataFiles.refused (folder.File "again") [ "links.tsv"; "line 1"; "nowhere" ]

[<Fact>]
let ``a folder of no known layout is refused with those that are`` () =
    use folder = new TestFolder()

    DataFiles.importBy [] folder.Path (folder.File "out")
    |> DataFiles.refused (folder.File "out") [ "no known layout"; "OGB"; "Planetoid"; "--nodes" ]

    DataFiles.importBy [] (folder.File "nothing") (folder.File "out")
    |> DataFiles.refused (folder.File "out") [ "no such folder" ]

// ---- the real ones

[<Fact>]
let ``the real citeseer-text has its published counts`` () =
    let source = DataFiles.shared "citeseer-text"
    use folder = new TestFolder()
    let dataset, report = imported [ "unknown-ends=drop" ] source folder

    Assert.Equal(
        (3186, 4225, 6),
        (dataset.Graph.NodeCount, dataset.Graph.Edges.EdgeCount / 2, dataset.ClassNames.Length)
    )

    Assert.Equal((120, 335), (report.SelfLoops, report.UnknownEnds))
    Assert.Equal(101, (Hygiene.ofDataset dataset).IdenticalTexts)

[<Fact>]
let ``the real wikispeedia has its published counts`` () =
    let source = DataFiles.shared "wikispeedia"
    use folder = new TestFolder()
    let dataset, _ = imported [] source folder

    Assert.Equal(
        (4598, 106534, 15),
        (dataset.Graph.NodeCount, dataset.Graph.Edges.EdgeCount / 2, dataset.ClassNames.Length)
    )

    Assert.Equal(1, labels dataset |> Array.filter ((=) "") |> Array.length)

[<Fact>]
let ``the real Planetoid graphs have their published counts`` () =
    let source = DataFiles.shared "gmnn-planetoid"

    for name, nodes, edges, wordless in [ "cora", 2708, 5278, 0; "citeseer", 3327, 4552, 15 ] do
        use folder = new TestFolder()
        let dataset, report = imported [ "missing-texts=fill" ] (Path.Combine(source, name)) folder

        Assert.Equal(
            (nodes, edges, wordless),
            (dataset.Graph.NodeCount, dataset.Graph.Edges.EdgeCount / 2, report.MissingTexts)
        )
