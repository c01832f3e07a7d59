namespace Glem

/// The floor of every ladder.
module Majority =
    /// Every node gets the classes' shares among the training nodes, so its argmax is the most frequent class.
    let predict (supervision: Supervision) : Posterior<Lm> =
        let counts = Array.zeroCreate<int> supervision.ClassCount

        for i in supervision.Nodes do
            let k = int (supervision.Gold i).Value
            counts[k] <- counts[k] + 1

        let logits = counts |> Array.map (fun count -> float32 (log (float count)))

        Array.init supervision.NodeCount (fun _ -> logits)
        |> Array.concat
        |> Posterior.ofLogits supervision.ClassCount
