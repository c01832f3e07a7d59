namespace Glem

/// x, P x, …, P^K x: what a decoupled network reads of the graph. No weight stands before them, so that training leaves
/// them as they are (Wu et al. 2019; Frasca et al. 2020).
type Hops = {
    /// P.
    By: GraphTensors -> Propagation
    /// K.
    Count: int
    /// P^K x alone is read, and not all K + 1 of them.
    LastOnly: bool
}

module Hops =
    /// x, P x, …, P^K x.
    let all by count = {
        By = by
        Count = count
        LastOnly = false
    }

    /// P^K x.
    let last by count = { all by count with LastOnly = true }

    /// How many are read.
    let kept hops = if hops.LastOnly then 1 else hops.Count + 1

    /// Those that are read of x : [n; d], each [n; d].
    let spread (graph: GraphTensors) (hops: Hops) (x: Tensor) : Tensor list =
        let all = [ 1 .. hops.Count ] |> List.scan (fun (x: Tensor) _ -> (hops.By graph).Propagate x) x
        if hops.LastOnly then [ List.last all ] else all
