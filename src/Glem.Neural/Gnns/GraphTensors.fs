namespace Glem

open System
open TorchSharp
open Glem.Torch.Extensions

/// A graph on a device, in the forms that graph networks read it. A form is made when it is first asked for, and kept.
/// Owns its tensors.
[<Sealed>]
type GraphTensors(device: torch.Device, edges: Edges) =
    let symmetric = lazy (Edges.withRemainingLoops 1f edges |> Propagation.normalised device)
    let bare = lazy (Propagation.normalised device edges)
    let mean = lazy (Propagation.mean device edges)
    let index = lazy (Edges.index device edges)
    let looped = lazy (Edges.withNewLoops edges |> Edges.index device)

    member _.Device = device

    /// n.
    member _.NodeCount = edges.NodeCount

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
