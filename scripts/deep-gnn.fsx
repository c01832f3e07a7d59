// What does depth cost RevGAT? Memory and time of one training step on dotnet-api's graph, with and without making a block's
// inputs again in the backward pass.
// ./glem doctor && dotnet fsi scripts/deep-gnn.fsx [-- --quick]     1 min, 2 cores, 2 GB; writes nothing
#load "Glem.fsx"
open System.Diagnostics
open System.IO
open Glem
open TorchSharp

let depths = if Array.contains "--quick" fsi.CommandLineArgs then [ 3; 6 ] else [ 3; 10; 30; 100 ]
let dataset = Datasets.find "dotnet-api" |> Script.orExit
let n, classes = dataset.Graph.NodeCount, dataset.ClassNames.Length
let graph = GraphTensors.ofCsr torch.CPU dataset.Graph.Edges
let compute = { Compute.automatic () with Device = torch.CPU; Precision = Precision.Float32 }

/// Peak resident memory since it was last reset, MB: Linux counts it for each process.
let peak () =
    File.ReadLines "/proc/self/status" |> Seq.find _.StartsWith("VmHWM") |> _.Split(' ') |> Seq.filter ((<>) "")
    |> Seq.item 1 |> float |> (fun kilobytes -> kilobytes / 1024.0)

let reset () = File.WriteAllText("/proc/self/clear_refs", "5")

printfn "| layers | parameters | made again: MB | s | kept on the tape: MB | s |\n|---|---|---|---|---|---|"

for layers in depths do
    let measure recompute =
        let gnn = RevGat.gnn { Inputs = 256; Hidden = 16; Classes = classes; Layers = layers; Heads = 2; InputDropout = 0.25; HiddenDropout = 0.5
                               AttentionDropout = 0.0; EdgeDropout = 0.3; TargetAttention = false; InputNorm = true; Recompute = recompute }
        use p = Parameters.Create(compute, Gnn.role gnn, GraphModel.initial (Key.ofSeed 1) gnn)
        use x = torch.randn([| int64 n; 256L |]).DetachFromDisposeScope()
        let step () = Scope.freeingAll (fun () -> (Gnn.forward gnn p (Training 1L) graph (Dense x)).square().mean().backward())
        step ()
        reset ()
        let before, clock = peak (), Stopwatch.StartNew()
        step ()
        peak () - before, clock.Elapsed.TotalSeconds, p.Masters |> Seq.sumBy _.numel()
    let again, seconds, parameters = measure true
    let kept, keptSeconds, _ = measure false
    printfn $"| {layers} | %d{parameters} | %.0f{again} | %.1f{seconds} | %.0f{kept} | %.1f{keptSeconds} |"
