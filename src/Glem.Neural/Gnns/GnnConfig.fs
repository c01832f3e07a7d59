namespace Glem

/// A graph model's family and shape: all that its weights do not say. A value, which config.json holds.
[<RequireQualifiedAccess>]
type GnnConfig =
    | Mlp of MlpConfig
    | Gcn of GcnConfig
    | Sage of SageConfig
    | Gat of GatConfig
    | Gatv2 of GatConfig
    | Appnp of AppnpConfig
    | Sgc of SgcConfig
    | RevGat of RevGatConfig
    | Sign of SignConfig
    | Gamlp of GamlpConfig
    | Sagn of SagnConfig

module GnnConfig =
    /// The network itself.
    let gnn config : Gnn =
        match config with
        | GnnConfig.Mlp config -> Mlp.gnn config
        | GnnConfig.Gcn config -> Gcn.gnn config
        | GnnConfig.Sage config -> Sage.gnn config
        | GnnConfig.Gat config -> Gat.gnn config
        | GnnConfig.Gatv2 config -> Gatv2.gnn config
        | GnnConfig.Appnp config -> Appnp.gnn config
        | GnnConfig.Sgc config -> Sgc.gnn config
        | GnnConfig.RevGat config -> RevGat.gnn config
        | GnnConfig.Sign config -> Sign.gnn config
        | GnnConfig.Gamlp config -> Gamlp.gnn config
        | GnnConfig.Sagn config -> Sagn.gnn config

    /// The heads that a recipe's model has.
    let heads (recipe: GnnRecipe) =
        match recipe.Model with
        | GnnModel.Gat
        | GnnModel.Gatv2 -> recipe.Heads |> Option.defaultValue 8 // Velickovic et al. 2018, 3.3
        | GnnModel.RevGat -> recipe.Heads |> Option.defaultValue 3 // Li et al. 2021 on ogbn-arxiv; GLEM's code
        | _ -> recipe.Heads |> Option.defaultValue 1

    /// The model that a recipe names, with the recipe's fields or the model's own defaults.
    ///   features, labels : columns of the inputs, node features and then label distributions
    let ofRecipe (recipe: GnnRecipe) features labels classes =
        let inputs = features + labels
        let layers own = recipe.Layers |> Option.defaultValue own
        let hops own = recipe.Hops |> Option.defaultValue own
        let alpha own = recipe.Alpha |> Option.defaultValue own
        let inputDropout own = recipe.InputDropout |> Option.defaultValue own
        let attentionDropout own = recipe.AttentionDropout |> Option.defaultValue own
        let batchNorm own = recipe.BatchNorm |> Option.defaultValue own
        let heads = heads recipe

        let mlp norm : MlpConfig = {
            Inputs = inputs
            Hidden = recipe.Hidden
            Classes = classes
            Layers = layers 2
            InputDropout = inputDropout recipe.Dropout
            HiddenDropout = recipe.Dropout
            BatchNorm = batchNorm norm
        }

        // Velickovic et al. 2018: one dropout for features, hidden layers and attention; one head at the end.
        let gat: Lazy<GatConfig> =
            lazy
                {
                    Inputs = inputs
                    Hidden = recipe.Hidden
                    Classes = classes
                    Layers = layers 2
                    Heads = heads
                    OutputHeads = 1
                    InputDropout = inputDropout recipe.Dropout
                    HiddenDropout = recipe.Dropout
                    AttentionDropout = attentionDropout recipe.Dropout
                }

        match recipe.Model with
        | GnnModel.Mlp -> GnnConfig.Mlp(mlp true)
        | GnnModel.Gcn ->
            GnnConfig.Gcn {
                GcnConfig.glem recipe.Dropout inputs recipe.Hidden classes with
                    Layers = layers 2
                    InputDropout = inputDropout recipe.Dropout
                    BatchNorm = batchNorm true
            }
        | GnnModel.Sage ->
            GnnConfig.Sage {
                Inputs = inputs
                Hidden = recipe.Hidden
                Classes = classes
                Layers = layers 2
                Aggregator = recipe.Aggregator |> Option.defaultValue Aggregator.Mean
                Root = true
                Normalise = false
                InputDropout = inputDropout recipe.Dropout
                HiddenDropout = recipe.Dropout
                // As OGB's example on ogbn-arxiv.
                BatchNorm = batchNorm true
            }
        | GnnModel.Gat -> GnnConfig.Gat gat.Value
        | GnnModel.Gatv2 -> GnnConfig.Gatv2 gat.Value
        // Gasteiger et al. 2019, 4: 2 layers, K = 10, alpha = 0.1.
        | GnnModel.Appnp ->
            GnnConfig.Appnp {
                Mlp = mlp false
                Hops = hops 10
                Alpha = alpha 0.1
            }
        // Wu et al. 2019, 5.1: K = 2, no dropout.
        | GnnModel.Sgc ->
            GnnConfig.Sgc {
                Inputs = inputs
                Classes = classes
                Hops = hops 2
                InputDropout = inputDropout 0.0
            }
        // The authors' code: 3 powers of the normalised adjacency, no dropout of the features; a classifier of 2 layers is
        // the example's in DGL.
        | GnnModel.Sign ->
            GnnConfig.Sign {
                Inputs = inputs
                Hidden = recipe.Hidden
                Classes = classes
                Hops = hops 3
                Layers = layers 2
                InputDropout = inputDropout 0.0
                HiddenDropout = recipe.Dropout
            }
        // GLEM's code on ogbn-arxiv; docs/official-recipes.md.
        | GnnModel.RevGat ->
            GnnConfig.RevGat {
                Inputs = inputs
                Hidden = recipe.Hidden
                Classes = classes
                Layers = layers 3
                Heads = heads
                InputDropout = inputDropout 0.25
                HiddenDropout = recipe.Dropout
                AttentionDropout = attentionDropout 0.0
                EdgeDropout = recipe.EdgeDropout |> Option.defaultValue 0.3
                TargetAttention = false
                InputNorm = true
                Recompute = true
            }
        // The authors' and GLEM's code: docs/official-recipes.md.
        | GnnModel.Gamlp ->
            GnnConfig.Gamlp {
                Inputs = features
                Labels = labels
                Hidden = recipe.Hidden
                Classes = classes
                Hops = hops 5
                LabelHops = 9
                Layers = layers 4
                LabelLayers = layers 4
                InputDropout = inputDropout 0.2
                HiddenDropout = recipe.Dropout
                AttentionDropout = attentionDropout 0.5
                Alpha = alpha 0.5
            }
        | GnnModel.Sagn ->
            GnnConfig.Sagn {
                Inputs = features
                Labels = labels
                Hidden = recipe.Hidden
                Classes = classes
                Heads = heads
                Hops = hops 3
                LabelHops = 9
                Layers = layers 2
                InputDropout = inputDropout 0.2
                HiddenDropout = recipe.Dropout
                AttentionDropout = attentionDropout 0.4
            }
        | GnnModel.Rgcn ->
            raise (GlemException(InSetting("gnn.model", "rgcn, which is not built yet", "another model")))
