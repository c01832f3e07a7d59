namespace Glem

/// An interval that an unknown number is believed to lie in.
type Interval = {
    Low: float
    High: float
} with

    /// Whether 0 lies outside, so that the number's sign is known at the interval's level.
    member this.ExcludesZero = this.Low > 0.0 || this.High < 0.0
