// What does depth cost RevGAT? Memory and time of one training step on dotnet-api's graph, with and without making a block's
// inputs again in the backward pass.
// ./glem doctor && dotnet fsi scripts/deep-gnn.fsx [-- --quick]     1 min, 2 cores, 3 GB; writes nothing
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

/// Peak resident memory of this process since it was last reset, MB (Linux).
let peak () =
    let line = File.ReadLines "/proc/self/status" |> Seq.find _.StartsWith("VmHWM")
    float (line.Split([| ' '; '\t' |], System.StringSplitOptions.RemoveEmptyEntries)[1]) / 1024.0

let reset () = File.WriteAllText("/proc/self/clear_refs", "5")

let measure recompute layers =
    let gnn = RevGat.gnn { Inputs = 256; Hidden = 32; Classes = classes; Layers = layers; Heads = 2; InputDropout = 0.25; HiddenDropout = 0.5
                           AttentionDropout = 0.0; EdgeDropout = 0.3; TargetAttention = false; InputNorm = true; Recompute = recompute }
    use p = Parameters.Create(compute, Gnn.role gnn, GraphModel.initial (Key.ofSeed 1) gnn)
    use x = torch.randn([| int64 n; 256L |]).DetachFromDisposeScope()
    let step seed = Scope.freeingAll (fun () -> (Gnn.forward gnn p (Training seed) graph (Dense x)).square().mean().backward())
    step 1L
    reset ()
    let clock = Stopwatch.StartNew()
    step 2L
    printfn $"| {layers} | {recompute} | %.0f{peak ()} | %.2f{clock.Elapsed.TotalSeconds} |"

// Memory that one model has freed stays with the process: the frugal ones go first, the shallow ones before the deep.
printfn "| layers | made again | peak, MB | s |\n|---|---|---|---|"
for recompute in [ true; false ] do
    depths |> List.iter (measure recompute)
