// Tokens a second of the quickstart's language model, in training and in inference, beside plain PyTorch on the same
// text lengths, the same machine and the same threads; rounds alternate between the two.
//   dotnet run -c Release --project bench/LanguageModel [-- rounds [python]]     (about two minutes a round)
module Glem.Bench.LanguageModel

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open Glem
open TorchSharp

let private batch, steps, vocabulary, classes, longest = 32, 48, 8192, 40, 256

/// Tokens of each text: log-normal about 105, cut at 256, as dotnet-api's; their mean is about 120.
let private lengths =
    let random = Random 0
    let normal () = sqrt (-2.0 * log (1.0 - random.NextDouble())) * cos (2.0 * Math.PI * random.NextDouble())
    Array.init (batch * steps) (fun _ -> Math.Clamp(int (105.0 * exp (0.65 * normal ())), 8, longest))

let private texts: TokenisedTexts =
    let random = Random 1

    lengths
    |> Array.map (fun length -> ReadOnlyMemory(Array.init length (fun _ -> random.Next(5, vocabulary))))

let private recipe: LmRecipe = {
    Pretrained = None
    Layers = 2
    Hidden = 128
    Heads = 4
    Intermediate = 512
    Dropout = 0.1
    AttentionDropout = 0.1
    Pooling = Mean
    Embedding = Mean
    Projection = 0
    HeadDropout = 0.1
    TokenDropout = 0.0
    MaxTokens = longest
    Vocabulary = vocabulary
    SplitIdentifiers = false
    GradientCheckpointing = false
    Freeze = {
        Embeddings = false
        Layers = 0
        Encoder = false
    }
    Lora = {
        Rank = 0
        Alpha = 16.0
        Dropout = 0.0
        Targets = []
    }
}

let private fit: FitRecipe = {
    Epochs = 1.0
    Batch = batch
    Accumulate = 1
    EvaluationsPerEpoch = 0.001
    Patience = 0
    LabelSmoothing = 0.0
    Optimiser = {
        Rule = Rule.AdamW
        LearningRate = 1e-4
        WeightDecay = 0.01
        Beta1 = 0.9
        Beta2 = 0.999
        Epsilon = 1e-8
        ClipNorm = 1.0
        WarmUp = 0.0
        Decay = false
        LayerDecay = 1.0
    }
}

let private tokens = Array.sum lengths
let private model = LanguageModel.ofRecipe recipe vocabulary 4 classes

let private start =
    LanguageModel.initialEncoder (Key.ofSeed 0) model |> LanguageModel.withNewHead (Key.ofSeed 1) model

/// A labelled split of the texts whose one validation node costs nothing to speak of.
let private lesson, private validation =
    let random = Random 2
    let n = texts.Length

    let labels =
        Array.init n (fun i -> if i < classes then i else random.Next classes)
        |> Labels.ofIndices (Array.init classes string)

    let split = Split.ofParts (Array.init n (fun i -> if i = n - 1 then Valid else Train))
    let labels = Result.orRaise labels
    let targets: Targets<Gnn> = Supervision.ofSplit labels split |> Result.orRaise |> Targets.goldOnly
    Lesson.ofTargets (Objective.goldOnly 0.0) 1 targets, Validation.ofSplit labels split |> Result.orRaise

/// Tokens a second over all steps of an epoch but the first four.
let private training compute =
    let marks = ResizeArray<float>()
    let clock = Stopwatch.StartNew()

    let stage: Stage = {
        Name = "bench"
        Recipe = fit
        Lesson = lesson
        Validation = validation
        Key = Key.ofSeed 2
        Watch = fun _ -> marks.Add clock.Elapsed.TotalSeconds
    }

    LanguageModel.fit compute model stage texts start |> ignore
    // The last step is followed by the one evaluation.
    let first, last = 3, marks.Count - 2
    float tokens * float (last - first) / float steps / (marks[last] - marks[first])

let private inference compute =
    let clock = Stopwatch.StartNew()
    LanguageModel.predict compute model start texts |> ignore
    float tokens / clock.Elapsed.TotalSeconds

let rec private root (folder: DirectoryInfo) =
    if File.Exists(Path.Combine(folder.FullName, "Glem.Fs.sln")) then
        folder.FullName
    else
        root (nonNull folder.Parent)

/// The peer's tokens a second by (job, setting).
let private peer (python: string) =
    let file = Path.GetTempFileName()
    File.WriteAllText(file, String.Join(",", lengths))
    let script = Path.Combine(root (DirectoryInfo AppContext.BaseDirectory), "bench", "peers", "bert.py")
    let threads = string (torch.get_num_threads ())

    let info =
        ProcessStartInfo(
            python,
            [
                script
                "--threads"
                threads
                "--lengths"
                file
                "--vocabulary"
                string vocabulary
            ]
        )

    info.RedirectStandardOutput <- true
    use run = Process.Start info |> nonNull
    let lines = run.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)
    run.WaitForExit()
    File.Delete file

    [
        for line in lines do
            use json = JsonDocument.Parse line
            let text (key: string) = json.RootElement.GetProperty(key).GetString() |> nonNull
            (text "job", text "setting"), json.RootElement.GetProperty("tokensPerSecond").GetDouble()
    ]

let private median (values: float list) = (List.sort values)[values.Length / 2]

[<EntryPoint>]
let main arguments =
    let rounds = if arguments.Length > 0 then int arguments[0] else 3
    let python = if arguments.Length > 1 then arguments[1] else "/usr/bin/python3"
    let compute = Compute.automatic ()
    training compute |> ignore

    let measured =
        [
            for _ in 1..rounds do
                yield! [ ("train", "Glem"), training compute; ("infer", "Glem"), inference compute ]
                yield! peer python
        ]
        |> List.groupBy fst
        |> List.map (fun (what, values) -> what, values |> List.map snd)

    printfn
        $"%d{tokens} tokens in %d{texts.Length} texts, %d{torch.get_num_threads ()} threads, %A{compute.Precision}, medians of %d{rounds} rounds"

    printfn "job    setting      tokens/s  (lowest .. highest)      Glem is faster by"

    for (job, setting), values in measured do
        let ours = measured |> List.find (fun (what, _) -> what = (job, "Glem")) |> snd |> median

        printfn
            $"%-6s{job} %-10s{setting} %10.0f{median values}  (%.0f{List.min values} .. %.0f{List.max values})   %.2f{ours / median values}"

    0
