/// Link prediction's measures and draws: ranks, bootstrap intervals, held-out edges, negatives.
module Glem.Model.Tests.RankingLaws

open System
open System.IO
open System.Text.Json
open FsCheck.FSharp
open Glem
open Glem.Laws
open Xunit

/// A positive's score and its negatives', with many ties.
let private scores =
    Gen.zip (Gen.choose (-3, 3)) (Gen.choose (-3, 3) |> Gen.arrayOf)
    |> Gen.map (fun (positive, negatives) -> float positive, Array.map float negatives)
    |> Arb.fromGen

let private ranks =
    Gen.choose (2, 40)
    |> Gen.map (fun halves -> float halves / 2.0)
    |> Gen.nonEmptyListOf
    |> Gen.map Array.ofList
    |> Arb.fromGen

[<Fact>]
let ``a rank is the average place over all orders of what is tied`` () =
    Law.holds scores (fun (positive, negatives) ->
        let best = 1 + (negatives |> Array.filter (fun x -> x > positive) |> Array.length)
        let worst = 1 + (negatives |> Array.filter (fun x -> x >= positive) |> Array.length)
        Ranking.rank positive negatives = float (best + worst) / 2.0)

[<Fact>]
let ``a rank depends on the order of the scores alone, not on their size nor on how they stand`` () =
    Law.holds scores (fun (positive, negatives) ->
        let grow x = x ** 3.0 + 5.0 * x
        Ranking.rank (grow positive) (negatives |> Array.map grow |> Array.rev) = Ranking.rank positive negatives)

[<Fact>]
let ``ranks of a score and of its reverse add up to one more than there are places`` () =
    Law.holds scores (fun (positive, negatives) ->
        Ranking.rank positive negatives + Ranking.rank -positive (Array.map (~-) negatives) =
            float negatives.Length + 2.0)

[<Fact>]
let ``the share of hits grows with k up to everything, and MRR is no less than hits at 1`` () =
    Law.holds ranks (fun ranks ->
        let hits k = (Ranking.hitsAt k ranks).Value
        let worst = int (ceil (Array.max ranks))

        Seq.init worst (fun k -> hits (k + 1)) |> Seq.pairwise |> Seq.forall (fun (a, b) -> a <= b)
        && hits worst = 1.0
        && (Ranking.meanReciprocal ranks).Value >= hits 1)

[<Fact>]
let ``MRR lies between the worst reciprocal rank and the best`` () =
    Law.holds ranks (fun ranks ->
        let mrr = (Ranking.meanReciprocal ranks).Value
        mrr >= 1.0 / Array.max ranks - 1e-12 && mrr <= 1.0 / Array.min ranks + 1e-12)

[<Fact>]
let ``ranks of three positives, by hand`` () =
    let ranks = [|
        Ranking.rank 0.9 [| 0.1; 0.5; 0.2; 0.8 |] // first
        Ranking.rank 0.5 [| 0.9; 0.5; 0.5; 0.1 |] // 2, 3 or 4
        Ranking.rank 0.0 [| 0.9; 0.8; 0.7; 0.6 |] // last
    |]

    Assert.Equal<float[]>([| 1.0; 3.0; 5.0 |], ranks)
    Assert.Equal((1.0 + 1.0 / 3.0 + 0.2) / 3.0, (Ranking.meanReciprocal ranks).Value, 1e-15)
    Assert.Equal(ValueSome(1.0 / 3.0), Ranking.hitsAt 1 ranks)
    Assert.Equal(ValueSome(2.0 / 3.0), Ranking.hitsAt 3 ranks)
    Assert.Equal(ValueNone, Ranking.hitsAt 3 [||])
    Assert.Equal(ValueNone, Ranking.meanReciprocal [||])

[<Fact>]
let ``a score that tells nothing apart ranks in the middle`` () =
    Assert.Equal(51.0, Ranking.rank 7.0 (Array.create 100 7.0))

[<Fact>]
let ``NaN has no rank`` () =
    for positive, negatives in [ nan, [| 1.0 |]; 1.0, [| nan |]; nan, [||] ] do
        Assert.Throws<ArgumentException>(fun () -> Ranking.rank positive negatives |> ignore) |> ignore

let private fixture =
    let rec search (folder: DirectoryInfo | null) =
        match folder with
        | null -> None
        | folder ->
            let path = Path.Combine(folder.FullName, "shared", "fixtures", "metrics.json")
            if File.Exists path then Some path else search folder.Parent

    search (DirectoryInfo AppContext.BaseDirectory)

[<Fact>]
let ``bootstrap intervals are numpy's on the same resamples`` () =
    match fixture with
    | None -> Assert.Skip "shared/fixtures/metrics.json is not here"
    | Some path ->
        let json = JsonDocument.Parse(File.ReadAllText path).RootElement
        let cases = json.GetProperty("statistics").GetProperty("bootstrap").GetProperty("cases")
        let numbers (at: JsonElement) = [| for x in at.EnumerateArray() -> x.GetDouble() |]
        Assert.NotEqual(0, cases.GetArrayLength())

        for case in cases.EnumerateArray() do
            let x = numbers (case.GetProperty "x")

            let means = [|
                for picks in case.GetProperty("indices").EnumerateArray() ->
                    numbers picks |> Array.map int |> Bootstrap.meanOf x
            |]

            let struct (low, high) = Bootstrap.interval 0.95 means
            let expected = numbers (case.GetProperty "percentile_ci95")
            Assert.Equal(expected[0], low, 1e-12)
            Assert.Equal(expected[1], high, 1e-12)

[<Fact>]
let ``a bootstrap interval lies within the values, and one value leaves no doubt`` () =
    Law.holds ranks (fun values ->
        match Bootstrap.ofMean (Key.ofSeed 1) 50 0.95 values with
        | ValueSome(struct (low, high)) -> Array.min values <= low && low <= high && high <= Array.max values
        | ValueNone -> false)

    Assert.Equal(ValueSome(struct (0.5, 0.5)), Bootstrap.ofMean (Key.ofSeed 1) 20 0.95 [| 0.5; 0.5 |])
    Assert.Equal(ValueNone, Bootstrap.ofMean (Key.ofSeed 1) 20 0.95 [||])

let private fraction = Fraction.create "a test" >> Result.orRaise

let private divided (scene, seed) =
    let edges = Scene.edges scene
    edges, LinkSplit.ofGraph (Key.ofSeed seed) (fraction 0.2) (fraction 0.3) edges

[<Fact>]
let ``held-out edges are the asked share, and every edge is in one part`` () =
    Law.holds Scene.withSeed (fun case ->
        let edges, split = divided case
        let all = Array.concat [ split.Train; split.Valid; split.Test ]
        let count = edges.EdgeCount / 2

        Array.sort all = LinkSplit.pairs edges
        && split.Valid.Length = (fraction 0.2).Of count
        && split.Test.Length = (fraction 0.3).Of count)

[<Fact>]
let ``the training graph holds neither direction of a held-out edge, and the parts make the whole graph again`` () =
    Law.holds Scene.withSeed (fun (scene, seed) ->
        let edges, split = divided (scene, seed)
        let n = scene.NodeCount
        let left = Csr.pairs (LinkSplit.training n split) |> set

        Array.append split.Valid split.Test
        |> Array.forall (fun (struct (a, b)) ->
            not (left.Contains(struct (a, b))) && not (left.Contains(struct (b, a))))
        && LinkSplit.whole n split = edges)

[<Fact>]
let ``nodes are stranded where a graph's only edge is held out, and nowhere where nothing is`` () =
    let edges = Csr.symmetric 4 [ struct (0, 1); struct (2, 3) ]
    let split valid test = LinkSplit.ofGraph (Key.ofSeed 0) (fraction valid) (fraction test) edges
    Assert.Equal(2, LinkSplit.stranded 4 (split 0.0 0.5))
    Assert.Equal(4, LinkSplit.stranded 4 (split 0.5 0.5))
    Assert.Equal(0, LinkSplit.stranded 4 (split 0.0 0.0))

[<Fact>]
let ``no negative is the source or its neighbour, and those matched by degree have neighbours`` () =
    Law.holds Scene.withSeed (fun (scene, seed) ->
        let edges = Scene.edges scene

        Seq.allPairs [ Negatives.Uniform; Negatives.DegreeMatched ] (Seq.init scene.NodeCount id)
        |> Seq.forall (fun (kind, source) ->
            not (Negatives.exist edges kind source)
            || Negatives.draw (Key.ofSeed seed) edges kind 20 source
               |> Array.forall (fun node ->
                   node <> source
                   && not (edges.NeighboursOf(source * 1<node>).ToArray() |> Array.contains node)
                   && (kind = Negatives.Uniform || edges.Degree(node * 1<node>) > 0))))

[<Fact>]
let ``there is a negative exactly where a node is no neighbour`` () =
    Law.holds Scene.domain (fun scene ->
        let edges = Scene.edges scene
        let n = scene.NodeCount

        Seq.init n id
        |> Seq.forall (fun source ->
            let others =
                Seq.init n id
                |> Seq.filter (fun i ->
                    i <> source && not (edges.NeighboursOf(source * 1<node>).ToArray() |> Array.contains i))
                |> Seq.toList

            Negatives.exist edges Negatives.Uniform source = not others.IsEmpty
            && Negatives.exist edges Negatives.DegreeMatched source =
                (others |> List.exists (fun i -> edges.Degree(i * 1<node>) > 0))))

[<Fact>]
let ``uniform negatives come equally often, those matched by degree in proportion to it`` () =
    // A star of 3 leaves beside the edge 4-5, seen from 4: the star's centre has 3 of its 6 ends.
    let edges = Csr.symmetric 6 [ struct (0, 1); struct (0, 2); struct (0, 3); struct (4, 5) ]
    let count = 20000

    let share kind node =
        let drawn = Negatives.draw (Key.ofSeed 5) edges kind count 4
        float (drawn |> Array.filter ((=) node) |> Array.length) / float count

    // Four standard deviations of a share are at most 0.015.
    for node in 0..3 do
        Assert.Equal(0.25, share Negatives.Uniform node, 0.015)

    Assert.Equal(0.5, share Negatives.DegreeMatched 0, 0.015)
    Assert.Equal(1.0 / 6.0, share Negatives.DegreeMatched 1, 0.015)

[<Fact>]
let ``a node that is joined to all others has no negative`` () =
    let edges = Csr.symmetric 3 [ struct (0, 1); struct (0, 2) ]

    Assert.Throws<ArgumentException>(fun () -> Negatives.draw (Key.ofSeed 0) edges Negatives.Uniform 1 0 |> ignore)
    |> ignore
