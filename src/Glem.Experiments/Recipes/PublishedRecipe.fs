namespace Glem

/// A published system as a recipe: what differs from Glem's scratch recipe, each setting beside the place that says so.
type PublishedRecipe = {
    Name: string
    /// What it is, in one line.
    What: string
    /// "path=value", and where it is published.
    Settings: (string * string) list
    /// What the system does that no field of a recipe says, and where it is published.
    Unsaid: (string * string) list
}
