namespace Glem

open System.Collections.Generic
open TorchSharp
open Glem.Torch.Extensions

/// A reversible graph attention network.
type RevGatConfig = {
    /// d, width of the node features.
    Inputs: int
    /// Width of a head; heads * Hidden is even.
    Hidden: int
    Classes: int
    /// Convolutions; all but the first and the last are reversible blocks.
    Layers: int
    Heads: int
    InputDropout: float
    /// Dropped share of each hidden layer; one mask serves all layers.
    HiddenDropout: float
    AttentionDropout: float
    /// Share of the edges that have no part in a layer's softmax.
    EdgeDropout: float
    /// Whether the target's own row has a say in its edges' scores.
    TargetAttention: bool
    /// Whether the features are normalised over the nodes first.
    InputNorm: bool
    /// Whether the backward pass makes a block's inputs again from its outputs, so that memory does not grow with depth;
    /// else the tape holds every block.
    Recompute: bool
}

/// Li et al. 2021: GAT in grouped reversible blocks of two halves, y1 = x1 + f1(x2), y2 = x2 + f2(y1), so that
/// x2 = y2 - f2(y1) and x1 = y1 - f1(x2). Names: convs.k.lin_src, .att_src, .att_dst, .lin_res, of blocks behind
/// convs.k.Fms.i, with norms.
module RevGat =
    let private conv k = $"convs.%d{k}"
    let private half k i = $"%s{conv k}.Fms.%d{i}"

    /// A convolution with a linear residual and no bias.
    let private convolutionWeights (config: RevGatConfig) name heads width inputs = [
        let bound = sqrt 2.0 * GnnWeight.glorotBound inputs (heads * width)

        for matrix in [ "lin_src"; "lin_res" ] do
            GnnWeight.other $"%s{name}.%s{matrix}.weight" [ heads * width; inputs ] (Uniform bound)

        for part in
            [
                "att_src"
                if config.TargetAttention then
                    "att_dst"
            ] do
            GnnWeight.other
                $"%s{name}.%s{part}"
                [ 1; heads; width ]
                (Uniform(sqrt 2.0 * GnnWeight.glorotBound heads width))
    ]

    let private weights (config: RevGatConfig) = [
        let hidden = config.Heads * config.Hidden

        if config.InputNorm then
            yield! GnnWeight.batchNorm "input_norm" config.Inputs

        yield! convolutionWeights config (conv 0) config.Heads config.Hidden config.Inputs

        for k in 1 .. config.Layers - 2 do
            for i in 0..1 do
                yield! GnnWeight.batchNorm $"%s{half k i}.norm" (hidden / 2)
                yield! convolutionWeights config (half k i) 1 (hidden / 2) (hidden / 2)

        yield! GnnWeight.batchNorm "norm" hidden
        yield! convolutionWeights config (conv (config.Layers - 1)) 1 config.Classes hidden
        GnnWeight.zeros "bias_last.bias" config.Classes
    ]

    /// Scores : [e; h] with a share of edges at -infinity, which have no part in the softmax.
    let private dropEdges (pass: GnnPass) share (scores: Tensor) =
        match pass.Dropping share with
        | struct (0.0, _) -> scores
        | struct (share, seed) ->
            let kept = Ops.Dropout(torch.ones ([| scores.shape[0]; 1L |], device = scores.device), share, seed)
            scores.masked_fill (kept.eq (0.0.ToScalar()), (-infinity).ToScalar())

    let private convolve (config: RevGatConfig) name (pass: GnnPass) (edges: EdgeIndex) (x: NodeFeatures) =
        let attention: Tensor = pass[$"%s{name}.att_src"]
        let heads, width = attention.shape[1], attention.shape[2]
        let messages = NodeFeatures.linear pass[$"%s{name}.lin_src.weight"] x
        let byHead = messages.reshape [| -1L; heads; width |]
        let source = byHead.mul(attention).sum(-1L) // [n; heads]

        let target =
            if config.TargetAttention then
                byHead.mul(pass[$"%s{name}.att_dst"]).sum(-1L)
            else
                torch.zeros_like (source, requires_grad = false)

        let scores = GraphOps.GatScores(edges, source, target, Gat.slope) |> dropEdges pass config.EdgeDropout
        let y = Gat.attend pass config.AttentionDropout edges scores messages true
        y.add (NodeFeatures.linear pass[$"%s{name}.lin_res.weight"] x)

    /// One mask, for all layers: the share that it drops, and its seed.
    [<Struct>]
    type private SharedMask = { Share: float; Seed: int64 }

    /// f_i of block k : [n; d/2] -> [n; d/2].
    let private branch config (pass: GnnPass) (mask: SharedMask) edges k i (x: Tensor) =
        let hidden = (pass.BatchNorm $"%s{half k i}.norm" x).relu()
        let hidden = if mask.Share > 0.0 then Ops.Dropout(hidden, mask.Share, mask.Seed) else hidden
        convolve config (half k i) pass edges (Dense hidden)

    let private halves (x: Tensor) =
        let d = x.shape[1] / 2L
        x.narrow (1L, 0L, d), x.narrow (1L, d, d)

    /// Blocks number 1, 2, … : [n; d] -> [n; d].   f : block, half, input -> output
    let private outputs last (f: int -> int -> Tensor -> Tensor) (x: Tensor) =
        let block (x1: Tensor, x2: Tensor) k =
            Scope.freeing (fun (y1, y2) -> [ y1; y2 ]) (fun () ->
                let y1 = x1.add (f k 0 x2)
                y1, x2.add (f k 1 y1))

        let rec run k (x1: Tensor, x2: Tensor) =
            if k > last then
                torch.cat ([| x1; x2 |], 1L)
            else
                let next = block (x1, x2) k
                x1.Dispose()
                x2.Dispose()
                run (k + 1) next

        run 1 (halves x)

    /// The gradients of the blocks' input and of every weight of theirs, by name, from their output and its gradient.
    ///   weights : block, half -> names and leaves
    let private gradients
        last
        (f: int -> int -> Tensor -> Tensor)
        (weights: int -> int -> (string * Tensor) list)
        (y: Tensor)
        (dy: Tensor)
        =
        let found = Dictionary<string, Tensor>()

        /// f_i of x, and given f_i's gradient those of x and, into `found`, of its weights.
        let apply k i (x: Tensor) (slope: Tensor) =
            let x = x.detach().requires_grad_ true
            let value = f k i x
            let names, leaves = weights k i |> List.unzip
            let inputs = x :: leaves |> List.toArray
            let all = torch.autograd.grad ([| value |], inputs, [| slope |])
            names |> List.iteri (fun at name -> found[name] <- all[at + 1].MoveToOuterDisposeScope())
            value.detach (), all[0]

        let block k (y1: Tensor, y2: Tensor, dy1: Tensor, dy2: Tensor) =
            Scope.freeing (fun (x1, x2, dx1, dx2) -> [ x1; x2; dx1; dx2 ]) (fun () ->
                let value2, down1 = apply k 1 y1 dy2
                let x2, dx1 = y2.sub value2, dy1.add down1
                let value1, down2 = apply k 0 x2 dx1
                y1.sub value1, x2, dx1, dy2.add down2)

        let rec run k ((y1, y2, dy1, dy2) as state) =
            if k = 0 then
                torch.cat ([| dy1; dy2 |], 1L), found
            else
                let next = block k state

                for tensor: Tensor in [ y1; y2; dy1; dy2 ] do
                    tensor.Dispose()

                run (k - 1) next

        let y1, y2 = halves y
        let dy1, dy2 = halves dy
        run last (y1, y2, dy1, dy2)

    let gnn (config: RevGatConfig) : Gnn =
        let all = weights config
        let last = config.Layers - 2

        let trained k i = [
            for weight in all do
                if weight.Role = Trains && weight.Name.StartsWith $"%s{half k i}." then
                    weight.Name
        ]

        let names = [|
            for k in 1..last do
                for i in 0..1 do
                    yield! trained k i
        |]

        let reversible (pass: GnnPass) mask edges (x: Tensor) =
            // Far from the other places, and the same when it is run again.
            let f still k i (x: Tensor) =
                branch config (pass.At(1000L + 16L * int64 (2 * k + i), still)) mask edges k i x

            if not config.Recompute then
                outputs last (f false) x
            else
                let leaves: Tensor[] = names |> Array.map (fun name -> pass[name])

                let backward (y: Tensor) (dy: Tensor) =
                    let weights k i = trained k i |> List.map (fun name -> name, pass[name])
                    let dx, found = gradients last (f true) weights y dy
                    Array.append [| dx |] (names |> Array.map (fun name -> found[name])) :> IReadOnlyList<Tensor | null>

                TapeFunction.Apply(Array.append [| x |] leaves, (fun () -> outputs last (f false) x), backward)

        let forward (pass: GnnPass) (graph: GraphTensors) (x: NodeFeatures) =
            let edges = graph.LoopedEdges

            let x =
                if config.InputNorm then
                    Dense(pass.BatchNorm "input_norm" (NodeFeatures.toDense x))
                else
                    x

            let x = x |> pass.DropFeatures config.InputDropout |> convolve config (conv 0) pass edges
            let struct (share, seed) = pass.Dropping config.HiddenDropout
            let x = reversible pass { Share = share; Seed = seed } edges x
            let hidden = (pass.BatchNorm "norm" x).relu()
            let hidden = if share > 0.0 then Ops.Dropout(hidden, share, seed) else hidden
            pass.Represent(fun () -> hidden)
            (convolve config (conv (config.Layers - 1)) pass edges (Dense hidden)).add pass["bias_last.bias"]

        Gnn.ofForward config.Classes all forward
