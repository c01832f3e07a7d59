module Glem.Experiments.Tests.PairedDifferenceTests

open System
open System.Text.Json
open FsCheck
open FsCheck.FSharp
open Glem
open Xunit

let private check property = Check.One(Config.QuickThrowOnFailure.WithQuietOnSuccess true, property)

/// Differences in thousandths, with ties and zeros.
let private differences =
    Gen.choose (-40, 40)
    |> Gen.map (fun k -> float k / 1000.0)
    |> Gen.listOf
    |> Gen.map (fun values -> 0.003 :: -0.001 :: values)
    |> Arb.fromGen

let private ofValues values = PairedDifference.ofValues values |> Option.get

let private equal (expected: float) (found: float) = Assert.Equal(expected, found, 1e-9 * max 1.0 (abs expected))

[<Fact>]
let ``t test, effect size and intervals of paired values are SciPy's`` () =
    let cases = (Reference.metrics "statistics").GetProperty("paired").EnumerateObject() |> List.ofSeq
    Assert.NotEmpty cases

    for case in cases do
        let number (key: string) = case.Value.GetProperty(key).GetDouble()
        let values (key: string) = case.Value.GetProperty key |> Reference.numbers
        let d = List.map2 (-) (values "a") (values "b") |> ofValues
        let test = case.Value.GetProperty "t_two_sided"

        equal (number "mean_diff") d.Mean
        equal (number "sd_diff") d.Deviation
        equal (number "cohen_dz") d.Dz
        equal (test.GetProperty("statistic").GetDouble()) d.T
        equal (test.GetProperty("pvalue").GetDouble()) d.TPValue

        // SciPy 1.10's own quantiles of t are right to 9 digits.
        for level in [ "0.9"; "0.95"; "0.99" ] do
            let interval, expected = d.TInterval(float level), values $"ci_mean_diff_%s{level}"
            Assert.Equal(expected[0], interval.Low, 1e-8)
            Assert.Equal(expected[1], interval.High, 1e-8)

[<Fact>]
let ``Wilcoxon's test is SciPy's, exact and by the normal approximation, with ties and zeros`` () =
    for case in (Reference.metrics "statistics").GetProperty("paired").EnumerateObject() do
        let values (key: string) = case.Value.GetProperty key |> Reference.numbers
        let differences = List.map2 (-) (values "a") (values "b")
        let reference = case.Value.GetProperty "wilcoxon"

        let agrees (key: string) (found: Wilcoxon) =
            let expected = reference.GetProperty key
            equal (expected.GetProperty("statistic").GetDouble()) found.Statistic
            equal (expected.GetProperty("pvalue").GetDouble()) found.PValue

        let hasExact, _ = reference.TryGetProperty "exact_two_sided"
        let chosen = Wilcoxon.ofDifferences differences
        Assert.Equal(hasExact, chosen.Exact)
        agrees (if hasExact then "exact_two_sided" else "approx_two_sided") chosen
        agrees "approx_two_sided" (Wilcoxon.ofNormal differences)

[<Fact>]
let ``bootstrap intervals with bias correction and acceleration are SciPy's on the same resamples`` () =
    let cases = (Reference.metrics "statistics").GetProperty("bootstrap").GetProperty "cases"
    Assert.NotEqual(0, cases.GetArrayLength())

    for case in cases.EnumerateArray() do
        let x = Reference.numbers (case.GetProperty "x") |> Array.ofList

        let means = [|
            for picks in case.GetProperty("indices").EnumerateArray() ->
                [| for i in picks.EnumerateArray() -> i.GetInt32() |] |> Bootstrap.meanOf x
        |]

        let interval = BiasCorrected.interval 0.95 x means
        let expected = Reference.numbers (case.GetProperty "bca_ci95")
        equal expected[0] interval.Low
        equal expected[1] interval.High

[<Fact>]
let ``one-sample means have SciPy's t intervals`` () =
    for case in (Reference.metrics "statistics").GetProperty("one_sample_mean_ci").EnumerateArray() do
        let d = case.GetProperty "x" |> Reference.numbers |> ofValues
        let expected = case.GetProperty "ci95_t" |> Reference.numbers
        equal (case.GetProperty("mean").GetDouble()) d.Mean
        equal (case.GetProperty("sd_ddof1").GetDouble()) d.Deviation
        Assert.Equal(expected[0], (d.TInterval 0.95).Low, 1e-8)
        Assert.Equal(expected[1], (d.TInterval 0.95).High, 1e-8)

[<Fact>]
let ``Holm's correction is statsmodels'`` () =
    let reference = (Reference.metrics "statistics").GetProperty "multiple_testing"
    let adjusted = reference.GetProperty("pvalues") |> Reference.numbers |> Holm.adjust
    let expected = reference.GetProperty("holm").GetProperty("adjusted") |> Reference.numbers
    List.iter2 equal expected adjusted

[<Fact>]
let ``Darwin's fifteen pairs of plants give what Fisher and every textbook since give them`` () =
    // Heights of crossed less self-fertilised Zea mays, eighths of an inch (Fisher 1935, The Design of Experiments, section 17).
    let d = [ 6; 8; 14; 16; 23; 24; 28; 29; 41; -48; 49; 56; 60; -67; 75 ] |> List.map float
    let paired = ofValues d
    Assert.Equal(20.933333333333334, paired.Mean, 1e-12)
    Assert.Equal(2.14798746133112, paired.T, 1e-12)
    Assert.Equal(0.049702944021800956, paired.TPValue, 1e-12)
    Assert.Equal((13, 2, 13.0 / 15.0), (paired.Above, paired.Below, paired.SameSign))
    // 2 (1 + 15 + 105) / 2^15
    Assert.Equal(242.0 / 32768.0, paired.SignPValue, 1e-15)

    let wilcoxon = Wilcoxon.ofDifferences d
    Assert.Equal((24.0, true), (wilcoxon.Statistic, wilcoxon.Exact))
    Assert.Equal(0.041259765625, wilcoxon.PValue, 1e-12)

[<Fact>]
let ``few pairs cannot make Wilcoxon's p small`` () =
    Assert.Equal(0.25, (Wilcoxon.ofDifferences [ 1.0; 2.0; 3.0 ]).PValue)
    Assert.Equal(0.0625, (Wilcoxon.ofDifferences [ 1.0; 2.0; 3.0; 4.0; 5.0 ]).PValue)
    Assert.Equal(1.0, (Wilcoxon.ofDifferences [ 0.0; 0.0 ]).PValue)

[<Fact>]
let ``accuracies whose differences tie but for rounding tie`` () =
    // 0.3 - 0.2 and 0.2 - 0.1 differ in the last bit.
    let test = Wilcoxon.ofDifferences [ 0.3 - 0.2; 0.2 - 0.1; 0.1 - 0.2 ]
    Assert.Equal((2.0, false), (test.Statistic, test.Exact))

[<Fact>]
let ``fewer than two pairs have no interval`` () =
    Assert.Equal(None, PairedDifference.ofValues [ 0.1 ])
    Assert.Equal(None, PairedDifference.ofValues [])

[<Fact>]
let ``differences without spread are certain, and none at all shows nothing`` () =
    let same = ofValues [ 0.5; 0.5; 0.5 ]
    Assert.Equal({ Low = 0.5; High = 0.5 }, same.TInterval 0.95)
    Assert.Equal((0.0, 1.0), (same.TPValue, same.SameSign))
    Assert.True((same.TInterval 0.95).ExcludesZero)

    let none = ofValues [ 0.0; 0.0; 0.0 ]
    Assert.Equal((0.0, 1.0, 1.0), (none.Dz, none.TPValue, none.SignPValue))
    Assert.False((none.TInterval 0.95).ExcludesZero)
    Assert.Equal({ Low = 0.5; High = 0.5 }, BiasCorrected.ofMean (Key.ofSeed 1) 50 0.95 [| 0.5; 0.5; 0.5 |])

[<Fact>]
let ``turning every difference round turns the interval round and leaves every p alone`` () =
    check (
        Prop.forAll differences (fun values ->
            let there, back = ofValues values, values |> List.map (~-) |> ofValues
            let near a b = abs (a - b) < 1e-12
            let mirrored (one: Interval) (other: Interval) = near one.Low -other.High && near one.High -other.Low

            let bootstrap values = BiasCorrected.ofMean (Key.ofSeed 3) 200 0.95 (Array.ofList values)

            near there.Mean -back.Mean
            && near there.Dz -back.Dz
            && near there.TPValue back.TPValue
            && there.SignPValue = back.SignPValue
            && there.SameSign = back.SameSign
            && Wilcoxon.ofDifferences values = Wilcoxon.ofDifferences (List.map (~-) values)
            && mirrored (there.TInterval 0.9) (back.TInterval 0.9)
            && mirrored (bootstrap values) (bootstrap (List.map (~-) values)))
    )

[<Fact>]
let ``a t interval excludes 0 exactly where the t test's p is below what it leaves out, and grows with its level`` () =
    check (
        Prop.forAll differences (fun values ->
            let d = ofValues values
            let at level = d.TInterval level

            [ 0.9; 0.95; 0.99 ]
            |> List.forall (fun level ->
                abs (d.TPValue - (1.0 - level)) < 1e-9 || (at level).ExcludesZero = (d.TPValue < 1.0 - level))
            && (at 0.99).Low <= (at 0.95).Low
            && (at 0.95).Low <= d.Mean
            && d.Mean <= (at 0.95).High
            && (at 0.95).High <= (at 0.99).High)
    )

[<Fact>]
let ``Wilcoxon's exact p is the share of sign patterns at least as far from the middle`` () =
    let magnitudes =
        Gen.choose (1, 9)
        |> Gen.bind (fun n -> Gen.listOfLength n (Gen.elements [ 1.0; -1.0 ]))
        |> Arb.fromGen

    check (
        Prop.forAll magnitudes (fun signs ->
            let n = signs.Length
            let positive (signs: float list) = signs |> List.mapi (fun i s -> if s > 0.0 then i + 1 else 0) |> List.sum
            let distance r = abs (2 * r - n * (n + 1) / 2)

            let patterns = [
                for bits in 0 .. (1 <<< n) - 1 ->
                    List.init n (fun i -> if bits >>> i &&& 1 = 1 then 1.0 else -1.0) |> positive
            ]

            let far = patterns |> List.filter (fun r -> distance r >= distance (positive signs)) |> List.length
            let test = signs |> List.mapi (fun i s -> s * float (i + 1)) |> Wilcoxon.ofDifferences
            abs (test.PValue - float far / float patterns.Length) < 1e-12)
    )

[<Fact>]
let ``the bias-corrected interval lies within the values`` () =
    check (
        Prop.forAll differences (fun values ->
            let interval = BiasCorrected.ofMean (Key.ofSeed 1) 100 0.95 (Array.ofList values)

            List.min values - 1e-12 <= interval.Low
            && interval.Low <= interval.High
            && interval.High <= List.max values + 1e-12)
    )

let private pValues =
    Gen.choose (0, 1000) |> Gen.map (fun k -> float k / 1000.0) |> Gen.listOf |> Arb.fromGen

[<Fact>]
let ``Holm's p is never below the raw p nor above 1, and keeps the order`` () =
    check (
        Prop.forAll pValues (fun ps ->
            let adjusted = Holm.adjust ps

            List.forall2 (fun p q -> q >= p && q <= 1.0) ps adjusted
            && List.allPairs (List.zip ps adjusted) (List.zip ps adjusted)
               |> List.forall (fun ((p, q), (p', q')) -> p > p' || q <= q'))
    )

[<Fact>]
let ``Holm's p goes with its test, whatever the order, and a lone test is left alone`` () =
    check (
        Prop.forAll pValues (fun ps ->
            let pairs ps = List.zip ps (Holm.adjust ps) |> List.sort
            pairs ps = pairs (List.rev ps))
    )

    Assert.Equal<float list>([ 0.04 ], Holm.adjust [ 0.04 ])
    // 3 * 0.01, 2 * 0.02, and 0.03 may not fall below them.
    Assert.Equal<float list>([ 0.04; 0.03; 0.04 ], Holm.adjust [ 0.03; 0.01; 0.02 ])

[<Fact>]
let ``run-to-run noise is the deviation within cells, whatever the cells' own level`` () =
    Assert.Equal(None, RunNoise.deviation [ [ 0.8 ]; [ 0.7 ]; [] ])
    Assert.Equal(Some 0.0, RunNoise.deviation [ [ 0.8; 0.8 ] ])
    // Dahlberg: sqrt ((0.02^2 + 0.04^2) / (2 * 2))
    Assert.Equal(
        sqrt (0.002 / 4.0),
        RunNoise.deviation [ [ 0.80; 0.82 ]; [ 0.64; 0.60 ]; [ 0.5 ] ] |> Option.get,
        1e-12
    )

    check (
        Prop.forAll differences (fun values ->
            let cells = List.chunkBySize 2 values
            let moved = cells |> List.mapi (fun i cell -> cell |> List.map (fun x -> x + float i))
            abs ((RunNoise.deviation cells).Value - (RunNoise.deviation moved).Value) < 1e-12)
    )
