module Glem.Experiments.Tests.PlanetoidTests

open System.IO
open Glem
open Xunit

/// Four nodes on a path, two classes; "d" has no word, and "b" links itself.
let private files =
    Map [
        "net.txt", "a\tb\t1\nb\ta\t1\nb\tc\t1\nc\tb\t1\nc\td\t1\nd\tc\t1\nb\tb\t1\n"
        "feature.txt", "a\t4:1.0 0:1.0\nb\t1:0.5\nc\t0:1.0 1:1.0 2:1.0\n"
        "label.txt", "a\tred\nb\tblue\nc\tred\n"
        "train.txt", "a\nb\n"
        "dev.txt", "c\n"
        "test.txt", ""
    ]

let private write (folder: TestFolder) (files: Map<string, string>) =
    files |> Map.iter (fun name text -> folder.Write(name, text))

let private whole = files.Add("test.txt", "d\n").Add("label.txt", "a\tred\nb\tblue\nc\tred\nd\tblue\n")

[<Fact>]
let ``a folder's graph, words, labels and split are read as they stand`` () =
    use folder = new TestFolder()
    write folder whole
    let data = Planetoid.read folder.Path |> Result.orRaise
    Assert.Equal<string>([| "a"; "b"; "c"; "d" |], data.Ids)
    Assert.Equal(Csr.symmetric 4 [ struct (0, 1); struct (1, 2); struct (2, 3) ], data.Edges)
    Assert.Equal<int>([| 0; 2; 3; 6; 6 |], data.Words.Offsets)
    Assert.Equal<int>([| 0; 4; 1; 0; 1; 2 |], data.Words.Columns)
    Assert.Equal<float>([| 1.0; 1.0; 0.5; 1.0; 1.0; 1.0 |], data.Words.Values)
    Assert.Equal(5, data.Words.ColumnCount)
    Assert.Equal<string>([| "blue"; "red" |], data.Labels.ClassNames)
    let audit = Audit.ofSplit data.Labels data.Split |> Result.orRaise

    Assert.Equal<int<cls> voption>(
        [| 1; 0; 1; 0 |] |> Array.map (fun k -> ValueSome(k * 1<cls>)),
        Array.init 4 (fun i -> audit.Label(i * 1<node>))
    )

    Assert.Equal<Part>([| Train; Train; Valid; Test |], Array.init 4 (fun i -> data.Split[i * 1<node>]))

[<Fact>]
let ``normalised words of a node weigh the same and sum to 1`` () =
    use folder = new TestFolder()
    write folder whole
    let data = Planetoid.read folder.Path |> Result.orRaise
    let third = 1.0 / 3.0
    Assert.Equal<float>([| 0.5; 0.5; 1.0; third; third; third |], (Planetoid.rowNormalised data.Words).Values)

/// With this text in place of one of its files, the folder is refused with file, place, found and expected.
let private refuses file text (place: string) (found: string) (expected: string) =
    use folder = new TestFolder()
    write folder (whole.Add(file, text))

    match Planetoid.read folder.Path with
    | Ok _ -> Assert.Fail $"%s{file} with %A{text} was read"
    | Error error -> Assert.Equal(InFile(Path.Combine(folder.Path, file), place, found, expected), error)

[<Fact>]
let ``what is wrong in a folder is named with file and line`` () =
    refuses "net.txt" "a\tb\n" "line 1" "'a\tb'" "node, node and weight, divided by tabs"
    refuses "net.txt" "a\tb\t1\nb\tc\theavy\n" "line 2" "the weight 'heavy'" "a number above 0"
    refuses "net.txt" "a\tb\t-1\n" "line 1" "the weight '-1'" "a number above 0"
    refuses "net.txt" "a\tb\t0.5\n" "line 1" "the weight '0.5'" "1: edges have no weights here"
    refuses "net.txt" "" "" "an empty file" "a row a line"
    refuses "feature.txt" "z\t0:1.0\n" "line 1" "the node 'z'" "a node of net.txt"
    refuses "feature.txt" "a\t0:1.0\na\t1:1.0\n" "line 2" "the node 'a' again" "each node once"
    refuses "feature.txt" "a\t0:1.0 0:2.0\n" "line 1" "the word 0 again" "each word of a node once"
    refuses "feature.txt" "a\tbread:1.0\n" "line 1" "the word 'bread'" "a whole number from 0 to 9999999"
    refuses "feature.txt" "a\t2147483647:1.0\n" "line 1" "the word '2147483647'" "a whole number from 0 to 9999999"
    refuses "feature.txt" "a\t0:nan\n" "line 1" "the weight 'nan'" "a number above 0"
    refuses "feature.txt" "a\t0\n" "line 1" "'0'" "word:weight"
    refuses "feature.txt" "a 0:1.0\n" "line 1" "'a 0:1.0'" "node and words, divided by a tab"
    refuses "label.txt" "a\tred\na\tblue\n" "line 2" "the node 'a' again" "one class for each node"
    refuses "label.txt" "a\n" "line 1" "'a'" "node and class, divided by a tab"
    refuses "train.txt" "a\nz\n" "line 2" "the node 'z'" "a node of net.txt"
    refuses "train.txt" "a\tb\n" "line 1" "'a\tb'" "a node"
    refuses "dev.txt" "c\na\n" "line 2" "the node 'a' again" "each node in one part, once"
    refuses "train.txt" "a\n" "class 'blue'" "no training node" "at least one"

[<Fact>]
let ``a node of the split has a class`` () =
    use folder = new TestFolder()
    write folder (files.Add("test.txt", "d\n"))

    match Planetoid.read folder.Path with
    | Error error ->
        let expected = "a node of label.txt"
        Assert.Equal(InFile(folder.File "test.txt", "line 1", "the node 'd', which has no class", expected), error)
    | Ok _ -> Assert.Fail "a test node without class was read"

[<Fact>]
let ``each file of a folder is asked for by name`` () =
    for name in whole.Keys do
        use folder = new TestFolder()
        write folder (whole.Remove name)

        match Planetoid.read folder.Path with
        | Ok _ -> Assert.Fail $"read without %s{name}"
        | Error error -> Assert.Contains($"%s{folder.File name}: found no such file", GlemError.message error)

[<Theory>]
[<InlineData("cora", 2708, 5278, 49216, 7, 140)>]
[<InlineData("citeseer", 3327, 4552, 105165, 6, 120)>]
let ``the published folders have their published sizes``
    (name: string, nodes: int, edges: int, words: int, classes: int, train: int)
    =
    match Planetoid.findBeside GlemProcess.root with
    | Error error -> Assert.Skip(GlemError.message error)
    | Ok folder ->
        let data = Planetoid.read (Path.Combine(folder, name)) |> Result.orRaise
        let count part = (Split.nodes part data.Split).Length
        Assert.Equal(nodes, data.Edges.NodeCount)
        Assert.Equal(edges, data.Edges.EdgeCount / 2)
        Assert.Equal(words, data.Words.Values.Length)
        Assert.Equal(classes, data.Labels.ClassCount)
        Assert.Equal<int>([ train; 500; 1000 ], List.map count [ Train; Valid; Test ])
