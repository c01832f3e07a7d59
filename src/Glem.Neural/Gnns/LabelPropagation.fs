namespace Glem

open TorchSharp

/// Label propagation (Zhou et al. 2004, as PyG's LabelPropagation has it; its defaults but for K, there 50 layers in OGB's
/// example too).
type LabelPropagation = {
    /// Steps.
    Hops: int
    /// Share of the neighbours' mean in each step; the rest is the start.
    Alpha: float
}

module LabelPropagation =
    /// PyG's numbers in its example on ogbn-arxiv.
    let standard = { Hops = 50; Alpha = 0.9 }

    /// y <- limit(alpha S y + (1 - alpha) y0), hops times.   graph : S, D^-1/2 A D^-1/2   y0 : [n; c]
    let internal spread (settings: LabelPropagation) (graph: Propagation) (limit: Tensor -> Tensor) (y0: Tensor) =
        let rest = y0 * (1.0 - settings.Alpha)

        let step (y: Tensor) =
            Scope.freeing Seq.singleton (fun () -> limit (((graph.Propagate y) * settings.Alpha).add rest))

        let rec run hop (y: Tensor) =
            if hop = 0 then
                y
            else
                let next = step y

                if not (obj.ReferenceEquals(y, y0)) then
                    y.Dispose()

                run (hop - 1) next

        run settings.Hops y0

    let internal between (low: float) (high: float) (y: Tensor) = y.clamp (low.ToScalar(), high.ToScalar())

    /// Gold labels as one-hot rows, other rows 0 : [n; c].
    let internal gold (compute: Compute) (supervision: Supervision) =
        let c = supervision.ClassCount
        let rows = Array.zeroCreate<float32>(supervision.NodeCount * c)

        for i in supervision.Nodes do
            rows[int i * c + int (supervision.Gold i).Value] <- 1f

        torch.tensor(rows).reshape([| -1L; int64 c |]).``to`` compute.Device

    let internal known (compute: Compute) (supervision: Supervision) =
        torch
            .tensor(Array.init supervision.NodeCount (fun i -> supervision.Gold(i * 1<node>).IsSome))
            .unsqueeze(1L)
            .``to``
            compute.Device

    // Rows that nothing has reached say nothing: all classes alike. The floor keeps a class without mass finite.
    let internal posterior classes (y: Tensor) : Posterior<'Source> =
        let y = y.clamp_min (1e-9.ToScalar())
        let logits = y.div(y.sum (1L, true)).log().cpu().contiguous()
        Posterior.ofLogits classes (logits.data<float32>().ToArray())

    /// Labels alone, spread over the graph: a baseline without features.
    let predict
        (compute: Compute)
        (settings: LabelPropagation)
        (graph: GraphTensors)
        (supervision: Supervision)
        : Posterior<Gnn> =
        use _ = torch.no_grad ()

        Scope.freeingAll (fun () ->
            spread settings graph.SymmetricWithoutLoops (between 0.0 1.0) (gold compute supervision)
            |> posterior supervision.ClassCount)
