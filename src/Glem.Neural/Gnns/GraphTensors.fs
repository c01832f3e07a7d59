namespace Glem

open System
open TorchSharp
open Glem.Torch.Extensions

/// How a graph's forms are made.
type internal GraphForms = {
    Symmetric: unit -> Propagation
    SymmetricWithoutLoops: unit -> Propagation
    Mean: unit -> Propagation
    Edges: unit -> EdgeIndex
    LoopedEdges: unit -> EdgeIndex
}

/// A graph on a device, in the forms that graph networks read it. A form is made when it is first asked for, and kept.
/// Owns its tensors.
[<Sealed>]
type GraphTensors internal (device: torch.Device, nodes: int, targets: int, forms: GraphForms) =
    let symmetric = lazy (forms.Symmetric())
    let bare = lazy (forms.SymmetricWithoutLoops())
    let mean = lazy (forms.Mean())
    let index = lazy (forms.Edges())
    let looped = lazy (forms.LoopedEdges())

    new(device: torch.Device, edges: Edges) =
        // The arrays that a form was made of are as large as the form. They go at once, and not when they happen to.
        let form (make: unit -> 'form) () =
            let made = make ()

            if edges.Count >= GraphTensors.ManyEdges then
                TensorMemory.GiveBack().Dispose()

            made

        let forms = {
            Symmetric = form (fun () -> Edges.withRemainingLoops 1f edges |> Propagation.normalised device)
            SymmetricWithoutLoops = form (fun () -> Propagation.normalised device edges)
            Mean = form (fun () -> Propagation.mean device edges)
            Edges = form (fun () -> Edges.index device edges)
            LoopedEdges = form (fun () -> Edges.withNewLoops edges |> Edges.index device)
        }

        new GraphTensors(device, edges.NodeCount, edges.NodeCount, forms)

    /// Edges from which what a form was made of is worth a collection.
    static member private ManyEdges = 1 <<< 20

    member _.Device = device

    /// n: sources of edges.
    member _.NodeCount = nodes

    /// Targets of edges, the first of the nodes: all of them but on a part of a larger graph (GraphBlock).
    member _.TargetCount = targets

    /// D^-1/2 (A + I) D^-1/2 (Kipf & Welling 2017), one self-loop a node.
    member _.Symmetric = symmetric.Value

    /// D^-1/2 A D^-1/2, no self-loop added.
    member _.SymmetricWithoutLoops = bare.Value

    /// D^-1 A, the mean over a node's in-edges.
    member _.Mean = mean.Value

    /// In-edges as they are.
    member _.Edges = index.Value

    /// In-edges with one self-loop a node.
    member _.LoopedEdges = looped.Value

    interface IDisposable with
        member _.Dispose() =
            for propagation in [ symmetric; bare; mean ] do
                if propagation.IsValueCreated then
                    (propagation.Value :> IDisposable).Dispose()

            for index in [ index; looped ] do
                if index.IsValueCreated then
                    index.Value.Dispose()

module GraphTensors =
    /// A graph whose rows hold the sources of their in-edges. The caller owns it.
    let ofCsr (device: torch.Device) (edges: Csr) = new GraphTensors(device, Edges.ofCsr edges)
