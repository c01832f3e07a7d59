namespace Glem

/// A ratio to the number of training nodes, finite and not negative (official: pl_ratio).
type Ratio =
    private
    | Ratio of float

    member this.Value = let (Ratio value) = this in value

    /// How many nodes the ratio is for `train` training nodes, at most `available`: the ceiling, as the official code.
    /// The slack keeps 0.1 of 30 at 3, which floating point would make 4.
    member this.Of(train: int, available: int) = min available (int (ceil (this.Value * float train - 1e-9)))

module Ratio =
    /// The ratio, or an InSetting error that names `key`.
    let create key value = Checked.number Ratio "a finite number from 0" (fun x -> x >= 0.0 && x < infinity) key value

/// How many of the nodes that may teach do so at a time.
type Sampling =
    /// All of them, in every epoch.
    | All
    /// A window of this size over a fixed order of them, one for each round: windows follow each other and wrap around,
    /// so that no node teaches twice before every node has taught.
    | Window of Ratio
    /// As many, drawn anew in each epoch, without replacement.
    | EachEpoch of Ratio

module Sampling =
    /// An order that depends on the key and the nodes alone: nodes that come or go do not disturb the others.
    let private order key (nodes: int<node>[]) =
        nodes |> Array.sortBy (fun i -> struct (Key.seed (Key.at (int i) key), i))

    /// The `size` nodes that teach in a round, counted from 1, ascending. The key must be the same in all rounds.
    let window key (round: int) size (nodes: int<node>[]) =
        if nodes.Length = 0 then
            [||]
        else
            let ordered = order key nodes
            // 64 bits: a late round of a large window overflows 32.
            let first = int (int64 (round - 1) * int64 size % int64 nodes.Length)

            Array.init (min size nodes.Length) (fun at -> ordered[(first + at) % nodes.Length]) |> Array.sort

    /// `size` of the nodes, ascending; another key draws others.
    let draw key size (nodes: int<node>[]) = order key nodes |> Array.truncate size |> Array.sort
