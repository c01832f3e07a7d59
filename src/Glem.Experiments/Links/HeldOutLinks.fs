namespace Glem

/// The edges that a recipe holds out of training.
module HeldOutLinks =
    /// Whether there are any.
    let areIn (links: LinkRecipe) = links.Test > 0.0

    /// The data set's edges as the recipe divides them: by its own seed, not by the run's.
    /// Error: so few edges that a part would be empty.
    let split (links: LinkRecipe) (dataset: Dataset) : Result<LinkSplit, GlemError> =
        let share key value = Fraction.create key value |> Result.orRaise
        let key = Key.ofSeed links.Seed |> Key.named "links"
        let valid, test = share "links.valid" links.Valid, share "links.test" links.Test
        let split = LinkSplit.ofGraph key valid test dataset.Graph.Edges

        if split.Valid.Length = 0 || split.Test.Length = 0 || split.Train.Length = 0 then
            let found = $"shares of %d{dataset.Graph.Edges.EdgeCount / 2} edges that are less than one edge"
            Error(InSetting("links", found, "shares that leave edges in every part"))
        else
            Ok split

    /// The data set without the held-out edges, with every node; itself where none are held out.
    /// Error: so few edges that a part would be empty.
    let withhold (links: LinkRecipe) (dataset: Dataset) : Result<Dataset, GlemError> =
        if not (areIn links) then
            Ok dataset
        else
            split links dataset
            |> Result.bind (fun split ->
                let ids = dataset.Graph.Ids
                let edges = split.Train |> Array.map (fun (struct (a, b)) -> struct (ids[a], ids[b]))

                Dataset.ofRecords dataset.Info.Name {
                    Dataset.toRecords dataset with
                        Edges = edges
                })

    /// What training misses, for people. Nothing where it misses nothing.
    let describe (links: LinkRecipe) (dataset: Dataset) : string option =
        if not (areIn links) then
            None
        else
            match split links dataset with
            | Error _ -> None
            | Ok split ->
                let stranded = LinkSplit.stranded dataset.Graph.NodeCount split
                let all = dataset.Graph.Edges.EdgeCount / 2

                Some
                    $"links: %d{split.Valid.Length} validation and %d{split.Test.Length} test edges of %d{all} are held out (links.seed %d{links.Seed}); %d{stranded} nodes lose their last edge"
