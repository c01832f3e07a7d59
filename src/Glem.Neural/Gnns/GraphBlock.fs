namespace Glem

open TorchSharp
open Glem.Torch.Extensions

/// What one layer of a graph network reads of a larger graph: b target nodes, and their in-edges or a sample of these. Its m
/// nodes have numbers of their own, and the first b of them are the targets.
///   Nodes : [m], numbers in the larger graph   Degrees : [m], in-edges there
///   Offsets : [b+1], target i's in-edges are Offsets[i] .. Offsets[i+1]-1
///   Sources : [e], each target's in the order of the larger graph: sums then repeat its own
type GraphBlock = {
    Nodes: int[]
    Degrees: int[]
    Offsets: int[]
    Sources: int[]
} with

    member this.NodeCount = this.Nodes.Length
    member this.TargetCount = this.Offsets.Length - 1

/// A block as tensors. Where edges are a sample, sums are estimated without bias: an in-edge that was drawn stands for
/// degree / drawn of its target's. A mean over the drawn is that already; D^-1/2 A D^-1/2 has its degrees from the larger graph
/// (Chen et al. 2018, FastGCN, weigh so too; PyG counts degrees in the sample, where the outermost nodes have none). Attention
/// is over the drawn. Of a block with all in-edges every form is the larger graph's own.
module GraphBlock =
    /// Rows of a matrix [b; m] and of its transpose.   Order : [e], where an entry of the transpose lies among Sources
    type private Rows = {
        Offsets: int[]
        Sources: int[]
        TransposedOffsets: int[]
        TransposedTargets: int[]
        Order: int[]
    }

    let private rows m (offsets: int[]) (sources: int[]) =
        let transposedOffsets = Edges.offsets m sources
        let next = Array.sub transposedOffsets 0 m
        let targets, order = Array.zeroCreate sources.Length, Array.zeroCreate sources.Length

        for target in 0 .. offsets.Length - 2 do
            for edge in offsets[target] .. offsets[target + 1] - 1 do
                let at = next[sources[edge]]
                next[sources[edge]] <- at + 1
                targets[at] <- target
                order[at] <- edge

        {
            Offsets = offsets
            Sources = sources
            TransposedOffsets = transposedOffsets
            TransposedTargets = targets
            Order = order
        }

    let private plain (block: GraphBlock) = rows block.NodeCount block.Offsets block.Sources

    /// With a self-loop for every target, where the order of the larger graph has it.
    let private looped (block: GraphBlock) =
        let offsets = block.Offsets |> Array.mapi (fun i offset -> offset + i)
        let sources = Array.zeroCreate (block.Sources.Length + block.TargetCount)

        for target in 0 .. block.TargetCount - 1 do
            let first, past = block.Offsets[target], block.Offsets[target + 1]
            let mutable loop = first

            while loop < past && block.Nodes[block.Sources[loop]] < block.Nodes[target] do
                loop <- loop + 1

            Array.blit block.Sources first sources (first + target) (loop - first)
            sources[loop + target] <- target
            Array.blit block.Sources loop sources (loop + target + 1) (past - loop)

        rows block.NodeCount offsets sources

    let private propagation device (rows: Rows) (values: float32[]) : Propagation =
        let keep = Scope.kept device

        {
            RowOffsets = keep (fun () -> torch.tensor rows.Offsets)
            Columns = keep (fun () -> torch.tensor rows.Sources)
            Values = keep (fun () -> torch.tensor values)
            TransposedRowOffsets = keep (fun () -> torch.tensor rows.TransposedOffsets)
            TransposedColumns = keep (fun () -> torch.tensor rows.TransposedTargets)
            TransposedValues = keep (fun () -> rows.Order |> Array.map (fun e -> values[e]) |> torch.tensor)
            ByRow = false
        }

    let private index device (rows: Rows) =
        let keep (values: int[]) = Scope.kept device (fun () -> torch.tensor values)

        new EdgeIndex(
            keep rows.Offsets,
            keep rows.Sources,
            keep rows.TransposedOffsets,
            keep rows.TransposedTargets,
            keep rows.Order
        )

    /// A value for each edge of some rows : [e].   value : target, source, edges drawn for the target
    let private values (block: GraphBlock) (rows: Rows) value =
        let values = Array.zeroCreate<float32> rows.Sources.Length

        for target in 0 .. block.TargetCount - 1 do
            let drawn = float (block.Offsets[target + 1] - block.Offsets[target])

            for edge in rows.Offsets[target] .. rows.Offsets[target + 1] - 1 do
                values[edge] <- float32 (value target rows.Sources[edge] drawn: float)

        values

    /// D^-1/2 A D^-1/2 with the larger graph's degrees, counting `loops` self-loops a node.
    let private normalised device loops (block: GraphBlock) rows =
        let scale =
            block.Degrees
            |> Array.map (fun degree -> if degree + loops > 0 then 1.0 / sqrt (float (degree + loops)) else 0.0)

        values block rows (fun target source drawn ->
            let standsFor = if source = target then 1.0 else float block.Degrees[target] / drawn
            scale[target] * standsFor * scale[source])
        |> propagation device rows

    /// The block in the forms that layers read. The caller owns it.
    let tensors (device: torch.Device) (block: GraphBlock) =
        new GraphTensors(
            device,
            block.NodeCount,
            block.TargetCount,
            {
                Symmetric = fun () -> normalised device 1 block (looped block)
                SymmetricWithoutLoops = fun () -> normalised device 0 block (plain block)
                Mean =
                    fun () ->
                        let rows = plain block
                        values block rows (fun _ _ drawn -> 1.0 / drawn) |> propagation device rows
                Edges = fun () -> plain block |> index device
                LoopedEdges = fun () -> looped block |> index device
            }
        )
