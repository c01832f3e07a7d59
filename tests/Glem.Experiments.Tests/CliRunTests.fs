namespace Glem.Experiments.Tests

open System
open System.IO
open System.IO.Compression
open System.Text
open System.Text.Json
open Glem
open Xunit

/// Three runs on colours: the same twice, and one with another seed and no EM round.
[<Sealed>]
type QuickRuns() =
    let folder = new TestFolder()

    let run name more =
        let arguments = [
            "run"
            "--recipe"
            "scratch"
            "--quick"
            "--dataset"
            "colours"
            "--out"
            name
            "--set"
            "lm.vocabulary=300"
        ]

        GlemProcess.succeeds folder.Path (arguments @ more)

    do Colours.write (folder.File "colours")
    let out = run "first" []
    // All of it once more, without what the first one kept.
    let _ = run "again" [ "--store"; "none" ]
    let _ = run "plain" [ "--seed"; "1"; "--set"; "rounds=0" ]
    member _.Folder = folder.Path
    member _.Out = out
    member _.Path([<ParamArray>] parts: string[]) = Path.Combine [| folder.Path; yield! parts |]
    member this.Read([<ParamArray>] parts: string[]) = File.ReadAllText(this.Path parts)

    interface IDisposable with
        member _.Dispose() = (folder :> IDisposable).Dispose()

/// One whole run of the program, and what can be done with it.
type CliRunTests(runs: QuickRuns) =
    let predict arguments = GlemProcess.succeeds runs.Folder ([ "predict"; "--run"; "first" ] @ arguments)
    let keys (json: JsonElement) = [ for property in json.EnumerateObject() -> property.Name ]

    interface IClassFixture<QuickRuns>

    [<Fact>]
    member _.``a run writes every file that the contract names, and nothing beside them but the store``() =
        let files =
            Directory.GetFiles(runs.Path "first", "*", SearchOption.AllDirectories)
            |> Array.map (fun file -> Path.GetRelativePath(runs.Path "first", file))
            |> Array.sort

        // The GNN's LM stands with it where it is not the best one.
        let ownLm = Directory.Exists(runs.Path("first", "checkpoints/gnn/lm"))

        let lm = [
            "config.json"
            "model.safetensors"
            "tokenizer.json"
            "tokenizer_config.json"
        ]

        let checkpoint student names = names |> List.map (fun name -> $"checkpoints/%s{student}/%s{name}")

        Assert.Equal<string>(
            [
                "run.json"
                "metrics.jsonl"
                "elbo.jsonl"
                "audit.jsonl"
                "summary.json"
                "predictions.csv"
                "map.csv"
                "report.html"
                "report.md"
                "report.tex"
            ]
            @ checkpoint "lm" lm
            @ checkpoint "gnn" [ "config.json"; "graph.safetensors"; "model.safetensors"; "nodes.json" ]
            @ (if ownLm then checkpoint "gnn/lm" lm else [])
            |> List.sort,
            files
        )

        let config = JsonDocument.Parse(runs.Read("first", "checkpoints", "gnn", "config.json")).RootElement
        Assert.Equal((if ownLm then "lm" else "../lm"), config.GetProperty("lm").GetString())

        Assert.Equal<string>(
            [ "again"; "colours"; "first"; "plain"; "runs" ],
            DirectoryInfo(runs.Folder).GetDirectories() |> Array.map _.Name |> Array.sort
        )

        let store = DirectoryInfo(runs.Path "runs").GetFileSystemInfos() |> Array.map _.Name
        Assert.Equal("store", Assert.Single store)

    [<Fact>]
    member _.``the screen shows the ladder and where the files are``() =
        for part in
            [
                "TF-IDF"
                "GLEM-LM"
                "GLEM-GNN"
                "first/"
                "report.html"
                "predict --run first"
            ] do
            Assert.Contains(part, runs.Out)

    [<Fact>]
    member _.``metrics.jsonl has one object for each model, event and part``() =
        let lines = runs.Read("first", "metrics.jsonl").TrimEnd('\n').Split '\n'

        let seen = [
            for line in lines do
                let json = JsonDocument.Parse(line).RootElement

                Assert.Equal<string>(
                    [ "event"; "iteration"; "model"; "split"; "accuracy"; "macroF1"; "nll"; "ece" ],
                    keys json
                )

                for key in [ "accuracy"; "macroF1"; "ece" ] do
                    Assert.InRange(json.GetProperty(key).GetDouble(), 0.0, 1.0)

                json.GetProperty("iteration").GetInt32(),
                string (json.GetProperty "model"),
                string (json.GetProperty "split")
        ]

        let expected = [
            for iteration in 0..1 do
                for model in [ "lm"; "gnn" ] do
                    for split in [ "train"; "valid"; "test" ] do
                        iteration, model, split
        ]

        Assert.Equal<(int * string * string) list>(expected, seen)

    [<Fact>]
    member _.``elbo.jsonl has the start and every step, audit.jsonl every step, and bins hold all held-out nodes``() =
        let first = RunFolder.load (runs.Path "first") |> Result.orRaise
        Assert.Equal<string>([ "pretrain"; "e-step 1"; "m-step 1" ], first.Elbo |> List.map _.Event)
        Assert.Equal<string>([ "e-step 1"; "m-step 1" ], first.Audit |> List.map _.Event)

        for record in first.Elbo do
            Assert.Equal(Colours.records.Nodes.Length, record.Elbo.Nodes)
            Assert.Equal(record.Elbo.GoldLogLikelihood - record.Elbo.KlQP, record.Elbo.Total, 1e-6)

        for record in first.Audit do
            Assert.Equal<string>([ "homophily"; "degree"; "words" ], record.Bins |> List.map fst)

            for _, bins in record.Bins do
                Assert.Equal(record.Step.HeldOut, bins |> List.sumBy (fun (_, audit) -> audit.HeldOut))

        // The student before a step is the one that the metrics scored before it.
        let rightOf (event: string) =
            first.Metrics
            |> List.filter (fun m -> m.Event = event && m.Split <> Train)
            |> List.sumBy (fun m -> Math.Round(12.0 * m.Accuracy))

        for record, before in List.zip first.Audit [ "pretrain-lm"; "pretrain-gnn" ] do
            let change = float (record.Step.Corrections - record.Step.Corruptions)
            Assert.Equal(rightOf record.Event - rightOf before, change)

    [<Fact>]
    member _.``summary.json has the ladder, and what did not run is absent from it``() =
        let summary (run: string) = JsonDocument.Parse(runs.Read(run, "summary.json")).RootElement
        let first, plain = summary "first", summary "plain"
        let baselines = [ "majority"; "tfidf"; "lmOnly"; "gnnRaw"; "static" ]

        for rung in baselines @ [ "glemLm"; "glemGnn" ] do
            for part in [ "valid"; "test" ] do
                Assert.InRange(first.GetProperty(rung).GetProperty(part).GetDouble(), 0.0, 1.0)

        Assert.DoesNotContain("selfTraining", keys first)
        Assert.Equal(1, first.GetProperty("rounds").GetArrayLength())
        Assert.Equal(1, first.GetProperty("emRounds").GetInt32())
        Assert.True(first.GetProperty("peakRssMb").GetDouble() > 10.0)

        Assert.All(
            first.GetProperty("seconds").EnumerateObject(),
            (fun stage -> Assert.InRange(stage.Value.GetDouble(), 0.0, 90.0))
        )

        for rung in baselines do
            Assert.Contains(rung, keys plain)

        for absent in [ "glemLm"; "glemGnn"; "selfTraining" ] do
            Assert.DoesNotContain(absent, keys plain)

        Assert.Equal(0, plain.GetProperty("emRounds").GetInt32())

    [<Fact>]
    member _.``run.json tells what ran on what``() =
        let json = JsonDocument.Parse(runs.Read("plain", "run.json")).RootElement
        Assert.Equal(1, json.GetProperty("seed").GetInt32())
        let info = RunFolder.info (runs.Path "plain") |> RunInfo.read |> Result.orRaise
        let dataset, _ = DatasetFolder.read (runs.Path "colours") |> Result.orRaise
        Assert.Equal(dataset.Fingerprint, info.Dataset.Fingerprint)
        Assert.Equal(0, info.Configuration.GetProperty("rounds").GetInt32())
        Assert.Equal(300, info.Configuration.GetProperty("lm").GetProperty("vocabulary").GetInt32())
        Assert.NotEqual<string>("", info.Versions.LibTorch)
        Assert.Contains("--set rounds=0", info.Command)

    [<Fact>]
    member _.``predictions.csv has a line for every node``() =
        let predictions = PredictionFile.read (RunFolder.predictions (runs.Path "first")) |> Result.orRaise
        Assert.Equal<string>(Colours.records.Nodes |> Array.map _.Id, predictions |> List.map _.Id)
        Assert.All(predictions, (fun prediction -> Assert.True(prediction.Lm.IsSome && prediction.Gnn.IsSome)))

    [<Fact>]
    member _.``the same command writes the same metrics, predictions and weights, byte for byte``() =
        for file in
            [
                "metrics.jsonl"
                "elbo.jsonl"
                "audit.jsonl"
                "predictions.csv"
                "map.csv"
                "checkpoints/lm/model.safetensors"
                "checkpoints/gnn/model.safetensors"
                "checkpoints/gnn/graph.safetensors"
            ] do
            Assert.Equal<byte>(File.ReadAllBytes(runs.Path("first", file)), File.ReadAllBytes(runs.Path("again", file)))

        Assert.NotEqual<string>(runs.Read("first", "metrics.jsonl"), runs.Read("plain", "metrics.jsonl"))

    [<Fact>]
    member _.``predict shows the likeliest classes of one text``() =
        let lines =
            (predict [ "--text"; "grass and frogs"; "--top"; "2" ]).Split('\n', StringSplitOptions.RemoveEmptyEntries)

        Assert.Equal(2, lines.Length)
        Assert.All(lines, (fun line -> Assert.Matches(@"^ +\d+\.\d% +(red|green|blue)$", line)))

    [<Fact>]
    member _.``predict gives every node of the graph the class that the run gave it``() =
        let out = runs.Path "nodes-predicted.csv"
        predict [ "--input"; "colours/nodes.csv"; "--out"; out ] |> ignore
        let lines = File.ReadAllLines out
        Assert.Equal("id,class,probability", lines[0])
        let predictions = PredictionFile.read (RunFolder.predictions (runs.Path "first")) |> Result.orRaise

        for line, prediction in Seq.zip lines[1..] predictions do
            let guess = prediction.Lm |> Option.get
            Assert.StartsWith($"\"%s{prediction.Id}\",\"%s{guess.Class}\",", line)

        Assert.Equal(predictions.Length, lines.Length - 1)

    [<Fact>]
    member _.``predict reads texts from lines, tables and objects, also gzipped``() =
        let texts = [ "the sky and the sea"; "tomato" ]
        let write (name: string) (content: string) = File.WriteAllText(runs.Path name, content)
        write "texts.txt" (String.Join("\n", texts) + "\n\n")
        write "texts.tsv" ("text\n" + String.Join("\n", texts) + "\n")

        write
            "texts.jsonl"
            (String.Join("\n", texts |> List.map (fun text -> $"""{{"id":"{text}","text":"{text}"}}""")))

        (use file = File.Create(runs.Path "texts.txt.gz")
         use stream = new GZipStream(file, CompressionLevel.Optimal)
         stream.Write(Encoding.UTF8.GetBytes(String.Join("\n", texts))))

        let classes name =
            let out = runs.Path $"%s{name}.out.jsonl"
            predict [ "--input"; name; "--out"; out; "--top"; "3" ] |> ignore

            [
                for line in File.ReadAllLines out do
                    let classes = JsonDocument.Parse(line).RootElement.GetProperty "classes"

                    let probabilities = [
                        for one in classes.EnumerateArray() -> one.GetProperty("probability").GetDouble()
                    ]

                    Assert.Equal(1.0, List.sum probabilities, 1e-5)
                    Assert.Equal<float list>(List.sortDescending probabilities, probabilities)
                    string (classes[0].GetProperty "class")
            ]

        let expected = classes "texts.txt"
        Assert.Equal(2, expected.Length)

        for name in [ "texts.tsv"; "texts.jsonl"; "texts.txt.gz" ] do
            Assert.Equal<string list>(expected, classes name)

    [<Fact>]
    member _.``predict --model gnn reads neighbours from the command line, tables and objects alike``() =
        let text = "grass and frogs"
        File.WriteAllText(runs.Path "joined.csv", $"id,text,neighbours\nx,%s{text},n1; n4\n")
        File.WriteAllText(runs.Path "joined.jsonl", $"""{{"id":"x","text":"{text}","neighbours":["n1","n4"]}}""")

        let lines arguments =
            (predict ([ "--model"; "gnn" ] @ arguments)).Split('\n', StringSplitOptions.RemoveEmptyEntries)

        let typed = lines [ "--text"; text; "--neighbours"; "n1,n4" ]
        Assert.Equal(3, typed.Length)
        Assert.Equal<string>(typed, (lines [ "--input"; "joined.csv" ])[1..])
        Assert.Equal<string>(typed, (lines [ "--input"; "joined.jsonl" ])[1..])

        let alone = lines [ "--text"; text ]
        Assert.NotEqual<string>(typed, alone[..2])
        Assert.Contains("without neighbours", alone[3])

    [<Fact>]
    member _.``predict --model gnn gives a node of the graph the prediction that the run gave it``() =
        let neighbours id = [
            for struct (a, b) in Colours.records.Edges do
                if a = id then
                    b
                elif b = id then
                    a
        ]

        let rows = [
            for node in Colours.records.Nodes ->
                $"""%s{node.Id},%s{node.Text},%s{String.Join(";", neighbours node.Id)}"""
        ]

        File.WriteAllLines(runs.Path "nodes-joined.csv", "id,text,neighbours" :: rows)
        let out = runs.Path "nodes-joined-predicted.csv"
        predict [ "--model"; "gnn"; "--input"; "nodes-joined.csv"; "--out"; out ] |> ignore
        let predictions = PredictionFile.read (RunFolder.predictions (runs.Path "first")) |> Result.orRaise

        let lines = File.ReadAllLines out

        for line, prediction in Seq.zip lines[1..] predictions do
            let guess = prediction.Gnn |> Option.get
            Assert.StartsWith($"\"%s{prediction.Id}\",\"%s{guess.Class}\",", line)

    [<Fact>]
    member _.``predict refuses what it cannot read or write``() =
        let refuses arguments parts = GlemProcess.refuses runs.Folder ([ "predict" ] @ arguments) parts
        File.WriteAllText(runs.Path "blank.csv", "id,text\na,fine\nb,  \n")
        refuses [ "--run"; "first"; "--text"; "  " ] [ "text" ]
        refuses [ "--run"; "first"; "--input"; "blank.csv" ] [ "'b'"; "blanks" ]
        refuses [ "--run"; "first"; "--input"; "absent.csv" ] [ "absent.csv" ]
        refuses [ "--run"; "first"; "--input"; "first/run.json" ] [ "run.json"; ".json" ]
        refuses [ "--run"; "first" ] [ "--text"; "--input" ]
        refuses [ "--run"; "first"; "--text"; "x"; "--model"; "gat" ] [ "--model"; "gat"; "lm or gnn" ]
        refuses [ "--run"; "first"; "--text"; "x"; "--neighbours"; "n1" ] [ "--neighbours"; "--model gnn" ]

        refuses [ "--run"; "first"; "--model"; "gnn"; "--text"; "x"; "--neighbours"; "n1,n99" ] [
            "--neighbours"
            "'n99'"
            "'n0'"
        ]

        File.WriteAllText(runs.Path "odd.jsonl", """{"text":"x","neighbours":[["n1"]]}""")
        refuses [ "--run"; "first"; "--model"; "gnn"; "--input"; "odd.jsonl" ] [ "odd.jsonl"; "line 1"; "neighbours" ]

        refuses [ "--run"; "colours"; "--model"; "gnn"; "--text"; "x" ] [
            "checkpoints/gnn/config.json"
            "no such file"
        ]

        refuses [ "--run"; "nowhere"; "--text"; "x" ] [ "nowhere"; "config.json" ]
        refuses [ "--run"; "first"; "--input"; "blank.csv"; "--out"; "x.xls" ] []

    [<Fact>]
    member _.``a report joins any number of runs in one page``() =
        GlemProcess.succeeds runs.Folder [ "report"; "first"; "plain"; "--out"; "joined" ] |> ignore
        let html, markdown = runs.Read("joined", "report.html"), runs.Read("joined", "report.md")
        Assert.StartsWith("<!doctype html>", html, StringComparison.OrdinalIgnoreCase)
        Assert.Contains("colours", html)
        Assert.Contains("TF-IDF", markdown)
        Directory.Delete(runs.Path "joined", true)
        GlemProcess.refuses runs.Folder [ "report"; "first"; "colours" ] [ "colours" ]
