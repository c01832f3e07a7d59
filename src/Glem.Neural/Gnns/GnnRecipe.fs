namespace Glem

/// The features that the graph model reads.
type GnnFeatures =
    /// The language model's embeddings (GLEM).
    | Embeddings
    /// The data set's own features, TF-IDF where it has none (PyG's version).
    | Raw
    /// Both, side by side.
    | Both
    /// The language model's embeddings of the round before.
    | PreviousEmbeddings

    /// Whether a language model's embeddings are among them.
    member this.NeedsLm = this <> Raw

    /// Whether the data set's own features are among them.
    member this.NeedsText = this = Raw || this = Both

/// Graph models that recipes name. All but Rgcn are built.
[<RequireQualifiedAccess>]
type GnnModel =
    /// No graph at all: a multilayer perceptron.
    | Mlp
    /// Kipf & Welling 2017.
    | Gcn
    /// GraphSAGE, Hamilton et al. 2017.
    | Sage
    /// Velickovic et al. 2018.
    | Gat
    /// Brody et al. 2022.
    | Gatv2
    /// Gasteiger et al. 2019.
    | Appnp
    /// Wu et al. 2019.
    | Sgc
    /// Li et al. 2021.
    | RevGat
    /// Frasca et al. 2020.
    | Sign
    /// Zhang et al. 2022.
    | Gamlp
    /// Sun et al. 2021.
    | Sagn
    /// Schlichtkrull et al. 2018.
    | Rgcn

/// The graph neural network. A field that is None has the model's own default (docs/gnns.md); one that the model does not
/// have is without effect.
type GnnRecipe = {
    Model: GnnModel
    /// Width of a hidden layer; of each head in RevGat and Sagn.
    Hidden: int
    /// Dropped share of hidden layers.
    Dropout: float
    /// Dropped share of the features.
    InputDropout: float option
    /// Dropped share of attention weights.
    AttentionDropout: float option
    /// Share of edges left out of a layer's attention, RevGat.
    EdgeDropout: float option
    Layers: int option
    Heads: int option
    /// Steps of propagation: Appnp, Sgc, Sign, Gamlp, Sagn.
    Hops: int option
    /// Share that every step of propagation, or residual layer, starts from again: Appnp, Gamlp.
    Alpha: float option
    /// How Sage sums up a neighbourhood.
    Aggregator: Aggregator option
    /// Whether hidden layers are normalised over the nodes: Mlp, Gcn, Sage, Appnp.
    BatchNorm: bool option
    /// Neighbours that training keeps of a node in each layer, from the nodes that teach outwards, drawn anew for each step; -1
    /// keeps all. None trains on the whole graph at once. Mlp, Gcn, Sage, Gat, Gatv2.
    FanOuts: int list option
    Features: GnnFeatures
    LabelInput: LabelInput
    /// A node's own label input is hidden from it: of the nodes that teach, one in this many is hidden and learnt from at
    /// each training step, and prediction hides each such part in turn. A decoupled network has fixed parts in both.
    LabelFolds: int
    /// Consistency with a mean teacher (SCR), in every training of the GNN.
    Consistency: ConsistencyRecipe option
    /// Reliable label utilisation (RLU), where the GNN learns from gold labels alone.
    ReliableLabels: ReliableLabelsRecipe option
}
