namespace Glem

/// What a cell costs next to another one, from its recipe alone: the same on every machine, whatever has been measured, so
/// that shards which do not know of each other split alike.
module CellCost =
    /// Work of a student's pass over a data set's texts or nodes, in units that make glem-mini's and GCN's times on dotnet-api
    /// come out alike: an encoder's products by token (a layer's four h x h, two h x intermediate, and its attention), and a
    /// GNN's epoch as so many of them as it was measured to take.
    let private lmPass (lm: LmRecipe) =
        let hidden, tokens = float lm.Hidden, float lm.MaxTokens
        let layer = 4.0 * hidden * hidden + 2.0 * hidden * float lm.Intermediate + 2.0 * tokens * hidden
        float lm.Layers * layer * tokens

    let private gnnEpoch (gnn: GnnRecipe) =
        5e5 * float gnn.Hidden / 256.0 * float (Option.defaultValue 2 gnn.Layers) / 2.0

    // Data set, TF-IDF baselines, files.
    let private fixedPart = 3e8

    /// Work, in arbitrary units. Trained texts are read forwards and backwards, predicted ones once.
    let units (recipe: Recipe) : float =
        let rounds = float recipe.Rounds

        let lmPasses =
            2.0 * recipe.Mlm.Fit.Epochs
            + recipe.LmFit.Epochs
            + 1.0
            + rounds * (2.0 * recipe.EStep.Fit.Epochs + 1.0)

        let gnnEpochs = 2.0 * recipe.GnnFit.Epochs + rounds * recipe.MStep.Fit.Epochs
        fixedPart + lmPasses * lmPass recipe.Lm + gnnEpochs * gnnEpoch recipe.Gnn

    /// The cells of shard k of n, k from 1: the costliest first, each to the shard with the least so far (Graham 1969, longest
    /// processing time first), in the order that they came in.
    let shard (k: int) (n: int) (cells: Cell list) : Cell list =
        let loads = Array.zeroCreate<float> n

        let owners =
            cells
            |> List.indexed
            |> List.sortBy (fun (i, cell) -> -(units cell.Recipe), i)
            |> List.map (fun (i, cell) ->
                let least = loads |> Array.indexed |> Array.minBy snd |> fst
                loads[least] <- loads[least] + units cell.Recipe
                i, least)
            |> Map

        cells |> List.indexed |> List.filter (fun (i, _) -> owners[i] = k - 1) |> List.map snd

    /// Seconds of a unit, as runs of recipes took them; None before any has been measured.
    let rate (measured: (Recipe * float) list) : float option =
        match measured with
        | [] -> None
        | _ -> Some(List.sumBy snd measured / List.sumBy (fst >> units) measured)
