module Glem.Experiments.Tests.DataSyntheticTests

open System
open Glem
open Xunit

let private build settings = Synthetic.build settings |> Result.orRaise

let private dataset settings = build settings |> fst |> Dataset.ofRecords "synthetic" |> Result.orRaise

[<Fact>]
let ``the same settings give the same data, bit for bit, and another seed others`` () =
    let fingerprint settings = (dataset settings).Fingerprint

    // Fixed: a change of the generator must be seen, since published numbers stand on it.
    Assert.Equal("bf4a880e0605dda34c12c34f421effcc2ac9ae10370b6814ce297d307734dab4", fingerprint Synthetic.standard)
    Assert.NotEqual<string>(fingerprint Synthetic.standard, fingerprint { Synthetic.standard with Seed = 1 })

[<Fact>]
let ``nodes, degree, classes, homophily and label rate are the planted ones`` () =
    for homophily in [ 0.0; 0.2; 0.9 ] do
        let settings = {
            Synthetic.standard with
                Nodes = 5000
                Homophily = homophily
                Degree = 8.0
                LabelRate = 0.04
        }

        let data = dataset settings
        Assert.Equal((5000, 20000), (data.Graph.NodeCount, data.Graph.Edges.EdgeCount / 2))
        Assert.Equal<int>(Array.create 5 1000, Audit.classSizes data.Audit)
        Assert.Equal(200, (Split.nodes Train data.Split).Length)
        // 20,000 edges: a standard error of at most 0.0036.
        let planted = Audit.edgeHomophily data.Graph.Edges data.Audit
        Assert.InRange(planted.Value, homophily - 0.015, homophily + 0.015)

[<Fact>]
let ``Bayes' rule on the texts is right as often as the generator says`` () =
    // A classifier that counts words of each class's own vocabulary is Bayes' rule here; ties are halves, thirds, ….
    for noise in [ 0.5; 0.8; 1.0 ] do
        let settings = {
            Synthetic.standard with
                Nodes = 10000
                TextNoise = noise
        }

        let records, ceiling = build settings

        let classOfWord =
            dict [
                for word in 0 .. settings.Classes * settings.Vocabulary - 1 ->
                    Synthetic.wordOf word, $"class%d{word / settings.Vocabulary}"
            ]

        let right =
            records.Nodes
            |> Array.averageBy (fun node ->
                let counts = node.Text.Split ' ' |> Array.countBy (fun word -> classOfWord[word])
                let most = counts |> Array.map snd |> Array.max
                let best = counts |> Array.filter (fun (_, count) -> count = most) |> Array.map fst

                if noise = 1.0 then 0.2
                elif Array.contains (Option.get node.Label) best then 1.0 / float best.Length
                else 0.0)

        // 10,000 nodes: a standard error of at most 0.005.
        Assert.InRange(ceiling.Text, right - 0.02, right + 0.02)

[<Fact>]
let ``noise takes from the text's ceiling, and homophily of one in c takes all from the neighbours'`` () =
    let ceiling noise homophily =
        build {
            Synthetic.standard with
                TextNoise = noise
                Homophily = homophily
        }
        |> snd

    let texts = [ for noise in [ 0.0; 0.5; 0.8; 0.9; 1.0 ] -> (ceiling noise 0.7).Text ]
    Assert.Equal<float>(List.sortDescending texts, texts)
    Assert.Equal(1.0, texts[0], 6)
    Assert.Equal(0.2, List.last texts, 6)
    let useless = ceiling 0.8 0.2
    Assert.Equal(useless.Text, useless.TextAndNeighbours, 6)
    Assert.True((ceiling 0.8 0.7).TextAndNeighbours > (ceiling 0.8 0.7).Text + 0.1)
    // Neighbours that are never alike tell as well as such that are.
    Assert.True((ceiling 0.8 0.0).TextAndNeighbours > (ceiling 0.8 0.2).TextAndNeighbours)

[<Fact>]
let ``words differ, and settings out of range are refused by option`` () =
    Assert.Equal(1000, Array.init 1000 Synthetic.wordOf |> Array.distinct |> Array.length)

    for settings, option in
        [
            {
                Synthetic.standard with
                    Homophily = 1.5
            },
            "--homophily"
            {
                Synthetic.standard with
                    TextNoise = -0.1
            },
            "--text-noise"
            { Synthetic.standard with Classes = 1 }, "--classes"
            { Synthetic.standard with Nodes = 20 }, "--nodes"
            {
                Synthetic.standard with
                    Degree = 500.0
            },
            "--degree"
            {
                Synthetic.standard with
                    LabelRate = 0.9
            },
            "--label-rate"
            {
                Synthetic.standard with
                    Degree = Double.NaN
            },
            "--degree"
        ] do
        DataFiles.refused "/nowhere" [ option ] (Synthetic.build settings)
