/// The statistics that an audit is read with: AUROC, McNemar's test, bins of a property, local homophily.
module Glem.Model.Tests.StatisticsLaws

open System
open System.IO
open System.Numerics
open System.Text.Json
open FsCheck.FSharp
open Glem
open Glem.Laws
open Xunit

/// Scores with many ties, each of a positive or a negative.
let private marked =
    Gen.zip (Gen.elements [ true; false ]) (Gen.choose (-5, 5) |> Gen.map float)
    |> Gen.arrayOf
    |> Arb.fromGen

let private auroc (marked: (bool * float)[]) =
    let isPositive, scores = Array.unzip marked
    Auroc.ofScores isPositive scores

[<Fact>]
let ``AUROC is the share of pairs that the score puts in order, ties counting half`` () =
    Law.holds marked (fun marked ->
        let wins = [|
            for isPositive, x in marked do
                for isOther, y in marked do
                    if isPositive && not isOther then
                        if x > y then 1.0
                        elif x = y then 0.5
                        else 0.0
        |]

        match auroc marked with
        | ValueNone -> wins.Length = 0
        | ValueSome area -> wins.Length > 0 && Law.close 1e-12 area (Array.average wins))

[<Fact>]
let ``a monotone change of scores leaves AUROC alone, reversing them or the marks gives 1 - AUROC`` () =
    Law.holds marked (fun marked ->
        let after f = marked |> Array.map (fun (mark, x) -> f mark x) |> auroc

        let isComplement other =
            match auroc marked, other with
            | ValueNone, ValueNone -> true
            | ValueSome a, ValueSome b -> Law.close 1e-12 (a + b) 1.0
            | _ -> false

        after (fun mark x -> mark, x ** 3.0 + 7.0) = auroc marked
        && isComplement (after (fun mark x -> mark, -x))
        && isComplement (after (fun mark x -> not mark, x)))

[<Fact>]
let ``AUROC refuses what has no order`` () =
    Assert.Throws<ArgumentException>(fun () -> Auroc.ofScores [| true; false |] [| 1.0; nan |] |> ignore)
    |> ignore

    Assert.Throws<ArgumentException>(fun () -> Auroc.ofScores [| true |] [| 1.0; 2.0 |] |> ignore)
    |> ignore

let private counts largest = Gen.zip (Gen.choose (0, largest)) (Gen.choose (0, largest)) |> Arb.fromGen

[<Fact>]
let ``McNemar's p is symmetric, above 0, at most 1, and 1 where both ways are equally many`` () =
    Law.holds (counts 5000) (fun (b, c) ->
        let p = McNemar.exact b c
        p = McNemar.exact c b && p > 0.0 && p <= 1.0 && McNemar.exact b b = 1.0)

[<Fact>]
let ``McNemar's p falls as one way gets ahead`` () =
    Law.holds (counts 300) (fun (b, c) ->
        let ahead, behind = max b c, min b c
        McNemar.exact (ahead + 1) behind <= McNemar.exact ahead behind)

[<Fact>]
let ``McNemar's p agrees with the binomial sum in whole numbers, for thousands of changes too`` () =
    let slow b c =
        let n, k = b + c, min b c

        let terms =
            Seq.unfold
                (fun (i, term: BigInteger) -> Some(term, (i + 1, term * BigInteger(n - i) / BigInteger(i + 1))))
                (0, BigInteger.One)

        let tail = terms |> Seq.take (k + 1) |> Seq.sum
        min 1.0 (exp (BigInteger.Log(BigInteger 2 * tail) - float n * log 2.0))

    Law.holds (counts 60) (fun (b, c) -> Law.close 1e-9 (McNemar.exact b c / slow b c) 1.0)

    for b, c in [ 1000, 1100; 3000, 2800; 600, 900 ] do
        Assert.Equal(1.0, McNemar.exact b c / slow b c, 1e-9)

[<Fact>]
let ``McNemar's p of counts worked by hand`` () =
    Assert.Equal(1.0, McNemar.exact 0 0)
    Assert.Equal(1.0, McNemar.exact 1 0)
    Assert.Equal(2.0 / 1024.0, McNemar.exact 10 0, 1e-15)
    // 2 (1 + 8 + 28) / 2^8
    Assert.Equal(74.0 / 256.0, McNemar.exact 2 6, 1e-15)
    Assert.Equal(Double.Epsilon, McNemar.exact 3000 0)
    Assert.Throws<ArgumentException>(fun () -> McNemar.exact -1 2 |> ignore) |> ignore

/// shared/fixtures/metrics.json of the folder above this one that has it: golden numbers of scikit-learn and scipy.
let private golden =
    Seq.unfold
        (fun (folder: DirectoryInfo | null) ->
            match folder with
            | null -> None
            | folder -> Some(Path.Combine(folder.FullName, "shared", "fixtures", "metrics.json"), folder.Parent))
        (DirectoryInfo AppContext.BaseDirectory)
    |> Seq.tryFind File.Exists

[<Fact>]
let ``McNemar's p agrees with scipy's, AUROC with scikit-learn's`` () =
    match golden with
    | None -> Assert.Skip "shared/fixtures/metrics.json is not here"
    | Some path ->
        use document = JsonDocument.Parse(File.ReadAllText path)

        for case in document.RootElement.GetProperty("statistics").GetProperty("mcnemar").EnumerateArray() do
            let count (key: string) = case.GetProperty(key).GetInt32()

            Assert.Equal(
                case.GetProperty("exact_two_sided_p").GetDouble(),
                McNemar.exact (count "b") (count "c"),
                1e-12
            )

        for problem in document.RootElement.GetProperty("problems").EnumerateObject() do
            let numbers (element: JsonElement) = [| for x in element.EnumerateArray() -> x.GetDouble() |]
            let truth = numbers (problem.Value.GetProperty "y_true")

            let probabilities = [|
                for row in problem.Value.GetProperty("logits").EnumerateArray() ->
                    let z = numbers row
                    let e = z |> Array.map (fun x -> exp (x - Array.max z))
                    e |> Array.map (fun x -> x / Array.sum e)
            |]

            problem.Value.GetProperty("auroc_one_vs_rest_per_class").EnumerateArray()
            |> Seq.iteri (fun k expected ->
                let isClass = truth |> Array.map (fun label -> int label = k)

                match Auroc.ofScores isClass (probabilities |> Array.map (fun row -> row[k])) with
                | ValueNone -> Assert.Equal(JsonValueKind.Null, expected.ValueKind)
                | ValueSome area -> Assert.Equal(expected.GetDouble(), area, 1e-9))

/// A property that repeats values and is unknown for some nodes, and a number of bins.
let private property =
    Gen.frequency [
        5, Gen.choose (0, 9) |> Gen.map (float >> ValueSome)
        1, Gen.constant ValueNone
    ]
    |> Gen.arrayOf
    |> fun values -> Gen.zip values (Gen.choose (1, 6))
    |> Arb.fromGen

let private nodesOf bin (binning: Binning) = [
    for i in 0 .. binning.NodeCount - 1 do
        if binning[i * 1<node>] = bin then
            i
]

[<Fact>]
let ``every node lies in the one bin that holds its value, and no bin is empty`` () =
    Law.holds property (fun (values, count) ->
        let binning = Binning.quantiles "degree" count values

        binning.Bins
        |> Array.indexed
        |> Array.forall (fun (at, bin) ->
            let members = nodesOf at binning |> List.map (fun i -> values[i])

            not members.IsEmpty
            && match bin with
               | Undefined -> members |> List.forall _.IsNone
               | Within(low, high) ->
                   members |> List.forall _.IsSome
                   && ValueSome low = List.min members
                   && ValueSome high = List.max members)
        && Seq.init values.Length (fun i -> binning[i * 1<node>])
           |> Seq.forall (fun bin -> bin >= 0 && bin < binning.Bins.Length))

[<Fact>]
let ``bins rise without overlap, and there are no more than were asked for`` () =
    Law.holds property (fun (values, count) ->
        let ranges =
            (Binning.quantiles "degree" count values).Bins
            |> Array.choose (function
                | Within(low, high) -> Some(low, high)
                | Undefined -> None)

        ranges.Length <= count
        && ranges |> Array.forall (fun (low, high) -> low <= high)
        && ranges |> Array.pairwise |> Array.forall (fun ((_, high), (low, _)) -> high < low))

[<Fact>]
let ``bins of values that all differ hold equally many nodes, but for one`` () =
    Law.holds (Gen.zip (Gen.choose (1, 200)) (Gen.choose (1, 8)) |> Arb.fromGen) (fun (n, count) ->
        let binning = Binning.quantiles "words" count (Array.init n (fun i -> ValueSome(float i)))
        let sizes = Array.init binning.Bins.Length (fun at -> (nodesOf at binning).Length)
        sizes.Length = min n count && Array.max sizes - Array.min sizes <= 1)

[<Fact>]
let ``a value that most nodes have does not swallow the others`` () =
    let values = Array.init 100 (fun i -> ValueSome(if i < 20 then float i / 100.0 else 1.0))
    let binning = Binning.quantiles "homophily" 4 values
    Assert.Equal<Bin[]>([| Within(0.0, 0.19); Within(1.0, 1.0) |], binning.Bins)

[<Fact>]
let ``local homophily, weighted by labelled neighbours, is the graph's edge homophily`` () =
    Law.holds Scene.domain (fun scene ->
        let audit, edges = Scene.audit scene, Scene.edges scene

        let labelledNeighbours i =
            edges.NeighboursOf(i * 1<node>).ToArray()
            |> Array.filter (fun j -> (audit.Label(j * 1<node>)).IsSome)
            |> Array.length

        let weighted = [|
            for i, homophily in Array.indexed (LocalHomophily.ofNodes edges audit) do
                match homophily with
                | ValueSome share -> float (labelledNeighbours i) * share, float (labelledNeighbours i)
                | ValueNone -> ()
        |]

        match Audit.edgeHomophily edges audit with
        | ValueNone -> weighted.Length = 0
        | ValueSome whole -> Law.close 1e-12 whole (Array.sumBy fst weighted / Array.sumBy snd weighted))
