// How do time and memory grow with the graph? A GNN's training on made-up graphs of 10^5, 10^6 and 10^7 edges, each in a
// process of its own, and with --debian one GLEM round on a real graph of 63,000 texts.
// ./glem doctor && dotnet fsi scripts/scaling.fsx [-- --debian --model M --edges E --hidden H --sampled --whole --out DIR --quick]
// 15 min, 2 cores, 8 GB; --debian up to 40 min more. Writes results/scaling
#load "Glem.fsx"
open System.Diagnostics
open System.IO
open Glem

let options = Script.options<ScalingArguments> fsi.CommandLineArgs
let quick = options.Contains ScalingArguments.Quick
let listed found otherwise = match found with [] -> otherwise | _ -> found
let models = listed (options.GetResults ScalingArguments.Model) [ "gcn"; "sage" ]
let sizes = listed (options.GetResults ScalingArguments.Edges) (if quick then [ 10_000; 100_000 ] else [ 100_000; 1_000_000; 10_000_000 ])
let widths = listed (options.GetResults ScalingArguments.Hidden) [ (if quick then 16 else 64) ]
let ways = [ if not (options.Contains ScalingArguments.Sampled) then false
             if not (options.Contains ScalingArguments.Whole) then true ]
let root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, ".."))

/// The line of one cell, measured in a process of its own.
let cell (model: string, hidden: int, sampled: bool, edges: int) =
    let arguments = [ "fsi"; Path.Combine(__SOURCE_DIRECTORY__, "scaling.fsx"); "--"; "--cell"; (if sampled then "--sampled" else "--whole"); "--model"; model; "--hidden"; string hidden; "--edges"; string edges ]
    use child = Process.Start(ProcessStartInfo("dotnet", (if quick then arguments @ [ "--quick" ] else arguments), RedirectStandardOutput = true))
    let out = child.StandardOutput.ReadToEnd()
    child.WaitForExit()
    match out.Split '\n' |> Array.tryPick StepCost.ofLine with
    | Some cost when child.ExitCode = 0 -> printfn $"{StepCost.toLine cost}"; cost
    | _ -> exit (max 1 child.ExitCode)

if options.Contains ScalingArguments.Cell then
    let model = Settings.setAll [ $"gnn.model={models.Head}" ] Recipes.quickstart |> Script.orExit
    let steps = if quick then 3 elif ways.Head then 20 else max 5 (min 30 (10_000_000 / sizes.Head))
    StepMeasurement.measure model.Gnn.Model ways.Head widths.Head sizes.Head steps |> Script.orExit |> StepCost.toLine |> printfn "%s"
else
    printfn $"{StepCost.header}"
    let costs = [ for model in models do for hidden in widths do for sampled in ways do for edges in sizes -> cell (model, hidden, sampled, edges) ]
    let rounds = [
        if options.Contains ScalingArguments.Debian then
            let run = Path.Combine(Path.GetTempPath(), $"glem-scaling-{Process.GetCurrentProcess().Id}")
            let arguments = [ "run"; "--recipe"; "quickstart"; "--dataset"; "debian"; "--set"; "rounds=1"; "--seed"; "0" ] @ (if quick then [ "--quick" ] else [])
            let code, cost = ProcessCost.ofProgram (Path.Combine(root, "glem")) (arguments @ [ "--out"; run ])
            if code <> 0 then exit code
            { Command = "./glem " + String.concat " " arguments; Cost = cost } ]
    let folder = options.GetResult(ScalingArguments.Out, Path.Combine(root, "results", "scaling"))
    let command = "dotnet fsi scripts/scaling.fsx" + (if fsi.CommandLineArgs.Length > 1 then " -- " + String.concat " " fsi.CommandLineArgs[1..] else "")
    ScalingReport.write folder (RunRecord.machine { Compute.automatic () with Precision = Precision.Float32 }) command costs rounds |> Script.orExit
    printfn "%s" (Path.Combine(folder, "report.md"))
