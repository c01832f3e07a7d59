namespace Glem

/// Maps of test nodes, for people to look at: what each student makes of them, on a plane.
module EmbeddingMap =
    let private most = 1000
    let private key = Key.ofSeed 0 |> Key.named "embedding map"

    /// Of the students' answers to all nodes, up to 1,000 of those whose test label can be shown; the same ones whatever the
    /// seed, so that maps can be laid side by side.
    let private drawn (answers: Prediction[]) =
        answers
        |> Array.indexed
        |> Array.filter (fun (_, answer) -> answer.Split = Test && answer.Label.IsSome)
        |> Array.map (fun (i, _) -> i * 1<node>)
        |> Sampling.draw key most
        |> Array.map int

    // Logits that differ by a constant say the same; e^-30 stands for a probability of 0.
    let private logits (p: Posterior<Gnn>) node =
        let row = p.Logits.Span.Slice(node * p.ClassCount, p.ClassCount).ToArray() |> Array.map float
        let top = Array.max row
        let row = row |> Array.map (fun z -> max (z - top) -30.0)
        let mean = Array.average row
        row |> Array.map (fun z -> z - mean)

    /// The LM's embeddings and the GNN's logits of test nodes, each on its own plane; nothing for fewer than three such nodes.
    ///   answers : of all n nodes, in the graph's order   embeddings : [n; d]   p : [n; c]
    let create (answers: Prediction list) (embeddings: Vectors) (p: Posterior<Gnn>) : MapPoint list =
        let answers = Array.ofList answers
        let nodes = drawn answers

        if nodes.Length < 3 then
            []
        else
            let lm =
                nodes
                |> Array.map (fun i -> embeddings.Row(i).ToArray() |> Array.map float)
                |> PrincipalPlane.places

            let gnn = nodes |> Array.map (logits p) |> PrincipalPlane.places

            [
                for at, i in Array.indexed nodes ->
                    {
                        Id = answers[i].Id
                        Class = answers[i].Label.Value
                        Lm = lm[at]
                        Gnn = gnn[at]
                    }
            ]
