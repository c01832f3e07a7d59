namespace Glem

open System
open System.IO
open System.Reflection
open System.Runtime.InteropServices
open System.Text.Json
open Glem.Torch.Extensions

/// What a run writes down about itself and its machine.
module RunRecord =
    let private card (dataset: Dataset) : DatasetCard =
        let count part = (Split.nodes part dataset.Split).Length
        let words (text: string) = text.Split(Array.empty<char>, StringSplitOptions.RemoveEmptyEntries).Length

        {
            Name = dataset.Info.Name
            Fingerprint = dataset.Fingerprint
            Licence = Some dataset.Info.Licence
            Source = Some dataset.Info.Source
            Nodes = dataset.Graph.NodeCount
            Edges = dataset.Graph.Edges.EdgeCount / 2
            Classes = List.ofArray dataset.ClassNames
            TrainNodes = count Train
            ValidNodes = count Valid
            TestNodes = count Test
            SplitPolicy = Some dataset.Info.SplitPolicy
            EdgeHomophily = Audit.edgeHomophily dataset.Graph.Edges dataset.Audit |> ValueOption.toOption
            WordsPerNode = Some(dataset.Graph.Texts |> Array.averageBy (words >> float))
        }

    let versions () : Versions =
        let assembly = Assembly.GetExecutingAssembly()

        // The SDK appends "+commit" where it knows it.
        let version, commit =
            match assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>() with
            | null -> string (assembly.GetName().Version), None
            | attribute ->
                match attribute.InformationalVersion.Split '+' with
                | [| version; commit |] -> version, Some commit
                | parts -> parts[0], None

        {
            Glem = version
            Commit = commit
            DotNet = string Environment.Version
            LibTorch = Engine.Version
        }

    let machine (compute: Compute) : Machine =
        let cpu =
            if File.Exists "/proc/cpuinfo" then
                File.ReadLines "/proc/cpuinfo"
                |> Seq.tryFind _.StartsWith("model name")
                |> Option.map (fun line -> line.Substring(line.IndexOf ':' + 1).Trim())
            else
                None

        {
            Cpu = cpu |> Option.defaultValue (string RuntimeInformation.ProcessArchitecture)
            Threads = Engine.Threads
            Compute = Compute.describe compute
            // The core that OpenBLAS chose its kernels for decides the last bits of float32 products.
            Blas = $"%s{Engine.Blas} %s{Engine.OpenBlasCore}".TrimEnd()
            OperatingSystem = RuntimeInformation.OSDescription
        }

    let info (compute: Compute) (recipe: Recipe) (dataset: Dataset) seed command : RunInfo = {
        Recipe = recipe.Name
        Seed = seed
        Command = command
        Started = DateTimeOffset.UtcNow
        Dataset = card dataset
        Configuration = JsonSerializer.SerializeToElement(Settings.toJson recipe)
        Versions = versions ()
        Machine = machine compute
    }

    /// The process' largest resident set so far, MiB.
    let peakMemory () =
        use self = Diagnostics.Process.GetCurrentProcess()
        float self.PeakWorkingSet64 / 1048576.0
