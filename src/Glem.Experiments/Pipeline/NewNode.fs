namespace Glem

/// A text to classify, and the nodes of the graph that it is joined to.
type NewNode = {
    /// Empty where it has none.
    Id: string
    Text: string
    /// Ids of nodes.
    Neighbours: string list
}
