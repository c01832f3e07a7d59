namespace Glem

/// The edges of an undirected graph, divided for link prediction. Every edge is one pair, from its lower node to its
/// higher one, so that its two directions cannot come into different parts.
type LinkSplit = {
    /// What stays in the graph that is trained on.
    Train: struct (int * int)[]
    Valid: struct (int * int)[]
    Test: struct (int * int)[]
}

module LinkSplit =
    /// Each edge once, in row order.
    let pairs (edges: Csr) = Csr.pairs edges |> Array.filter (fun (struct (a, b)) -> a < b)

    /// Edges drawn uniformly, floor(fraction * edges) for each held-out part; the rest trains. What is drawn depends on the
    /// key and the edges alone. Nodes may lose their last edge: `stranded` counts them.
    ///   edges : symmetric
    let ofGraph (key: Key) (valid: Fraction) (test: Fraction) (edges: Csr) : LinkSplit =
        let all = pairs edges
        let drawn = Key.shuffle key all
        let tests = test.Of all.Length
        let valids = min (valid.Of all.Length) (all.Length - tests)
        let part first count = Array.sub drawn first count |> Array.sort

        {
            Test = part 0 tests
            Valid = part tests valids
            Train = part (tests + valids) (all.Length - tests - valids)
        }

    /// The graph without its held-out edges.   n : nodes
    let training (n: int) (split: LinkSplit) = Csr.symmetric n split.Train

    /// The whole graph again.   n : nodes
    let whole (n: int) (split: LinkSplit) = Csr.symmetric n (Seq.concat [ split.Train; split.Valid; split.Test ])

    /// How many nodes have edges, all of them held out.   n : nodes
    let stranded (n: int) (split: LinkSplit) =
        let whole, training = whole n split, training n split
        let isStranded i = whole.Degree(i * 1<node>) > 0 && training.Degree(i * 1<node>) = 0
        Seq.init n id |> Seq.filter isStranded |> Seq.length
