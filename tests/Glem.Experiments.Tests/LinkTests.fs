/// Link prediction: what is held out, what is scored, and what the command says.
module Glem.Experiments.Tests.LinkTests

open System
open FsCheck.FSharp
open Glem
open TorchSharp
open Xunit

let private links: LinkRecipe = { Valid = 0.1; Test = 0.2; Seed = 7 }

let private compute: Compute = {
    Device = torch.CPU
    Precision = Precision.Float32
    Memory = MemoryBudget.standard ()
}

[<Fact>]
let ``a data set without held-out edges is the same but for them, and the run's seed does not matter`` () =
    let whole = Colours.dataset.Value
    let left = HeldOutLinks.withhold links whole |> Result.orRaise
    let split = HeldOutLinks.split links whole |> Result.orRaise
    Assert.Equal(LinkSplit.training whole.Graph.NodeCount split, left.Graph.Edges)
    Assert.Equal<string>(whole.Graph.Texts, left.Graph.Texts)
    Assert.Equal(whole.Split, left.Split)
    Assert.NotEqual<string>(whole.Fingerprint, left.Fingerprint)
    Assert.NotEqual(split, HeldOutLinks.split { links with Seed = 8 } whole |> Result.orRaise)
    Assert.Same(whole, HeldOutLinks.withhold { links with Valid = 0.0; Test = 0.0 } whole |> Result.orRaise)

/// The bits of the first GNN and of both students after a round.
let private trained (recipe: Recipe) dataset =
    use study = Study.prepare compute (fun _ _ -> ()) recipe dataset 5 |> Result.orRaise
    let lm = Study.pretrainEncoder study |> Study.lmOnGold study
    let gnn = Study.gnnOnEmbeddings study lm

    let bits (weights: Weights) =
        weights
        |> Seq.sortBy _.Key
        |> Seq.map (fun pair -> pair.Key, pair.Value.Values |> Array.map BitConverter.SingleToInt32Bits |> List.ofArray)
        |> Seq.toList

    let after =
        Study.em study (Study.pretrainEncoder study) lm gnn
        |> Seq.choose (
            Em.fitted
            >> function
                | FittedQ(_, (theta, _), _) -> Some(bits theta.Weights)
                | FittedP(_, (phi, _), _) -> Some(bits phi)
                | Fitted.Pretrained -> None
        )
        |> List.ofSeq

    bits (fst gnn) :: after

[<Fact>]
let ``held-out edges change no bit of any model: a graph that never had them trains the same`` () =
    let holdingOut = {
        Colours.recipe with
            Links = links
            Rounds = 1
    }

    let without = HeldOutLinks.withhold links Colours.dataset.Value |> Result.orRaise

    Assert.True((trained holdingOut Colours.dataset.Value = trained { Colours.recipe with Rounds = 1 } without))

    Assert.False(
        (trained holdingOut Colours.dataset.Value = trained { Colours.recipe with Rounds = 1 } Colours.dataset.Value)
    )

[<Theory>]
[<InlineData("links.test=0.1", "links.valid")>]
[<InlineData("links.valid=0.1", "links.valid")>]
[<InlineData("links.valid=1.5", "links.valid")>]
[<InlineData("links.valid=0.5 links.test=0.5", "links.test")>]
[<InlineData("links.valid=0.1 links.test=0.1 protocol=testRemoved", "protocol")>]
let ``shares that leave nothing to train on, choose on or score are refused`` (settings: string, key: string) =
    match Settings.setAll (List.ofArray (settings.Split ' ')) Colours.recipe |> Result.bind Recipe.validate with
    | Error(InSetting(found, _, _)) -> Assert.Equal(key, found)
    | other -> failwith $"%A{other}"

[<Fact>]
let ``shares of less than one edge are refused`` () =
    match HeldOutLinks.withhold { links with Valid = 0.001 } Colours.dataset.Value with
    | Error(InSetting("links", found, _)) -> Assert.Contains("less than one edge", found)
    | other -> failwith $"%A{other}"

// Scores

/// Undirected graphs of 2 to 12 nodes.
let private graphs =
    gen {
        let! n = Gen.choose (2, 12)
        let! pairs = Gen.two (Gen.choose (0, n - 1)) |> Gen.map (fun (a, b) -> struct (a, b)) |> Gen.arrayOf
        return Csr.symmetric n pairs
    }
    |> Arb.fromGen

let private check law = FsCheck.Check.One(FsCheck.Config.QuickThrowOnFailure, Prop.forAll graphs law)
let private neighbours (edges: Csr) i = edges.NeighboursOf(i * 1<node>).ToArray() |> set

[<Fact>]
let ``common neighbours, Adamic-Adar and preferential attachment are their definitions`` () =
    check (fun edges ->
        let nodes = [| 0 .. edges.NodeCount - 1 |]
        let degree i = float (edges.Degree(i * 1<node>))
        let close (a: float[]) (b: float[]) = Array.forall2 (fun x y -> abs (x - y) < 1e-9) a b

        nodes
        |> Array.forall (fun source ->
            // A node shares all neighbours with itself: nobody asks, and the definitions hold all the same.
            let shared target = Set.intersect (neighbours edges source) (neighbours edges target)
            let adamicAdar target = shared target |> Seq.sumBy (fun i -> 1.0 / log (max 2.0 (degree i)))

            close
                ((LinkHeuristics.commonNeighbours edges).Score source nodes)
                (nodes |> Array.map (shared >> Set.count >> float))
            && close ((LinkHeuristics.adamicAdar edges).Score source nodes) (nodes |> Array.map adamicAdar)
            && close
                ((LinkHeuristics.preferentialAttachment edges).Score source nodes)
                (nodes |> Array.map (fun target -> degree source * degree target))))

[<Fact>]
let ``TF-IDF's cosine is 1 of a text with itself, 0 of texts without a common word`` () =
    let texts = [| "apple cherry"; "apple cherry"; "sky ocean"; "sky ocean apple" |]
    let scores = (LinkHeuristics.tfidf (Tfidf.apply (Tfidf.fit texts) texts)).Score 0 [| 0; 1; 2; 3 |]
    Assert.Equal(1.0, scores[0], 1e-12)
    Assert.Equal(1.0, scores[1], 1e-12)
    Assert.Equal(0.0, scores[2])
    Assert.InRange(scores[3], 0.01, 0.99)

[<Fact>]
let ``vectors score by angle and by product, and a vector of zeros by nothing`` () =
    let rows = Vectors.ofArray 3 [| 3f; 0f; 4f; 6f; 0f; 8f; 0f; 2f; 0f; 0f; 0f; 0f |]

    match LinkVectors.scorers "lm" "LM" rows with
    | [ cosine; dot ] ->
        Assert.Equal<float[]>(
            [| 1.0; 0.0; 0.0 |],
            cosine.Score 0 [| 1; 2; 3 |] |> Array.map (fun x -> Math.Round(x, 6))
        )

        Assert.Equal<float[]>([| 50.0; 0.0; 0.0 |], dot.Score 0 [| 1; 2; 3 |])
    | other -> failwith $"%d{other.Length} scorers"

[<Fact>]
let ``standardised columns have mean 0 and deviation 1, and those that do not vary become zeros`` () =
    let rows = Vectors.ofArray 2 [| 1f; 0.1f; 3f; 0.1f; 5f; 0.1f; 7f; 0.1f |]
    let made = (LinkVectors.standardised rows).ToArray()
    let first = [| for i in 0..3 -> float made[2 * i] |]
    Assert.Equal(0.0, Array.average first, 1e-6)
    Assert.Equal(1.0, first |> Array.averageBy (fun x -> x * x), 1e-6)
    Assert.Equal<float32[]>(Array.zeroCreate 4, [| for i in 0..3 -> made[2 * i + 1] |])

let private key = Key.ofSeed 3

/// 40 nodes of two kinds in a bipartite graph: only unlike nodes are joined. Their vectors say the kind, and noise.
let private bipartite =
    let random = Random 4

    let edges =
        Csr.symmetric 40 [
            for _ in 1..160 do
                struct (2 * random.Next 20, 2 * random.Next 20 + 1)
        ]

    let vectors =
        Array.init 40 (fun i -> [| (if i % 2 = 0 then 1f else -1f); random.NextSingle(); random.NextSingle() |])
        |> Array.concat
        |> Vectors.ofArray 3

    edges, vectors

let private mrr (_, ranks: LinkRanks) = (Ranking.meanReciprocal ranks.Ranks).Value

[<Fact>]
let ``a decoder learns that unlike nodes are joined, which no product of vectors can say`` () =
    let edges, vectors = bipartite

    for kind in [ Negatives.Uniform; Negatives.DegreeMatched ] do
        let split =
            let share = Fraction.create "a test" >> Result.orRaise
            LinkSplit.ofGraph key (share 0.1) (share 0.2) edges

        let training = LinkSplit.training 40 split
        let z = LinkVectors.standardised vectors
        let decoders = LinkDecoder.fit key kind training z
        Assert.Equal<LinkDecoder list>(decoders, LinkDecoder.fit key kind training z)
        // The weaker the penalty, the larger the weights.
        let sizes =
            decoders |> List.map (fun decoder -> decoder.Weights |> Array.sumBy (fun w -> float w * float w))

        Assert.Equal<float list>(List.sort sizes, sizes)

        let scorers =
            LinkDecoder.scorer "gnn" "GNN" z (List.last decoders) :: LinkVectors.scorers "gnn" "GNN" vectors

        let ranked = LinkRanking.rank key edges kind 30 split.Test scorers |> List.map mrr
        Assert.True(ranked[0] > 2.0 * ranked[1] && ranked[0] > 2.0 * ranked[2], $"%A{ranked}")

let private constant: LinkScorer = {
    Key = "constant"
    Name = "constant"
    Score = fun _ targets -> Array.create targets.Length 0.5
}

/// Knows the answers.
let private oracle (edges: Csr) : LinkScorer = {
    Key = "oracle"
    Name = "oracle"
    Score =
        fun source targets ->
            targets |> Array.map (fun target -> if (neighbours edges source).Contains target then 1.0 else 0.0)
}

[<Fact>]
let ``who knows the edges ranks each first, who knows nothing in the middle, from either end`` () =
    let edges, _ = bipartite
    let test = LinkSplit.pairs edges |> Array.truncate 10

    match LinkRanking.rank key edges Negatives.Uniform 30 test [ oracle edges; constant ] with
    | [ _, knowing; _, ignorant ] ->
        Assert.Equal(20, knowing.Ranks.Length)
        Assert.All(knowing.Ranks, (fun rank -> Assert.Equal(1.0, rank)))
        Assert.All(ignorant.Ranks, (fun rank -> Assert.Equal(16.0, rank)))
        let scores = [ knowing; ignorant ] |> List.map (LinkScore.ofRanks key >> Option.get)
        Assert.Equal<float list>([ 1.0; 0.5 ], scores |> List.map _.Auroc)
        Assert.Equal<float list>([ 1.0; 1.0 / 16.0 ], scores |> List.map _.Mrr)
        Assert.Equal<(int * float) list>([ 1, 0.0; 3, 0.0; 10, 0.0; 50, 1.0 ], scores[1].Hits)
    | other -> failwith $"%d{other.Length} scorers"

[<Fact>]
let ``an edge whose end has no negative asks nothing`` () =
    let star = Csr.symmetric 4 [ struct (0, 1); struct (0, 2); struct (0, 3) ]

    match LinkRanking.rank key star Negatives.Uniform 5 (LinkSplit.pairs star) [ constant ] with
    | [ _, ranks ] ->
        Assert.Empty ranks.Ranks
        Assert.True((LinkScore.ofRanks key ranks).IsNone)
    | other -> failwith $"%d{other.Length} scorers"

[<Fact>]
let ``degree alone beats uniform negatives and not those matched by degree`` () =
    // Edges fall on nodes in proportion to rising weights, and on nothing else.
    let random = Random 6
    let node () = int (2000.0 * random.NextDouble() ** 2.0)
    let edges = Csr.symmetric 2000 [ for _ in 1..6000 -> struct (node (), node ()) ]
    let share = Fraction.create "a test" >> Result.orRaise
    let split = LinkSplit.ofGraph key (share 0.1) (share 0.2) edges
    let scorer = LinkHeuristics.preferentialAttachment (LinkSplit.training 2000 split)

    let auroc kind =
        match LinkRanking.rank key edges kind 20 split.Test [ scorer ] with
        | [ _, ranks ] -> (LinkScore.ofRanks key ranks |> Option.get).Auroc
        | other -> failwith $"%d{other.Length} scorers"

    // The ends of an edge that is held out have lost it, so that it is a little below chance.
    Assert.InRange(auroc Negatives.Uniform, 0.56, 1.0)
    Assert.InRange(auroc Negatives.DegreeMatched, 0.4, 0.52)

// The command

/// A run that held out edges, and one that did not.
[<Sealed>]
type LinkRuns() =
    let folder = new TestFolder()

    let run name more =
        let arguments = [
            "run"
            "--recipe"
            "scratch"
            "--quick"
            "--dataset"
            "colours"
            "--out"
            name
        ]

        GlemProcess.succeeds folder.Path (arguments @ [ "--set"; "lm.vocabulary=300"; "--set"; "rounds=0" ] @ more)

    do Colours.write (folder.File "colours")
    let out = run "held-out" [ "--set"; "links.valid=0.1"; "--set"; "links.test=0.2" ]
    let _ = run "all" []
    member _.Folder = folder
    member _.Out = out

    interface IDisposable with
        member _.Dispose() = (folder :> IDisposable).Dispose()

type LinkCommandTests(runs: LinkRuns) =
    let evaluate run more = [ "evaluate"; "--task"; "link"; "--run"; run ] @ more
    let refuses arguments parts = GlemProcess.refuses runs.Folder.Path arguments parts

    interface IClassFixture<LinkRuns>

    [<Fact>]
    member _.``a run says what it holds out, in words and in its report``() =
        Assert.Contains("test edges of", runs.Out)
        Assert.Contains("links.seed 0", runs.Out)
        let report = IO.File.ReadAllText(runs.Folder.File "held-out/report.md")
        Assert.Contains("were held out for link prediction", report)

    [<Fact>]
    member _.``both models and the baselines stand in one table for each kind of negatives, and in the file``() =
        let out =
            GlemProcess.succeeds runs.Folder.Path (evaluate "held-out" [ "--negatives"; "20"; "--out"; "links.json" ])

        for name in
            [
                "LM, cosine"
                "LM, trained decoder"
                "GNN, dot product"
                "Adamic-Adar"
                "TF-IDF, cosine"
                "MRR"
                "Hits@50"
                "AUROC"
                "uniform negatives"
                "against 20 nodes"
            ] do
            Assert.Contains(name, out)

        let again =
            GlemProcess.succeeds runs.Folder.Path (evaluate "held-out" [ "--negatives"; "20"; "--json" ])

        Assert.Equal(IO.File.ReadAllText(runs.Folder.File "links.json"), again)
        let json = Text.Json.JsonDocument.Parse(again).RootElement
        Assert.Equal(20, json.GetProperty("scores").GetArrayLength())

        for row in json.GetProperty("scores").EnumerateArray() do
            for part in [ "valid"; "test" ] do
                let score = row.GetProperty part
                Assert.InRange(score.GetProperty("mrr").GetDouble(), 1.0 / 21.0, 1.0)
                Assert.InRange(score.GetProperty("auroc").GetDouble(), 0.0, 1.0)
                Assert.Equal(1.0, score.GetProperty("hits").GetProperty("50").GetDouble())

        IO.File.Delete(runs.Folder.File "links.json")

    [<Fact>]
    member _.``one model may be asked for, and another seed draws other negatives``() =
        let ask seed =
            let more = [ "--model"; "lm"; "--negatives"; "5"; "--json"; "--seed"; seed ]
            let out = GlemProcess.succeeds runs.Folder.Path (evaluate "held-out" more)
            (Text.Json.JsonDocument.Parse out).RootElement.GetProperty("scores").ToString()

        let first = ask "0"
        Assert.Contains("lm.cosine", first)
        Assert.DoesNotContain("gnn.", first)
        Assert.NotEqual<string>(first, ask "1")

    [<Fact>]
    member _.``a run whose training saw every edge is refused, and so is what cannot be asked``() =
        refuses (evaluate "all" []) [ "run.json"; "saw every edge"; "links.test" ]
        refuses (evaluate "nowhere" []) [ "nowhere" ]
        refuses (evaluate "held-out" [ "--model"; "both" ]) [ "--model"; "both" ]
        refuses (evaluate "held-out" [ "--negatives"; "0" ]) [ "--negatives"; "from 1" ]
        refuses (evaluate "held-out" [ "--out"; "links.csv" ]) [ "--out"; ".csv" ]
        refuses [ "evaluate"; "--task"; "node"; "--run"; "held-out" ] [ "--task"; "node"; "link" ]

    [<Fact>]
    member _.``a data set that has changed since is refused``() =
        let folder = runs.Folder.File "moved"
        IO.Directory.CreateDirectory folder |> ignore

        let changed = {
            Colours.records with
                Edges = Array.skip 30 Colours.records.Edges
        }

        let edges = [
            "source,target"
            for struct (a, b) in changed.Edges do
                $"%s{a},%s{b}"
        ]

        Colours.writeLines (IO.Path.Combine(folder, "colours")) (Colours.nodeLines changed) edges
        GlemProcess.refuses folder (evaluate "../held-out" []) [ "fingerprint"; "colours" ]
