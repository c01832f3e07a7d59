namespace Glem

/// GMNN's settings (Qu, Bengio & Tang 2019); both students share them.
type GmnnRecipe = {
    /// A folder of Planetoid's data.
    Dataset: string
    Hidden: int
    InputDropout: float
    HiddenDropout: float
    /// Passes of q over its gold labels before EM; otherwise as Fit.
    PretrainEpochs: float
    /// A student's training in one round.
    Fit: FitRecipe
    /// How q's posterior becomes the labels that p reads and learns.
    Labels: LabelRecipe
    /// Of q's softmax, before that.
    Temperature: float
    Rounds: int
}

module GmnnRecipe =
    /// The authors' run_cora.py; alpha and epsilon are PyTorch's defaults.
    let cora = {
        Dataset = "cora"
        Hidden = 16
        InputDropout = 0.5
        HiddenDropout = 0.0
        PretrainEpochs = 100.0
        Fit = {
            Epochs = 100.0
            Batch = 0
            Accumulate = 1
            EvaluationsPerEpoch = 1.0
            Patience = 0
            LabelSmoothing = 0.0
            Optimiser = {
                Rule = Rule.RmsProp
                LearningRate = 0.05
                WeightDecay = 5e-4
                Beta1 = 0.0
                Beta2 = 0.99
                Epsilon = 1e-8
                ClipNorm = 0.0
                WarmUp = 0.0
                Decay = false
                LayerDecay = 1.0
            }
        }
        Labels = LabelRecipe.Sampled
        Temperature = 0.1
        Rounds = 1
    }

    /// The authors' run_citeseer.py.
    let citeseer = {
        cora with
            Dataset = "citeseer"
            PretrainEpochs = 200.0
    }

    /// The recipe cut down until it runs in a second: for smoke tests, not for numbers.
    let quick recipe = {
        recipe with
            PretrainEpochs = 5.0
            Fit = { recipe.Fit with Epochs = 5.0 }
    }
