namespace Glem

open System.Globalization

/// Weight of the pseudo labels in [0, 1]: alpha in the E-step, beta in the M-step. Gold labels weigh 1 - mix.
type Mix =
    private
    | Mix of float

    member this.Value = let (Mix value) = this in value

/// Softmax temperature, finite and above 0: below 1 sharpens a posterior, above 1 flattens it.
type Temperature =
    private
    | Temperature of float

    member this.Value = let (Temperature value) = this in value

/// A share of a set, in [0, 1].
type Fraction =
    private
    | Fraction of float

    member this.Value = let (Fraction value) = this in value

    /// How many of `count` the share is: floor(fraction * count). The slack keeps 0.29 of 100 at 29, which
    /// floating point would make 28.
    member this.Of(count: int) = min count (int (floor (this.Value * float count + 1e-9)))

module private Checked =
    let number case expected isValid (key: string) (value: float) =
        if isValid value then
            Ok(case value)
        else
            Error(InSetting(key, value.ToString(CultureInfo.InvariantCulture), expected))

module Mix =
    /// Only gold labels teach.
    let goldOnly = Mix 0.0

    /// The mix, or an InSetting error that names `key`.
    let create key value = Checked.number Mix "a number from 0 to 1" (fun x -> x >= 0.0 && x <= 1.0) key value

module Temperature =
    /// Leaves a posterior as it is.
    let one = Temperature 1.0

    /// The temperature, or an InSetting error that names `key`.
    let create key value =
        Checked.number Temperature "a finite number above 0" (fun x -> x > 0.0 && System.Double.IsFinite x) key value

module Fraction =
    let all = Fraction 1.0

    /// The fraction, or an InSetting error that names `key`.
    let create key value = Checked.number Fraction "a number from 0 to 1" (fun x -> x >= 0.0 && x <= 1.0) key value

/// A setting that may change from round to round: its values in rounds 1, 2, …; the last one holds on.
type PerRound<'a> = 'a list

module PerRound =
    /// The value in a round, counted from 1. Raises ArgumentException where there is none.
    let at (round: int) (values: PerRound<'a>) =
        if values.IsEmpty then
            invalidArg (nameof values) "no value for any round"

        values[min round values.Length - 1]
