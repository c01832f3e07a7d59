module Glem.Experiments.Tests.DistributionTests

open System
open FsCheck
open FsCheck.FSharp
open Glem
open Xunit

let private check property = Check.One(Config.QuickThrowOnFailure.WithQuietOnSuccess true, property)

/// (arguments, value) of each row of a reference table.
let private table (name: string) = [
    for row in (Reference.metrics "distributions").GetProperty(name).EnumerateArray() ->
        let numbers = Reference.numbers row
        List.take (numbers.Length - 1) numbers, List.last numbers
]

[<Fact>]
let ``the normal and Student's t are the reference's`` () =
    let agree name tolerance f =
        let rows = table name
        Assert.NotEmpty rows

        for arguments, (expected: float) in rows do
            Assert.Equal(expected, f arguments, tolerance * max 1.0 (abs expected))

    agree "normal_cdf" 1e-12 (fun x -> Normal.cdf x[0])
    agree "normal_ppf" 1e-12 (fun x -> Normal.quantile x[0])
    agree "student_t_cdf" 1e-12 (fun x -> StudentT.cdf (int x[1]) x[0])
    // SciPy 1.10's own quantiles are right to 9 digits: its t of 0.95 and 4 is 2.13184678134 where R has 2.13184678633.
    agree "student_t_ppf" 1e-8 (fun x -> StudentT.quantile (int x[1]) x[0])

[<Fact>]
let ``tails keep their digits where one less a probability would have none`` () =
    // scipy.stats 1.10.1
    let relative (expected: float) found = Assert.Equal(1.0, found / expected, 1e-9)
    relative 2.7536241186061556e-89 (Normal.cdf -20.0)
    relative 6.22096057427174e-16 (Normal.cdf -8.0)
    relative 2.483704704158263e-10 (StudentT.twoSided 9 30.0)
    relative 5.999999600000023e-16 (StudentT.twoSided 4 1e4)
    relative 4.9002651479502194e-11 (StudentT.twoSided 60 -8.0)
    Assert.Equal(0.0, StudentT.twoSided 3 infinity)

[<Fact>]
let ``textbook quantiles`` () =
    Assert.Equal(1.959963984540054, Normal.quantile 0.975, 1e-12)
    Assert.Equal(tan (0.475 * Math.PI), StudentT.quantile 1 0.975, 1e-10)
    // With two degrees of freedom, (2 p - 1) sqrt (2 / (4 p (1 - p))).
    Assert.Equal(0.95 * sqrt (2.0 / (4.0 * 0.975 * 0.025)), StudentT.quantile 2 0.975, 1e-11)

    for probability in [ 0.0; 1.0; nan; -1.0 ] do
        Assert.Throws<ArgumentException>(fun () -> Normal.quantile probability |> ignore) |> ignore

    Assert.Throws<ArgumentException>(fun () -> StudentT.cdf 0 1.0 |> ignore) |> ignore

[<Fact>]
let ``a distribution rises, is symmetric, and its quantile undoes it`` () =
    check (fun (PositiveInt df) (NormalFloat a) (NormalFloat b) ->
        let squeeze x = 8.0 * Math.Tanh(x / 20.0)
        let low, high = squeeze (min a b), squeeze (max a b)

        let isLaw cdf quantile =
            cdf low <= cdf high
            && abs (cdf low + cdf -low - 1.0) < 1e-12
            && abs (cdf (quantile (cdf low)) - cdf low) < 1e-12

        isLaw (StudentT.cdf df) (StudentT.quantile df) && isLaw Normal.cdf Normal.quantile)

// scipy.stats.nct.cdf of SciPy 1.10.1: t, degrees of freedom, shift.
let private noncentral = [
    2.0, 9, 1.0, 0.8041440182555903
    2.262, 9, 3.0, 0.23879985868711995
    -1.0, 4, 0.5, 0.08614956903656279
    0.0, 5, 2.0, 0.02275013194817922
    12.7, 1, 16.0, 0.20913226139033828
    3.0, 30, -1.0, 0.9999011883614846
    1.96, 200, 2.8, 0.20089203329402186
    4.3, 2, 30.0, 7.97636745200895e-20
    -3.0, 6, -2.5, 0.3916397694037673
]

[<Fact>]
let ``the noncentral t is SciPy's`` () =
    for t, df, shift, expected in noncentral do
        Assert.Equal(expected, NoncentralT.cdf df shift t, 1e-10)

[<Fact>]
let ``the noncentral t without a shift is Student's, and falls as the shift grows`` () =
    check (fun (PositiveInt df) (NormalFloat t) (NormalFloat shift) ->
        let t, shift = 10.0 * Math.Tanh(t / 10.0), 30.0 * Math.Tanh(shift / 20.0)

        abs (NoncentralT.cdf df 0.0 t - StudentT.cdf df t) < 1e-11
        && NoncentralT.cdf df (shift + 0.5) t <= NoncentralT.cdf df shift t + 1e-11)

[<Fact>]
let ``power, detectable effect and seeds needed are SciPy's and the tables'`` () =
    // From scipy.stats.nct of SciPy 1.10.1; 34 pairs for d = 0.5 and 15 for 0.8 are also G*Power's.
    for pairs, dz, expected in
        [
            10, 0.5, 0.29317560653004143
            34, 0.5, 0.8077775012792737
            5, 1.0, 0.40138991737179386
            3, 2.0, 0.4707494312554774
            2, 5.0, 0.42096140914186314
            199, 0.2, 0.8016910240377381
            10, 0.0, 0.05
        ] do
        Assert.Equal(expected, PairedPower.power pairs dz, 1e-9)

    for pairs, expected in
        [
            2, 11.549888436114871
            3, 3.2640435498141698
            5, 1.6819969659555576
            10, 0.9960013714362387
            30, 0.5292356151129765
        ] do
        Assert.Equal(expected, PairedPower.detectable pairs, 1e-8)

    for dz, expected in
        [
            0.2, 199
            0.3, 90
            0.5, 34
            -0.5, 34
            0.8, 15
            1.0, 10
            1.5, 6
            2.0, 5
            5.0, 3
        ] do
        Assert.Equal(Some expected, PairedPower.seedsNeeded dz)

    Assert.Equal(None, PairedPower.seedsNeeded 0.0)
    Assert.Equal(None, PairedPower.seedsNeeded 0.01)
    Assert.Equal(Some 2, PairedPower.seedsNeeded infinity)

[<Fact>]
let ``the seeds needed find the effect with the power asked for, and one fewer do not`` () =
    let effect = Gen.choose (10, 400) |> Gen.map (fun k -> float k / 100.0) |> Arb.fromGen

    check (
        Prop.forAll effect (fun dz ->
            match PairedPower.seedsNeeded dz with
            | None -> false
            | Some seeds ->
                PairedPower.power seeds dz >= PairedPower.target
                && (seeds = 2 || PairedPower.power (seeds - 1) dz < PairedPower.target)
                && PairedPower.detectable seeds <= dz + 1e-9)
    )
