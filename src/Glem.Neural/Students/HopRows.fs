namespace Glem

open TorchSharp
open Glem.Torch.Extensions

/// What a decoupled network reads of every node, made once: each part holds some hops of n nodes side by side.
type internal HopRows = private {
    parts: Vectors list
    /// Columns of a hop.
    width: int
}

module internal HopRows =
    /// Columns that are propagated at a time: all hops of them, and as much again, are within the budget.
    let private columns (memory: MemoryBudget) (hops: Hops) (x: Vectors) =
        let column = 4L * int64 x.Count * int64 (2 * (hops.Count + 1))
        memory.Vectors / column |> max 1L |> min (int64 x.Width) |> int

    /// Hops as vectors, [n; hops * d], from a function of a block of columns, [n; w] to hops of [n; w].
    let private build (compute: Compute) (hops: Hops) (x: Vectors) count (spread: Tensor -> Tensor list) =
        let rows = Array.init x.Count id
        let size = columns compute.Memory hops x
        use _ = torch.no_grad ()

        Vectors.buildByColumns compute.Memory x.Count (count * x.Width) (fun write ->
            for first in 0..size .. x.Width - 1 do
                Scope.freeingAll (fun () ->
                    let block = (Vectors.some rows first (min size (x.Width - first)) x).``to`` compute.Device

                    for k, hop in spread block |> List.indexed do
                        write (k * x.Width + first) (hop.cpu().contiguous())))

    /// Hops of x : [n; d], a block of columns at a time. The numbers do not depend on the budget.
    let ofFeatures (compute: Compute) (graph: GraphTensors) (hops: Hops) (x: Vectors) : HopRows =
        let parts =
            if hops.Count = 0 then
                [ x ]
            elif hops.LastOnly then
                [ build compute hops x 1 (Hops.spread graph hops) ]
            else
                // x itself is there already.
                [ x; build compute hops x hops.Count (Hops.spread graph hops >> List.tail) ]

        { parts = parts; width = x.Width }

    /// Hops of label distributions : [n; c]. A node's rows are those of the graph in which the labels of all of its fold are
    /// blanked out, so that its own is in none of its numbers, neither in training nor in prediction.
    let ofLabels (compute: Compute) (graph: GraphTensors) (hops: Hops) (labels: LabelRows) : HopRows =
        let folds = LabelInput.folds labels

        // Every fold's members : [k] each, and a column that blanks them out : [n; 1].
        let inFold = [
            for fold in 0 .. labels.Folds - 1 ->
                [|
                    for i in 0 .. folds.Length - 1 do
                        if folds[i] = fold then
                            int64 i
                |],
                folds |> Array.map (fun own -> if own = fold then 0f else 1f)
        ]

        let spread (block: Tensor) =
            let own = [ for _ in 1 .. Hops.kept hops -> torch.zeros_like block ]

            for members, shown in inFold do
                Scope.freeingAll (fun () ->
                    let shown = torch.tensor(shown).reshape([| -1L; 1L |]).``to`` compute.Device
                    let members = torch.tensor(members).``to`` compute.Device

                    for own, hop in block.mul shown |> Hops.spread graph hops |> List.zip own do
                        own.index_copy_ (0L, members, hop.index_select (0L, members)) |> ignore)

            own

        let x = Vectors.ofArray labels.Classes labels.Rows

        {
            parts = [ build compute hops x (Hops.kept hops) spread ]
            width = x.Width
        }

    /// Some nodes' rows of every hop, each [b; d]. The caller's dispose scope owns them.
    let gather (compute: Compute) (nodes: int[]) (rows: HopRows) : Tensor list = [
        for part in rows.parts do
            let together = (Vectors.some nodes 0 part.Width part).``to`` compute.Device

            for k in 0 .. part.Width / rows.width - 1 do
                together.narrow (1L, int64 (k * rows.width), int64 rows.width)
    ]
