/// Edges as files state them, and what is done about what they should not hold.
module Glem.Experiments.Tests.DataHygieneTests

open System
open System.IO
open FsCheck.FSharp
open Glem
open Xunit

let private stated n pairs =
    let edges = StatedEdges n
    pairs |> List.iter edges.Add
    edges

[<Fact>]
let ``stated edges become undirected as sets of pairs say, and every row is counted once`` () =
    let pair = Gen.choose (0, 6) |> Gen.two
    let pairs = Gen.listOf pair |> Arb.fromGen

    let holds (pairs: (int * int) list) =
        for mutualOnly in [ false; true ] do
            let edges, counts = StatedEdges.undirected mutualOnly (stated 7 pairs)
            let distinct = Set pairs
            let loops, others = List.partition (fun (a, b) -> a = b) pairs

            let expected =
                distinct
                |> Set.filter (fun (a, b) -> a <> b && (not mutualOnly || distinct.Contains(b, a)))
                |> Set.map (fun (a, b) -> min a b, max a b)

            Assert.Equal<(int * int) list>(
                Set.toList expected,
                edges |> Array.map (fun (struct (a, b)) -> a, b) |> List.ofArray
            )

            Assert.Equal(loops.Length, counts.SelfLoops)
            Assert.Equal(others.Length - (List.distinct others).Length, counts.DuplicateEdges)
            Assert.Equal(others.Length, counts.DuplicateEdges + 2 * counts.ReverseEdges + counts.OneWayEdges)

    FsCheck.Check.One(FsCheck.Config.QuickThrowOnFailure.WithMaxTest 300, Prop.forAll pairs holds)

let private nodes =
    "id,text,label,split\na,one,x,train\nb,two,y,train\nc,one,x,valid\nd,two,x,test\ne,six,y,test\n"

/// Imports the nodes above with these edges by these rules.
let private import (rules: string list) (edgesName: string) (edges: string) (check: string -> Result<_, _> -> unit) =
    use folder = new TestFolder()
    folder.Write("nodes.csv", nodes)
    folder.Write(edgesName, edges)
    let out = folder.File "out"

    let rules =
        (HygieneRules.standard, rules)
        ||> List.fold (fun rules text -> HygieneRules.set rules text |> Result.orRaise)

    Import.run {
        Import.ofTables (folder.File "nodes.csv") (folder.File edgesName) out with
            Rules = rules
    }
    |> check out

let private edges = "# a comment\na b\nb a 0.5\na\tc\nc d\nd d\na b\n"

let private accepted rules check = import rules "edges.txt" edges (fun _ result -> result |> Result.orRaise |> check)

let private refused rules edges parts =
    import rules "edges.txt" edges (fun out result -> DataFiles.refused out parts result)

[<Fact>]
let ``an edge list is read with its comments and weights, and loops, repeats and reverses are told`` () =
    accepted [] (fun (dataset, report: ReadReport) ->
        Assert.Equal(3, dataset.Graph.Edges.EdgeCount / 2)
        Assert.Equal((1, 1, 1), (report.SelfLoops, report.DuplicateEdges, report.ReverseEdges))
        Assert.Equal(3, (ReadReport.lines report).Length))

[<Fact>]
let ``a damaged edge list is refused by line`` () =
    refused [] "a b\na b c\n" [ "edges.txt"; "line 2"; "'a b c'"; "two ids" ]
    refused [] "a b\na\n" [ "line 2"; "two ids" ]
    refused [] "a b\n\na z\n" [ "line 3"; "the target 'z'"; "listed node" ]

[<Fact>]
let ``each rule does what it says, and says how often`` () =
    accepted [ "direction=mutual" ] (fun (dataset, report: ReadReport) ->
        Assert.Equal(1, dataset.Graph.Edges.EdgeCount / 2)
        Assert.Equal(2, report.OneWayEdges))

    accepted [ "isolated=drop" ] (fun (dataset, report: ReadReport) ->
        Assert.Equal<string>([| "a"; "b"; "c"; "d" |], dataset.Graph.Ids)
        Assert.Equal(3, dataset.Graph.Edges.EdgeCount / 2)
        Assert.Equal(1, report.IsolatedNodes))

    refused [ "self-loops=refuse" ] edges [ "edges.txt"; "1 self-loops"; "self-loops=drop" ]
    refused [ "duplicates=refuse" ] edges [ "edges.txt"; "1 repeated"; "duplicates=drop" ]

    import [ "unknown-ends=drop" ] "edges.txt" "a b\na z\n" (fun _ result ->
        let _, report = Result.orRaise result
        Assert.Equal(1, report.UnknownEnds))

[<Fact>]
let ``a held-out node with a training node's text is told, and leaves its part when asked`` () =
    let test part (dataset: Dataset) = Split.nodes part dataset.Split |> Array.map (fun i -> dataset.Graph.Ids[int i])

    accepted [] (fun (dataset, _) ->
        let found = Hygiene.ofDataset dataset

        Assert.Equal(
            {
                IsolatedNodes = 1
                IdenticalTexts = 4
                HeldOutTextsInTraining = 2
                HeldOutWithSameClass = 1
                ContradictedTexts = 2
            },
            found
        ))

    // All of validation would go: then there is nothing to choose on.
    refused [ "identical-texts=unassign" ] edges [ "no validation node" ]

    use folder = new TestFolder()
    folder.Write("nodes.csv", nodes + "f,seven,x,valid\n")
    folder.Write("edges.csv", "source,target\na,b\n")

    let dataset, report =
        Import.run {
            Import.ofTables (folder.File "nodes.csv") (folder.File "edges.csv") (folder.File "out") with
                Rules = HygieneRules.set HygieneRules.standard "identical-texts=unassign" |> Result.orRaise
        }
        |> Result.orRaise

    Assert.Equal(2, report.IdenticalTexts)
    Assert.Equal<string>([| "f" |], test Valid dataset)
    Assert.Equal<string>([| "e" |], test Test dataset)
    Assert.Equal(0, (Hygiene.ofDataset dataset).HeldOutTextsInTraining)

[<Fact>]
let ``classes that no training node has lose their label when asked, and missing texts are filled`` () =
    use folder = new TestFolder()
    folder.Write("nodes.csv", nodes + "f, ,z,test\n")
    folder.Write("edges.csv", "source,target\na,b\n")

    let import rules out =
        Import.run {
            Import.ofTables (folder.File "nodes.csv") (folder.File "edges.csv") (folder.File out) with
                Rules =
                    (HygieneRules.standard, rules)
                    ||> List.fold (fun rules text -> HygieneRules.set rules text |> Result.orRaise)
        }

    import [ "missing-texts=fill" ] "a"
    |> DataFiles.refused (folder.File "a") [ "class 'z'"; "no training node" ]

    import [ "untaught-classes=unlabel" ] "b"
    |> DataFiles.refused (folder.File "b") [ "line 7"; "empty text" ]

    let dataset, report = import [ "missing-texts=fill"; "untaught-classes=unlabel" ] "c" |> Result.orRaise
    Assert.Equal((1, 1), (report.MissingTexts, report.UntaughtLabels))
    Assert.Equal<string>([| "x"; "y" |], dataset.ClassNames)
    Assert.Equal(Unassigned, dataset.Split[5<node>])
    Assert.Equal(ImportedGraph.missingText, dataset.Graph.Texts[5])

[<Fact>]
let ``a rule that does not exist is refused with those that do`` () =
    for text, parts in
        [
            "loops=drop", [ "--rule"; "loops=drop"; "self-loops=drop|refuse" ]
            "isolated=merge", [ "--rule isolated"; "merge"; "keep, drop" ]
            "isolated", [ "--rule isolated"; "keep, drop" ]
        ] do
        DataFiles.refused "/nowhere" parts (HygieneRules.set HygieneRules.standard text)
