namespace Glem

/// What a scorer makes of some held-out edges. Each edge asks twice: for either end, where the other one stands among
/// nodes that the end is not joined to.
type LinkRanks = {
    /// The ranks from both ends, edge by edge : [2 m].
    Ranks: float[]
    /// The scores of the edges : [2 m].
    Joined: float[]
    /// The score of each one's first negative : [2 m].
    Others: float[]
}

module LinkRanking =
    /// Ranks edges by every scorer against the same negatives, drawn anew for each end of each edge. An edge one of
    /// whose ends is joined to every other node asks nothing and is left out.
    ///   whole : the graph with all edges   count : negatives for each end
    let rank
        (key: Key)
        (whole: Csr)
        (kind: Negatives)
        (count: int)
        (edges: struct (int * int)[])
        (scorers: LinkScorer list)
        =
        let canAsk (struct (a, b)) = Negatives.exist whole kind a && Negatives.exist whole kind b

        /// Rank, own score and first negative's score by every scorer.
        let ask number source target =
            let targets = Array.append [| target |] (Negatives.draw (Key.at number key) whole kind count source)

            scorers
            |> List.map (fun scorer ->
                let scores = scorer.Score source targets
                struct (Ranking.rank scores[0] (Array.tail scores), scores[0], scores[1]))
            |> Array.ofList

        let answers =
            edges
            |> Array.filter canAsk
            |> Array.Parallel.mapi (fun i (struct (a, b)) -> [| ask (2 * i) a b; ask (2 * i + 1) b a |])
            |> Array.concat

        scorers
        |> List.mapi (fun at scorer ->
            scorer,
            {
                Ranks = answers |> Array.map (fun answer -> let struct (rank, _, _) = answer[at] in rank)
                Joined = answers |> Array.map (fun answer -> let struct (_, own, _) = answer[at] in own)
                Others = answers |> Array.map (fun answer -> let struct (_, _, other) = answer[at] in other)
            })
