module Glem.Model.Tests.NumbersLaws

open System
open Glem
open Xunit

[<Theory>]
[<InlineData(-0.01)>]
[<InlineData(1.5)>]
[<InlineData(Double.NaN)>]
let ``a mix outside 0 to 1 is an error that names its key and value`` (bad: float) =
    match Mix.create "eStep.pseudoWeight" bad with
    | Ok _ -> failwith "expected an error"
    | Error error ->
        Assert.Contains("eStep.pseudoWeight", GlemError.message error)
        Assert.Contains(bad.ToString(System.Globalization.CultureInfo.InvariantCulture), GlemError.message error)

[<Theory>]
[<InlineData(0.0)>]
[<InlineData(-1.0)>]
[<InlineData(Double.PositiveInfinity)>]
[<InlineData(Double.NaN)>]
let ``a temperature that is not finite and above 0 is an error`` (bad: float) =
    Assert.True((Temperature.create "temperature" bad).IsError)

[<Theory>]
[<InlineData(-0.5)>]
[<InlineData(Double.PositiveInfinity)>]
[<InlineData(Double.NaN)>]
let ``a ratio that is not finite or below 0 is an error`` (bad: float) = Assert.True((Ratio.create "ratio" bad).IsError)

[<Fact>]
let ``a share of 0.29 of 100 is 29, and a ratio of 0.1 to 30 is 3`` () =
    Assert.Equal(29, (Fraction.create "fraction" 0.29 |> Result.orRaise).Of 100)
    Assert.Equal(3, (Ratio.create "ratio" 0.1 |> Result.orRaise).Of(30, 100))

[<Fact>]
let ``a setting without a value for any round is refused`` () =
    Assert.Throws<ArgumentException>(fun () -> PerRound.at 1 ([]: int list) |> ignore) |> ignore
