namespace Glem.Bench

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open Glem
open TorchSharp

/// Tokens a second, by the clock and by processor time.
type Rate = {
    PerSecond: float
    PerProcessorSecond: float
}

module Rate =
    let ofWork (work: Work) = {
        PerSecond = float work.Tokens / work.Cost.Wall
        PerProcessorSecond = float work.Tokens / work.Cost.Processor
    }

/// PyTorch's side: bench/peers/bert.py on texts of the same lengths.
module Peer =
    let rec private root (folder: DirectoryInfo) =
        if File.Exists(Path.Combine(folder.FullName, "Glem.Fs.sln")) then
            folder.FullName
        else
            root (nonNull folder.Parent)

    /// Its rates by (job, setting). Raises where the script fails.
    let measure (python: string) (shape: Shape) : ((string * string) * Rate) list =
        let file = Path.GetTempFileName()
        File.WriteAllText(file, String.Join(",", Shape.lengths shape))
        let script = Path.Combine(root (DirectoryInfo AppContext.BaseDirectory), "bench", "peers", "bert.py")

        let arguments = [
            "threads", torch.get_num_threads ()
            "layers", shape.Layers
            "width", shape.Hidden
            "heads", shape.Heads
            "intermediate", shape.Intermediate
            "vocabulary", shape.Vocabulary
            "longest", shape.Longest
            "batch", shape.Batch
            "padded-steps", shape.PaddedSteps
        ]

        let words = arguments |> List.collect (fun (name, value) -> [ $"--%s{name}"; string value ])
        let info = ProcessStartInfo(python, [ script; "--lengths"; file ] @ words)
        info.RedirectStandardOutput <- true
        use run = Process.Start info |> nonNull
        let lines = run.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)
        run.WaitForExit()
        File.Delete file

        if run.ExitCode <> 0 then
            failwith $"%s{script} ended with %d{run.ExitCode}"

        [
            for line in lines do
                use json = JsonDocument.Parse line
                let text (key: string) = json.RootElement.GetProperty(key).GetString() |> nonNull
                let number (key: string) = json.RootElement.GetProperty(key).GetDouble()

                (text "job", text "setting"),
                {
                    PerSecond = number "tokensPerSecond"
                    PerProcessorSecond = number "tokensPerProcessorSecond"
                }
        ]
