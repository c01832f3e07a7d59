namespace Glem

open System
open System.IO
open System.Reflection
open System.Runtime.InteropServices

/// What computed an artifact, as far as it is known without loading the tensor engine.
module Provenance =
    /// Processor and operating system.
    let machine: Lazy<string> =
        lazy
            let cpu =
                if File.Exists "/proc/cpuinfo" then
                    File.ReadLines "/proc/cpuinfo"
                    |> Seq.tryFind _.StartsWith("model name")
                    |> Option.map (fun line -> line.Substring(line.IndexOf ':' + 1).Trim())
                else
                    None

            let cpu = cpu |> Option.defaultValue (string RuntimeInformation.ProcessArchitecture)
            $"%s{cpu}, %d{Environment.ProcessorCount} processors, %s{RuntimeInformation.OSDescription}"

    /// Glem's version and, where the SDK has appended it, the commit.
    let build: Lazy<string * string option> =
        lazy
            match Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>() with
            | null -> "unknown", None
            | attribute ->
                match attribute.InformationalVersion.Split '+' with
                | [| version; commit |] -> version, Some commit
                | parts -> parts[0], None

    /// The process' largest resident set so far, MiB, where the system tells.
    let peakMemory () =
        use self = Diagnostics.Process.GetCurrentProcess()
        let bytes = self.PeakWorkingSet64
        if bytes > 0L then Some(float bytes / 1048576.0) else None
