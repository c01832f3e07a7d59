namespace Glem

/// Which of two texts gives way when both do not fit. Text is always cut on its right.
type Truncation =
    | LongestFirst
    | OnlyFirst
    | OnlySecond

module Truncation =
    /// The lengths kept of two texts of `first` and `second` tokens so that their sum is at most `budget`; None where
    /// the one to be cut would have nothing left. Agrees with Hugging Face's Rust library: when both are longer than
    /// half of an odd budget, the longer one (the second one of equals) gets the odd token.
    let lengths truncation budget first second =
        let excess = first + second - budget

        if excess <= 0 then
            Some(first, second)
        else
            match truncation with
            | OnlyFirst -> if first > excess then Some(first - excess, second) else None
            | OnlySecond -> if second > excess then Some(first, second - excess) else None
            | LongestFirst ->
                let shorter = min (min first second) (budget / 2)
                let longer = budget - shorter
                if first <= second then Some(shorter, longer) else Some(longer, shorter)
