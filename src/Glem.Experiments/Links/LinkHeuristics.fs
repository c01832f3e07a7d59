namespace Glem

open System.Buffers

/// Scores that nobody trained: what embeddings have to beat. Those of the graph read training's edges alone
/// (Liben-Nowell & Kleinberg 2007 compare them).
module LinkHeuristics =
    /// The sum of `weight` over the neighbours that two nodes share.
    let private shared key name (edges: Csr) (weight: int -> float) : LinkScorer = {
        Key = key
        Name = name
        Score =
            fun source targets ->
                // Two hops from the source reach every node that shares a neighbour with it.
                let sums = ArrayPool<float>.Shared.Rent edges.NodeCount
                System.Array.Clear(sums, 0, edges.NodeCount)

                for middle in edges.NeighboursOf(source * 1<node>) do
                    let amount = weight middle

                    for target in edges.NeighboursOf(middle * 1<node>) do
                        sums[target] <- sums[target] + amount

                let scores = targets |> Array.map (fun target -> sums[target])
                ArrayPool<float>.Shared.Return sums
                scores
    }

    /// How many neighbours two nodes share.
    let commonNeighbours (edges: Csr) = shared "commonNeighbours" "Common neighbours" edges (fun _ -> 1.0)

    /// The same, each counting 1 / ln of its degree, which is 2 at least (Adamic & Adar 2003).
    let adamicAdar (edges: Csr) =
        shared "adamicAdar" "Adamic-Adar" edges (fun middle ->
            1.0 / log (max 2.0 (float (edges.Degree(middle * 1<node>)))))

    /// The product of two nodes' degrees (Barabasi & Albert 1999): popularity, whoever the two are.
    let preferentialAttachment (edges: Csr) : LinkScorer =
        let degree i = float (edges.Degree(i * 1<node>))

        {
            Key = "preferentialAttachment"
            Name = "Preferential attachment"
            Score = fun source targets -> targets |> Array.map (fun target -> degree source * degree target)
        }

    /// The cosine of two texts' TF-IDF.   rows : [n; terms], each of length 1
    let tfidf (rows: SparseRows) : LinkScorer =
        let product a b =
            let mutable i, j = rows.Offsets[a], rows.Offsets[b]
            let mutable sum = 0.0

            while i < rows.Offsets[a + 1] && j < rows.Offsets[b + 1] do
                match compare rows.Columns[i] rows.Columns[j] with
                | 0 ->
                    sum <- sum + rows.Values[i] * rows.Values[j]
                    i <- i + 1
                    j <- j + 1
                | order when order < 0 -> i <- i + 1
                | _ -> j <- j + 1

            sum

        {
            Key = "tfidf.cosine"
            Name = "TF-IDF, cosine"
            Score = fun source targets -> targets |> Array.map (product source)
        }

    /// All of them.   training : the graph without held-out edges   texts : [n]
    let all (training: Csr) (texts: string[]) = [
        preferentialAttachment training
        commonNeighbours training
        adamicAdar training
        tfidf (Tfidf.apply (Tfidf.fit texts) texts)
    ]
