namespace Glem

/// Nodes that a property puts together: those whose value lies from Low to High, both attained.
type Bin =
    | Within of low: float * high: float
    /// The property says nothing of these nodes, as local homophily of a node without neighbours.
    | Undefined

/// A property of nodes, cut into bins: each node of the graph lies in exactly one.
type Binning = private {
    property: string
    bins: Bin[]
    binOf: int[]
} with

    /// What the nodes are binned by, for a report: "degree".
    member this.Property = this.property

    /// The bins that hold a node, by rising value, Undefined last; a fresh array.
    member this.Bins = Array.copy this.bins

    member this.NodeCount = this.binOf.Length

    /// Which of Bins a node lies in.
    member this.Item(i: int<node>) = this.binOf[int i]

module Binning =
    /// At most `count` bins with about equally many nodes each. Equal values share a bin, so that a bin depends on no
    /// order of nodes; where values repeat there are fewer bins.   values : [n]
    /// Raises ArgumentException for a count below 1 or a value that is NaN.
    let quantiles (property: string) (count: int) (values: float voption[]) : Binning =
        if count < 1 then
            invalidArg (nameof count) $"%d{count} bins"

        let known = values |> Array.choose ValueOption.toOption |> Array.sort

        if Array.exists System.Double.IsNaN known then
            invalidArg (nameof values) $"a %s{property} is NaN"

        // A value's quantile is that of the middle of its ties: they stay together, and a value that most nodes have
        // does not swallow the nodes below it.
        let quantiles =
            known
            |> Array.indexed
            |> Array.groupBy snd
            |> Array.map (fun (value, ties) ->
                let first, last = int64 (fst ties[0]), int64 (fst (Array.last ties))
                value, int ((first + last) * int64 count / (2L * int64 known.Length)))
            |> Array.groupBy snd
            |> Array.map (snd >> Array.map fst)

        let within = quantiles |> Array.map (fun values -> Within(Array.head values, Array.last values))

        let binOfValue =
            dict [
                for bin, values in Array.indexed quantiles do
                    for value in values -> value, bin
            ]

        {
            property = property
            bins =
                if known.Length < values.Length then
                    Array.append within [| Undefined |]
                else
                    within
            binOf =
                values
                |> Array.map (function
                    | ValueSome value -> binOfValue[value]
                    | ValueNone -> within.Length)
        }
