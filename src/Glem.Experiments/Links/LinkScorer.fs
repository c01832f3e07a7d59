namespace Glem

/// A way to say how likely two nodes are joined: more is likelier, the scale is its own.
type LinkScorer = {
    /// In files: "gnn.cosine".
    Key: string
    /// For people.
    Name: string
    /// Scores of one node with each of some others : [m] -> [m]. May be called by several threads at once.
    Score: int -> int[] -> float[]
}
