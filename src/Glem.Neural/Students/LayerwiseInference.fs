namespace Glem

open System
open System.Collections.Generic
open TorchSharp

/// A stack of layers on a graph whose activations may be more than memory holds: layer by layer over all nodes, in blocks of
/// target rows with all of their in-edges (Hamilton, Ying & Leskovec 2017's algorithm 1; PyG's BasicGNN.inference). What it
/// answers is Gnn.forward's but for rounding. Two layers' activations exist at a time, in files where they are more than the
/// memory budget, and of the others one block.
module LayerwiseInference =
    /// Rows and in-edges of a block, which is at least one row.
    let blockSize = 1 <<< 17

    /// The nodes cut into blocks.   most : rows and in-edges of one
    let private cut most (edges: Csr) (nodes: int[]) : int[][] =
        let starts = List<int>()
        let mutable filled = 0

        for at in 0 .. nodes.Length - 1 do
            let size = 1 + edges.Degree(nodes[at] * 1<node>)

            if at = 0 || filled + size > most then
                starts.Add at
                filled <- 0

            filled <- filled + size

        starts.Add nodes.Length

        starts.ToArray()
        |> Array.pairwise
        |> Array.map (fun (first, past) -> Array.sub nodes first (past - first))

    /// One layer's rows of some nodes : [k; outputs].   x : nodes -> their rows [m; inputs]
    let private apply compute most (edges: Csr) p (layer: GnnLayer) (x: int[] -> Tensor) (nodes: int[]) : Vectors =
        let run (targets: int[]) : float32[] =
            Scope.freeingAll (fun () ->
                let block = NeighbourSampler.sample edges [ -1 ] (Key.ofSeed 0) targets |> SampledGraph.block 0
                use graph = GraphBlock.tensors compute.Device block
                let y = layer (GnnPass(p, Evaluating)) graph (Dense(x block.Nodes))
                y.cpu().contiguous().data<float32>().ToArray())

        let blocks = cut most edges nodes
        let head = run blocks[0]
        let width = head.Length / blocks[0].Length

        Vectors.build compute.Memory nodes.Length width (fun write ->
            let writeAll first (rows: float32[]) =
                for at in 0 .. rows.Length / width - 1 do
                    write (first + at) (ReadOnlyMemory(rows, at * width, width))

            writeAll 0 head

            (blocks[0].Length, Array.tail blocks)
            ||> Array.fold (fun first block ->
                run block |> writeAll first
                first + block.Length)
            |> ignore)

    /// `logits` in blocks of another size.   most : rows and in-edges of a block
    let internal logitsBy most compute (layers: GnnLayer list) (edges: Csr) p (x: int[] -> Tensor) (nodes: int[]) =
        use _ = torch.no_grad ()
        let all = Array.init edges.NodeCount id
        let inner, last = List.take (layers.Length - 1) layers, List.last layers

        let hidden =
            inner
            |> List.fold (fun x layer -> apply compute most edges p layer x all |> NodeRows.ofVectors compute.Device) x

        (apply compute most edges p last hidden nodes).ToArray()

    /// The class logits of some nodes, row-major : [k; c].   edges : rows of in-edges   x : nodes -> their features [m; d]
    let logits (compute: Compute) layers edges (p: Parameters) x nodes =
        logitsBy blockSize compute layers edges p x nodes

    /// The same where features and labels are given, each node's own label hidden from it.
    let answer compute (gnn: Gnn) layers edges p (inputs: NodeInputs) (nodes: int[]) : float32[] =
        let ask hides nodes = logits compute layers edges p (NodeRows.ofInputs compute.Device inputs hides) nodes

        match inputs.Labels with
        | None -> ask (fun _ -> false) nodes
        | Some labels ->
            let folds, c = LabelInput.folds labels, gnn.Classes
            let rows = Array.zeroCreate (nodes.Length * c)

            for fold, places in [| 0 .. nodes.Length - 1 |] |> Array.groupBy (fun at -> folds[nodes[at]]) do
                let answers = places |> Array.map (fun at -> nodes[at]) |> ask (fun node -> folds[node] = fold)
                places |> Array.iteri (fun i at -> Array.blit answers (i * c) rows (at * c) c)

            rows

    /// The posterior of every node. Raises GlemException where the network is no stack of layers.
    let predict compute (gnn: Gnn) (edges: Csr) (inputs: NodeInputs) (weights: Weights) : Posterior<Gnn> =
        let layers = Gnn.layers gnn |> Result.orRaise
        use p = Parameters.Create(compute, Gnn.role gnn, weights)

        answer compute gnn layers edges p inputs (Array.init edges.NodeCount id)
        |> Posterior.ofLogits gnn.Classes
