module Glem.Experiments.Tests.ComparisonTests

open System.IO
open FsCheck
open FsCheck.FSharp
open Glem
open Xunit

let private check property = Check.One(Config.QuickThrowOnFailure.WithMaxTest(30).WithQuietOnSuccess true, property)

let private arm name values : Replicates = {
    Arm = name
    Values = Map values
    Right = Map.empty
}

let private isRight (bits: string) = Map [ for i, bit in Seq.indexed bits -> $"n%d{i}", bit = '1' ]

let private baseline = {
    arm "LM" [ 0, 0.70; 1, 0.72; 2, 0.71; 7, 0.5 ] with
        Right = Map [ 0, isRight "1100"; 1, isRight "0011" ]
}

let private better = {
    arm "GLEM" [ 2, 0.74; 0, 0.74; 1, 0.75; 9, 0.1 ] with
        Right = Map [ 0, isRight "1111"; 1, isRight "0110"; 2, isRight "0000" ]
}

[<Fact>]
let ``an arm is compared with the baseline on the seeds and nodes that both have`` () =
    let comparison = Comparisons.against "test accuracy" baseline [ better ] |> Assert.Single
    Assert.Equal(("GLEM", "LM", "test accuracy"), (comparison.Arm, comparison.Baseline, comparison.Metric))
    Assert.Equal<(int * float * float) list>([ 0, 0.74, 0.70; 1, 0.75, 0.72; 2, 0.74, 0.71 ], comparison.Pairs)
    Assert.Equal(0.1 / 3.0, comparison.Difference.Mean, 1e-12)
    Assert.Equal(1.0, comparison.SameSign)
    // Seed 0: nodes 2 and 3 won; seed 1: node 1 won, node 3 lost; seed 2 has no baseline's.
    Assert.Equal(Some { Gained = 3; Lost = 1 }, comparison.McNemar)
    Assert.Equal(0.625, comparison.McNemar.Value.PValue, 1e-12)
    // Three seeds find 3.264 standard deviations (PairedPower); d_z is 5.77, which three find too.
    Assert.Equal(3.2640435498141698 * comparison.Difference.Deviation, comparison.MinimumDetectable, 1e-9)
    Assert.Equal(Some 3, comparison.SeedsNeeded)
    Assert.Equal(comparison.TPValue, comparison.HolmP)

[<Fact>]
let ``without a side's predictions there is no McNemar, and with one shared seed no comparison`` () =
    let bare = { better with Right = Map.empty }
    let lone = arm "once" [ 0, 0.9 ]
    let comparison = Comparisons.against "test accuracy" baseline [ lone; bare ] |> Assert.Single
    Assert.Equal("GLEM", comparison.Arm)
    Assert.Equal(None, comparison.McNemar)

let private arms =
    let values =
        Gen.zip (Gen.choose (0, 6)) (Gen.choose (600, 900))
        |> Gen.map (fun (seed, k) -> seed, float k / 1000.0)
        |> Gen.listOf

    let names = [ "a"; "b"; "c"; "baseline" ]
    Gen.listOfLength 4 values |> Gen.map (List.map2 arm names) |> Arb.fromGen

[<Fact>]
let ``Holm's p comes from all arms at once`` () =
    check (
        Prop.forAll arms (fun arms ->
            let comparisons = Comparisons.against "m" (List.last arms) (List.take 3 arms)

            List.map _.HolmP comparisons = Holm.adjust (List.map _.TPValue comparisons)
            && comparisons |> List.forall (fun c -> c.HolmP >= c.TPValue))
    )

[<Fact>]
let ``an arm against a baseline is the baseline against the arm, turned round`` () =
    check (
        Prop.forAll arms (fun arms ->
            let there = Comparisons.against "m" arms[0] [ arms[1] ]
            let back = Comparisons.against "m" arms[1] [ arms[0] ]
            let near a b = abs (a - b) < 1e-12
            let mirrored (one: Interval) (other: Interval) = near one.Low -other.High && near one.High -other.Low

            there.Length = back.Length
            && List.forall2
                (fun (x: Comparison) (y: Comparison) ->
                    near x.Difference.Mean -y.Difference.Mean
                    && mirrored x.TInterval y.TInterval
                    && mirrored x.BootstrapInterval y.BootstrapInterval
                    && near x.TPValue y.TPValue
                    && x.Wilcoxon = y.Wilcoxon
                    && x.SameSign = y.SameSign
                    && x.SeedsNeeded = y.SeedsNeeded
                    && near x.MinimumDetectable y.MinimumDetectable)
                there
                back)
    )

[<Fact>]
let ``an arm against itself differs in nothing`` () =
    let comparison = Comparisons.against "m" better [ better ] |> Assert.Single
    Assert.Equal((0.0, 1.0, None), (comparison.Difference.Mean, comparison.TPValue, comparison.SeedsNeeded))
    Assert.Equal({ Low = 0.0; High = 0.0 }, comparison.BootstrapInterval)
    Assert.Equal(Some { Gained = 0; Lost = 0 }, comparison.McNemar)

[<Fact>]
let ``what is bold stands clear of every other entry`` () =
    let low, middle, high =
        Map [ 0, 0.70; 1, 0.72; 2, 0.71 ], Map [ 0, 0.73; 1, 0.76; 2, 0.74 ], Map [ 0, 0.80; 1, 0.83; 2, 0.81 ]

    Assert.Equal(Some 2, Bold.best [ low; middle; high ])
    Assert.Equal(Some 0, Bold.best [ high; low; middle ])
    // As good on the mean, but seed 1 disagrees: the interval of its difference holds 0.
    let unsure = Map [ 0, 0.84; 1, 0.70; 2, 0.95 ]
    Assert.Equal(None, Bold.best [ low; unsure; high ])

[<Fact>]
let ``nothing is bold alone, over one seed, or beside its equal`` () =
    let values = Map [ 0, 0.8; 1, 0.9 ]
    Assert.Equal(None, Bold.best [])
    Assert.Equal(None, Bold.best [ values ])
    Assert.Equal(None, Bold.best [ values; values ])
    Assert.Equal(None, Bold.best [ Map [ 0, 0.9 ]; Map [ 0, 0.1 ] ])
    Assert.Equal(None, Bold.best [ Map [ 0, 0.9; 1, 0.9 ]; Map [ 2, 0.1; 3, 0.1 ] ])

[<Fact>]
let ``a bold entry is the best on the mean, and every comparison with it agrees`` () =
    check (
        Prop.forAll arms (fun arms ->
            let seeds = [ 0..3 ]

            let complete =
                arms
                |> List.mapi (fun i arm ->
                    Map [
                        for s in seeds -> s, arm.Values.TryFind s |> Option.defaultValue (0.1 * float i)
                    ])

            let mean (entry: Map<int, float>) = Seq.average entry.Values

            match Bold.best complete with
            | None -> true
            | Some best ->
                complete |> List.forall (fun entry -> mean entry <= mean complete[best])
                && Comparisons.against "m" (arm "best" (Map.toList complete[best])) [
                    for i, entry in List.indexed complete do
                        if i <> best then
                            arm (string i) (Map.toList entry)
                   ]
                   |> List.forall (fun c -> c.TInterval.High < 0.0))
    )

[<Fact>]
let ``replicates of runs hold test accuracy by seed and the student's right and wrong test nodes`` () =
    MadeUp.inFolder (fun folder ->
        let runs = [
            for seed in [ 3; 1 ] ->
                let run = Path.Combine(folder, string seed)
                MadeUp.run run seed 5
                RunFolder.load run |> Result.orRaise
        ]

        let student = Replicates.ofStudent "GLEM-GNN" Student.Gnn runs
        let rung = Replicates.ofRung "LM alone" _.LmOnly runs
        Assert.Equal<int list>([ 1; 3 ], Seq.toList student.Values.Keys)
        Assert.Equal(runs[0].Summary.GlemGnn.Value.Test, student.Values[3])
        Assert.Equal(runs[0].Summary.LmOnly.Value.Test, rung.Values[3])
        Assert.Empty rung.Right

        for run in runs do
            let right = student.Right[run.Info.Seed]
            let tested = run.Predictions |> List.filter (fun p -> p.Split = Test && p.Label.IsSome)
            Assert.Equal(tested.Length, right.Count)

            for p in tested do
                Assert.Equal(p.Label = (p.Gnn |> Option.map _.Class), right[p.Id]))
