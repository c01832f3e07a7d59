namespace Glem

/// How many neighbours nodes have.
type Degrees = {
    Mean: float
    Median: float
    Largest: int
    /// Nodes without a neighbour.
    Isolated: int
}

module Degrees =
    /// Raises ArgumentException for a graph without nodes.
    let ofGraph (edges: Csr) =
        if edges.NodeCount = 0 then
            invalidArg (nameof edges) "a graph without nodes has no degrees"

        let sorted = Array.init edges.NodeCount (fun i -> edges.Degree(i * 1<node>)) |> Array.sort
        let middle = sorted.Length / 2

        {
            Mean = float edges.EdgeCount / float edges.NodeCount
            Median =
                if sorted.Length % 2 = 1 then
                    float sorted[middle]
                else
                    float (sorted[middle - 1] + sorted[middle]) / 2.0
            Largest = Array.last sorted
            Isolated = sorted |> Array.filter ((=) 0) |> Array.length
        }
