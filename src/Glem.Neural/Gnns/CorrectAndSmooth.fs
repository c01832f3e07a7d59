namespace Glem

open TorchSharp

/// Correct and smooth (Huang et al. 2021): a base model's errors on training nodes are spread and subtracted, then its
/// predictions are spread with the training labels.
type CorrectAndSmooth = {
    Correction: LabelPropagation
    Smoothing: LabelPropagation
    /// Scales every node's correction to the training nodes' mean error (Huang et al.: autoscale); else corrections are
    /// multiplied by Scale.
    Autoscale: bool
    Scale: float
}

module CorrectAndSmooth =
    /// PyG's numbers in its example on ogbn-arxiv, on predictions of an MLP, but scaled automatically.
    let standard = {
        Correction = { Hops = 50; Alpha = 1.0 }
        Smoothing = { Hops = 50; Alpha = 0.8 }
        Autoscale = true
        Scale = 1.0
    }

    /// A base model's posterior after both steps.
    let apply
        (compute: Compute)
        (settings: CorrectAndSmooth)
        (graph: GraphTensors)
        (supervision: Supervision)
        (baseline: Posterior<'Source>)
        : Posterior<'Source> =
        use _ = torch.no_grad ()

        Scope.freeingAll (fun () ->
            let c = supervision.ClassCount
            let s = graph.SymmetricWithoutLoops
            let gold, known = LabelPropagation.gold compute supervision, LabelPropagation.known compute supervision
            let y = torch.tensor(baseline.Rows.ToArray()).reshape([| -1L; int64 c |]).``to`` compute.Device
            let error = (gold.sub y).masked_fill(known.logical_not (), 0.0.ToScalar())

            let corrected =
                if settings.Autoscale then
                    let smoothed =
                        LabelPropagation.spread settings.Correction s (LabelPropagation.between -1.0 1.0) error

                    let mean = (error.abs().sum()).div((known.sum().clamp_min(1.0.ToScalar())))
                    let size = smoothed.abs().sum(1L, true)
                    let scale = size.reciprocal().mul mean
                    // Nodes that the errors barely reach would be corrected without bound (PyG: scale above 1000 is 1).
                    let wild = scale.isinf().logical_or(scale.gt (1000.0.ToScalar()))
                    y.add (smoothed.mul (scale.masked_fill (wild, 1.0.ToScalar())))
                else
                    // The training nodes' own errors stay as they are in every step.
                    let hold (e: Tensor) = error.where (known, e)
                    y.add ((LabelPropagation.spread settings.Correction s hold error) * settings.Scale)

            gold.where (known, corrected)
            |> LabelPropagation.spread settings.Smoothing s (LabelPropagation.between 0.0 1.0)
            |> LabelPropagation.posterior c)
