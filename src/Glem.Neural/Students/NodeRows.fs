namespace Glem

open System
open System.Runtime.InteropServices
open TorchSharp

/// Some nodes' rows as new tensors, from vectors that may lie in a file. The caller's dispose scope owns them.
module NodeRows =
    /// [k; width].   write : position among the nodes, its row
    let private gather (device: torch.Device) width (nodes: int[]) (write: int -> Memory<float32> -> unit) : Tensor =
        Scope.freeing Seq.singleton (fun () ->
            let all = torch.empty ([| int64 nodes.Length; int64 width |], torch.ScalarType.Float32)
            let row = Array.zeroCreate<float32> width
            // A tensor's bytes are one span, which ends at 2^31.
            let part = Vectors.SegmentRows width

            for first in 0..part .. nodes.Length - 1 do
                let rows = min part (nodes.Length - first)
                let bytes = all.narrow(0L, int64 first, int64 rows).bytes
                let floats = MemoryMarshal.Cast<byte, float32> bytes

                for at in 0 .. rows - 1 do
                    write (first + at) (Memory row)
                    row.AsSpan().CopyTo(floats.Slice(at * width, width))

            all.``to`` device)

    /// [k; d].
    let ofVectors device (vectors: Vectors) (nodes: int[]) =
        gather device vectors.Width nodes (fun at row -> vectors.Row(nodes[at]).CopyTo row.Span)

    /// What the graph model reads : [k; d], or [k; d + c] where it reads labels; those of the hidden nodes are blank.
    ///   hides : node -> bool
    let ofInputs device (inputs: NodeInputs) (hides: int -> bool) (nodes: int[]) =
        match inputs.Labels with
        | None -> ofVectors device inputs.Features nodes
        | Some labels ->
            let d, c = inputs.Width, labels.Classes

            gather device (d + c) nodes (fun at row ->
                let node = nodes[at]
                inputs.Features.Row(node).CopyTo row.Span

                if hides node then
                    row.Span.Slice(d, c).Clear()
                else
                    labels.Rows.AsSpan(node * c, c).CopyTo(row.Span.Slice(d, c)))
