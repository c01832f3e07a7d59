module Glem.Experiments.Tests.PairedDifferenceTests

open System
open FsCheck
open FsCheck.FSharp
open Glem
open Xunit

// scipy.stats.t, SciPy 1.15.
let private cdf = [
    -3.5, 1, 0.08858553278290474
    -3.5, 2, 0.036413675027234665
    -1.0, 4, 0.1869504831500295
    0.0, 9, 0.5
    0.5, 30, 0.6896384975574363
    2.0, 1, 0.8524163823495667
    2.0, 200, 0.9765734069064644
    6.0, 9, 0.9998987503389662
]

let private quantiles = [
    0.005, 1, -63.65674116287404
    0.025, 4, -2.7764451051977996
    0.95, 30, 1.6972608943617378
    0.975, 9, 2.2621571627409915
    0.975, 2, 4.302652729911275
    0.9999, 200, 3.7891207878533653
]

[<Fact>]
let ``Student's t is SciPy's`` () =
    for t, df, expected in cdf do
        Assert.Equal(expected, StudentT.cdf df t, 1e-12)

    for probability, df, expected in quantiles do
        Assert.Equal(expected, StudentT.quantile df probability, 1e-8 * abs expected)

[<Fact>]
let ``a quantile has the probability that it was asked for`` () =
    let law (PositiveInt df) (NormalFloat x) =
        let probability = 0.001 + 0.998 / (1.0 + exp -x)
        abs (StudentT.cdf df (StudentT.quantile df probability) - probability) < 1e-9

    Check.One(Config.QuickThrowOnFailure.WithQuietOnSuccess true, law)

[<Fact>]
let ``ten pairs have the mean and the interval that SciPy gives them`` () =
    let a = [ 0.7367; 0.7239; 0.708; 0.7244; 0.732; 0.7139; 0.7187; 0.7201; 0.7122; 0.7265 ]
    let b = [ 0.73; 0.7204; 0.6967; 0.7158; 0.7303; 0.7057; 0.7231; 0.7117; 0.7075; 0.7261 ]

    match PairedDifference.ofValues (List.map2 (-) a b) with
    | None -> Assert.Fail "ten pairs have an interval"
    | Some d ->
        Assert.Equal(0.00491, d.Mean, 1e-12)
        Assert.Equal(0.0015376993313444528, d.Low, 1e-10)
        Assert.Equal(0.008282300668655575, d.High, 1e-10)
        Assert.Equal((9, 10), (d.Above, d.Pairs))

[<Fact>]
let ``one pair has no interval`` () =
    Assert.Equal(None, PairedDifference.ofValues [ 0.1 ])
    Assert.Equal(None, PairedDifference.ofValues [])
