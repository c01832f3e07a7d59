// What does GraphSAGE on 10 neighbours a layer cost in accuracy, and save in memory, against the whole graph at once? TF-IDF, gold labels.
// ./glem doctor && dotnet fsi scripts/fan-outs.fsx [-- --seeds N --dataset D --quick]     10 min, 2 cores, 3 GB; writes nothing
#load "Glem.fsx"
open System.Diagnostics
open System.IO
open Glem

let options = Script.options<GnnsArguments> fsi.CommandLineArgs
let isQuick = options.Contains GnnsArguments.Quick
let dataset = options.GetResult(GnnsArguments.Dataset, "dotnet-api") |> Datasets.find |> Script.orExit
let compute = Compute.automatic ()

/// The quickstart's recipe with GraphSAGE: 100 steps on the whole graph, or 10 epochs of GLEM's own batches.
let recipe fanOuts =
    let start = if isQuick then Recipes.quick Recipes.quickstart else Recipes.quickstart
    let fit epochs batch rate =
        let epochs = if isQuick then epochs / 10.0 else epochs
        { start.GnnFit with Epochs = epochs; Batch = batch; Optimiser = { start.GnnFit.Optimiser with LearningRate = rate } }
    { start with
        Gnn = { start.Gnn with Model = GnnModel.Sage; FanOuts = fanOuts }
        GnnFit = if fanOuts.IsNone then fit 100.0 0 0.01 else fit 10.0 1024 0.003 }

/// Bytes that the process has held at most since it was last asked to forget; Linux tells.
let peak () =
    File.ReadLines "/proc/self/status"
    |> Seq.tryFind _.StartsWith("VmHWM")
    |> Option.map (fun line -> float (line.Split([| ' '; '\t' |], System.StringSplitOptions.RemoveEmptyEntries)[1]) * 1024.0)
    |> Option.defaultValue nan

let forget () =
    System.GC.Collect(2, System.GCCollectionMode.Aggressive, true, true)
    File.WriteAllText("/proc/self/clear_refs", "5")

let processor () = Process.GetCurrentProcess().TotalProcessorTime.TotalSeconds
let percent part p = 100.0 * (Predictions.onPart dataset.Audit part p |> Metrics.accuracy)

printfn "| fan-outs | seed | valid, %% | test, %% | processor, s | MB above the data |\n|---|---|---|---|---|---|"

for seed in 0 .. options.GetResult(GnnsArguments.Seeds, 1) - 1 do
    let study = Study.prepare compute (fun _ _ -> ()) (recipe None) dataset seed |> Script.orExit
    let features = study.Raw.Value

    for fanOuts in [ Some [ 10; 10 ]; None ] do
        forget ()
        let held, began = float (Process.GetCurrentProcess().WorkingSet64), processor ()
        let _, p = Study.gnnOnFeatures { study with Recipe = recipe fanOuts } features
        printfn
            $"| {Settings.show fanOuts} | {seed} | %.1f{percent Part.Valid p} | %.1f{percent Part.Test p} | %.0f{processor () - began} | %.0f{(peak () - held) / 1e6} |"
