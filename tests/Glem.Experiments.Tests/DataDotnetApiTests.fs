module Glem.Experiments.Tests.DataDotnetApiTests

open System
open System.Collections.Generic
open System.Text.RegularExpressions
open Glem
open Xunit

let private built = lazy (ReferencePacks.locate () |> Result.bind DotnetApi.build |> Result.orRaise)

[<Fact>]
let ``dotnet-api built from the pinned packs has the fingerprint that the code names`` () =
    let dataset = Dataset.ofRecords "dotnet-api" built.Value |> Result.orRaise
    Assert.Equal(DotnetApi.fingerprint, dataset.Fingerprint)

[<Fact>]
let ``building twice gives the same records`` () =
    let again = ReferencePacks.locate () |> Result.bind DotnetApi.build |> Result.orRaise
    Assert.Equal(built.Value, again)

[<Fact>]
let ``no text of dotnet-api qualifies a name by a namespace`` () =
    // A nested type's id has its outer type before the last dot: that name must not occur in full either.
    let spaces =
        built.Value.Nodes
        |> Seq.map (fun node -> node.Id.Substring(0, node.Id.LastIndexOf '.'))
        |> Seq.append built.Value.ClassNames
        |> Seq.map _.ToLowerInvariant()
        |> HashSet

    let dotted = Regex(@"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")

    for node in built.Value.Nodes do
        for found in dotted.Matches node.Text do
            let words = found.Value.ToLowerInvariant().Split '.'

            for first in 0 .. words.Length - 1 do
                for last in first + 1 .. words.Length - 1 do
                    Assert.DoesNotContain(String.Join('.', words[first..last]), spaces)

            Assert.DoesNotContain(words[0], spaces)

[<Fact>]
let ``names in prose lose their namespace and keep the rest`` () =
    let names = NamespaceNames.ofNamespaces [ "System.Threading.Tasks"; "System.Xml" ]

    for text, expected in
        [
            "a System.Xml.XmlReader.", "a XmlReader."
            "a Tasks.Task and a Threading.Tasks.Task", "a Task and a Task"
            "the System.Xml namespace", "the  namespace"
            "Task.Delay waits. Then XML.", "Task.Delay waits. Then XML."
            "see https://learn.example/api/system.xml.xmlreader now", "see   now"
        ] do
        Assert.Equal(expected, NamespaceNames.strip names text)
        Assert.False(NamespaceNames.occursIn names expected)

[<Fact>]
let ``a namespace with few types is counted to the one around it`` () =
    let sizes = Map [ "A", 1; "A.B", 5; "A.B.C", 3; "A.D", 20; "A.D.E", 12; "A.F.G", 2 ]
    let group = NamespaceGroups.merge 8 sizes

    Assert.Equal<Map<string, string>>(
        Map [
            "A", "A"
            "A.B", "A.B"
            "A.B.C", "A.B"
            "A.D", "A.D"
            "A.D.E", "A.D.E"
            "A.F.G", "A"
        ],
        group
    )
