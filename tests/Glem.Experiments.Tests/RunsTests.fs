namespace Glem.Experiments.Tests

open System
open System.IO
open FsCheck
open FsCheck.FSharp
open Glem
open Spectre.Console
open Xunit

module RunsTests =
    let private fraction = Gen.choose (0, 1_000_000) |> Gen.map (fun k -> float k / 1e6)
    let private real = Gen.choose (-2_000_000_000, 2_000_000_000) |> Gen.map (fun k -> float k / 7.0)

    let private name =
        Gen.elements [
            "a"
            "IO, files"
            "say \"x\""
            "two\nlines"
            "Ünïcode 日本"
            "</script>"
            " padded "
        ]

    let private check property = Check.One(Config.QuickThrowOnFailure, property)

    let private message result =
        match result with
        | Ok _ -> failwith "expected an error"
        | Error error -> GlemError.message error

    let private metricGen = gen {
        let! event = name
        let! iteration = Gen.choose (0, 99)
        let! model = Gen.elements [ Student.Lm; Student.Gnn ]
        let! split = Gen.elements [ Train; Valid; Test ]
        let! accuracy = fraction
        let! macroF1 = fraction
        let! nll = real
        let! ece = fraction

        return {
            Event = event
            Iteration = iteration
            Model = model
            Split = split
            Accuracy = accuracy
            MacroF1 = macroF1
            Nll = nll
            Ece = ece
        }
    }

    let private scoreGen = Gen.map2 (fun valid test -> { Valid = valid; Test = test }) fraction fraction
    let private maybeScore = Gen.optionOf scoreGen

    let private summaryGen = gen {
        let! scores = Gen.listOfLength 8 maybeScore
        let! roundScores = Gen.listOf (Gen.zip maybeScore maybeScore)
        let! seconds = Gen.listOf fraction
        let! peak = Gen.optionOf fraction
        let! selected = Gen.optionOf (Gen.elements [ Student.Lm; Student.Gnn ])

        return {
            Majority = scores[0]
            TfIdf = scores[1]
            LmOnly = scores[2]
            GnnRaw = scores[3]
            Static = scores[4]
            SelfTraining = scores[5]
            GlemLm = scores[6]
            GlemGnn = scores[7]
            Rounds =
                roundScores
                |> List.mapi (fun i (lm, gnn) -> {
                    Round = i + 1
                    GlemLm = lm
                    GlemGnn = gnn
                })
            Selected =
                selected
                |> Option.map (fun model -> {
                    LmRound = 1
                    GnnRound = 0
                    Model = model
                })
            EmRounds = roundScores.Length
            Seconds = seconds |> List.mapi (fun i s -> $"stage %d{i}", s)
            PeakRssMb = peak
        }
    }

    let private predictionGen =
        let guess = Gen.optionOf (Gen.map2 (fun c p -> { Class = c; Confidence = p }) name fraction)

        gen {
            let! id = name
            let! split = Gen.elements [ Train; Valid; Test; Unassigned ]
            let! label = Gen.optionOf name
            let! lm = guess
            let! gnn = guess

            return {
                Id = id
                Split = split
                Label = label
                Lm = lm
                Gnn = gnn
            }
        }

    let private elboGen = gen {
        let! event = name
        let! iteration = Gen.choose (0, 99)
        let! gold = Gen.choose (1, 1000)
        let! pseudo = Gen.choose (0, 1000)
        let below = Gen.frequency [ 9, real; 1, Gen.constant Double.NegativeInfinity ]
        let above = Gen.frequency [ 9, real; 1, Gen.constant Double.PositiveInfinity ]
        let! goldLikelihood = below
        let! expected = below
        let! entropy = real
        let! klQP = above
        let! klPQ = above

        return {
            Event = event
            Iteration = iteration
            Elbo = {
                GoldNodes = gold
                PseudoNodes = pseudo
                GoldLogLikelihood = goldLikelihood
                ExpectedLogLikelihood = expected
                Entropy = entropy
                KlQP = klQP
                KlPQ = klPQ
            }
        }
    }

    let private pseudoLabelAuditGen: Gen<PseudoLabelAudit> = gen {
        let! counts = Gen.arrayOfLength 11 (Gen.choose (0, 3000))
        let maybe = Gen.optionOf fraction |> Gen.map ValueOption.ofOption
        let! ece = maybe
        let! auroc = maybe
        let wrong = counts[2] + counts[3]

        return {
            HeldOut = counts[0] + counts[1] + wrong
            Taught = counts[1] + wrong
            TaughtRight = counts[1]
            Ece = ece
            Auroc = auroc
            Agreed = min counts[4] (counts[0] + counts[1])
            BothWrong = counts[5]
            SameError = min counts[6] counts[5]
            Corrections = counts[7]
            Corruptions = counts[8]
            Adopted = min counts[9] wrong
            RightBefore = counts[10]
            AdoptedFromRight = counts[10] / 2
        }
    }

    let private auditGen = gen {
        let! event = name
        let! iteration = Gen.choose (1, 99)
        let! model = Gen.elements [ Student.Lm; Student.Gnn ]
        let! step = pseudoLabelAuditGen

        let bin =
            Gen.oneof [
                Gen.map2 (fun low width -> Within(low, low + width)) real fraction
                Gen.constant Undefined
            ]

        let! bins = Gen.listOf (Gen.zip bin pseudoLabelAuditGen)

        return {
            Event = event
            Iteration = iteration
            Model = model
            Step = step
            Bins = [ "homophily", bins; "words", List.rev bins ]
        }
    }

    [<Fact>]
    let ``a pseudo-ELBO reads back as it was written, infinite parts too, on one ASCII line`` () =
        check (
            Prop.forAll (Arb.fromGen elboGen) (fun record ->
                let line = ElboLog.toLine record

                Seq.forall Char.IsAscii line
                && not (line.Contains '\n')
                && ElboLog.ofLine "elbo.jsonl" 1 line = Ok record)
        )

    [<Fact>]
    let ``an audit reads back as it was written, on one ASCII line`` () =
        check (
            Prop.forAll (Arb.fromGen auditGen) (fun record ->
                let line = AuditLog.toLine record

                Seq.forall Char.IsAscii line
                && not (line.Contains '\n')
                && AuditLog.ofLine "audit.jsonl" 1 line = Ok record)
        )

    [<Fact>]
    let ``a damaged line of elbo.jsonl or audit.jsonl is named by file, line, key and what was found`` () =
        MadeUp.inFolder (fun folder ->
            MadeUp.run folder 0 5

            for file, key, found in
                [
                    RunFolder.elbo folder, "entropy", "\"NaN\""
                    RunFolder.audit folder, "corrections", "-0.5"
                ] do
                let lines = File.ReadAllLines file

                lines[1] <-
                    Text.RegularExpressions
                        .Regex($"\"%s{key}\":[-0-9.]+")
                        .Replace(lines[1], $"\"%s{key}\":%s{found}", 1)

                let whole = File.ReadAllText file
                File.WriteAllLines(file, lines)
                let text = RunFolder.load folder |> message
                File.WriteAllText(file, whole)

                for part in [ file; "line 2"; key; found ] do
                    Assert.Contains(part, text))

    [<Fact>]
    let ``a rate of no node is absent from audit.jsonl, and none is NaN`` () =
        let nobody: PseudoLabelAudit = {
            HeldOut = 0
            Taught = 0
            TaughtRight = 0
            Ece = ValueNone
            Auroc = ValueNone
            Agreed = 0
            BothWrong = 0
            SameError = 0
            Corrections = 0
            Corruptions = 0
            Adopted = 0
            RightBefore = 0
            AdoptedFromRight = 0
        }

        let line =
            AuditLog.toLine {
                Event = Event.step Student.Lm 1
                Iteration = 1
                Model = Student.Lm
                Step = nobody
                Bins = []
            }

        Assert.DoesNotContain("NaN", line)
        Assert.DoesNotContain("\"accuracy\"", line)
        Assert.DoesNotContain("Rate", line)
        Assert.Contains("\"mcNemarP\":1", line)

    [<Fact>]
    let ``a metric reads back as it was written, on one ASCII line`` () =
        check (
            Prop.forAll (Arb.fromGen metricGen) (fun metric ->
                let line = Metric.toLine metric

                Seq.forall Char.IsAscii line
                && not (line.Contains '\n')
                && Metric.ofLine "metrics.jsonl" 1 line = Ok metric)
        )

    [<Fact>]
    let ``a summary reads back as it was written`` () =
        MadeUp.inFolder (fun folder ->
            let path = RunFolder.summary folder

            check (
                Prop.forAll (Arb.fromGen summaryGen) (fun summary ->
                    Summary.write path summary = Ok() && Summary.read path = Ok summary)
            ))

    [<Fact>]
    let ``predictions read back as they were written, whatever is in ids and class names`` () =
        MadeUp.inFolder (fun folder ->
            let path = RunFolder.predictions folder

            check (
                Prop.forAll (Arb.fromGen (Gen.listOf predictionGen)) (fun predictions ->
                    PredictionFile.write path predictions = Ok() && PredictionFile.read path = Ok predictions)
            ))

    [<Fact>]
    let ``run.json written, read and written again is the same bytes`` () =
        MadeUp.inFolder (fun folder ->
            let path = RunFolder.info folder
            let info = MadeUp.info 3 5
            RunInfo.write path info |> Result.orRaise
            let again = RunInfo.read path |> Result.orRaise
            Assert.Equal(RunInfo.toJson info, RunInfo.toJson again)
            Assert.Equal(info.Dataset, again.Dataset)
            Assert.Contains(("eStep.pseudoWeight", "0.8"), RunInfo.settings again))

    [<Fact>]
    let ``a rung that was not run is absent, not zero`` () =
        let text =
            Summary.toJson {
                MadeUp.summary (Random 0) with
                    SelfTraining = None
                    PeakRssMb = None
            }

        Assert.DoesNotContain("selfTraining", text)
        Assert.DoesNotContain("peakRssMb", text)
        Assert.Contains("\"glemGnn\"", text)

    [<Fact>]
    let ``files have no byte-order mark and end lines with LF`` () =
        MadeUp.inFolder (fun folder ->
            MadeUp.run folder 0 5

            for file in Directory.GetFiles folder do
                let bytes = File.ReadAllBytes file
                Assert.NotEqual(0xEFuy, bytes[0])
                Assert.DoesNotContain(byte '\r', bytes)
                Assert.Equal(byte '\n', Array.last bytes))

    [<Fact>]
    let ``nothing half-written stays beside a file`` () =
        MadeUp.inFolder (fun folder ->
            MadeUp.run folder 0 5
            let names = [ for entry in (DirectoryInfo folder).GetFileSystemInfos() -> entry.Name ] |> List.sort

            Assert.Equal<string seq>(
                [
                    "audit.jsonl"
                    "elbo.jsonl"
                    "map.csv"
                    "metrics.jsonl"
                    "predictions.csv"
                    "run.json"
                    "summary.json"
                ],
                names
            ))

    [<Fact>]
    let ``a metrics file cut at any byte gives the whole lines before the cut`` () =
        MadeUp.inFolder (fun folder ->
            let path = RunFolder.metrics folder
            let metrics = MadeUp.metrics (MadeUp.summary (Random 1)) |> List.truncate 3
            let lines = metrics |> List.map (fun m -> Metric.toLine m + "\n")
            let text = String.Concat lines

            for cut in 0 .. text.Length do
                File.WriteAllText(path, text.Substring(0, cut))
                let whole = text.Substring(0, cut) |> Seq.filter ((=) '\n') |> Seq.length
                let read, notes = MetricLog.read path |> Result.orRaise
                Assert.Equal<Metric list>(List.truncate whole metrics, read)
                let torn = cut > 0 && text[cut - 1] <> '\n'
                Assert.Equal((if torn then 1 else 0), notes.Length))

    [<Fact>]
    let ``appending after a torn line gives a file without it`` () =
        MadeUp.inFolder (fun folder ->
            let path = RunFolder.metrics folder
            let metrics = MadeUp.metrics (MadeUp.summary (Random 1)) |> List.truncate 2
            File.WriteAllText(path, Metric.toLine metrics[0] + "\n{\"event\":\"e-st")

            using (MetricLog.appendTo path |> Result.orRaise) _.Append(metrics[1])

            Assert.Equal((metrics, []), MetricLog.read path |> Result.orRaise))

    [<Fact>]
    let ``a line is in the file before the log is closed`` () =
        MadeUp.inFolder (fun folder ->
            let path = RunFolder.metrics folder
            let metric = MadeUp.metrics (MadeUp.summary (Random 1)) |> List.head
            use log = MetricLog.appendTo path |> Result.orRaise
            log.Append metric
            use reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite))
            Assert.Equal(Metric.toLine metric + "\n", reader.ReadToEnd()))

    [<Fact>]
    let ``a NaN loss is never written`` () =
        let metric = MadeUp.metrics (MadeUp.summary (Random 1)) |> List.head
        Assert.ThrowsAny<Exception>(fun () -> Metric.toLine { metric with Nll = nan } |> ignore) |> ignore

    [<Fact>]
    let ``a bad line inside metrics.jsonl is named by file, line, key, found and expected`` () =
        MadeUp.inFolder (fun folder ->
            MadeUp.run folder 0 5
            let path = RunFolder.metrics folder
            let lines = File.ReadAllLines path
            lines[2] <- lines[2].Replace("\"valid\"", "\"vaild\"")
            File.WriteAllLines(path, lines)
            let text = MetricLog.read path |> message

            for part in [ path; "line 3"; "'split'"; "\"vaild\""; "\"valid\"" ] do
                Assert.Contains(part, text))

    [<Theory>]
    [<InlineData("{\"emRounds\": 1, \"lmOnly\": {\"valid\": 0.5}}", "'lmOnly.test'", "nothing")>]
    [<InlineData("{\"emRounds\": 1, \"lmOnly\": {\"valid\": 0.5, \"test\": 51.2}}", "'lmOnly.test'", "51.2")>]
    [<InlineData("{\"emRounds\": \"two\"}", "'emRounds'", "\"two\"")>]
    [<InlineData("{\"emRounds\": 1,\n \"rounds\": 7}", "'rounds'", "7")>]
    [<InlineData("{\"emRounds\": 1,\n \"rounds\": [", "line 2", "broken JSON")>]
    [<InlineData("[]", "top level", "[]")>]
    let ``a damaged summary is named by file, key and what was found`` (json: string) (place: string) (found: string) =
        MadeUp.inFolder (fun folder ->
            let path = RunFolder.summary folder
            File.WriteAllText(path, json)
            let text = Summary.read path |> message

            for part in [ path; place; found ] do
                Assert.Contains(part, text))

    [<Theory>]
    [<InlineData("a,test,x,x,1.5,,", "line 3", "1.5")>]
    [<InlineData("a,tset,x,x,0.5,,", "line 3", "tset")>]
    [<InlineData("a,test", "line 3", "lacks fields")>]
    let ``a damaged prediction is named by file, line and what was found``
        (row: string)
        (place: string)
        (found: string)
        =
        MadeUp.inFolder (fun folder ->
            let path = RunFolder.predictions folder
            let header = "id,split,label,lm,lmConfidence,gnn,gnnConfidence"
            File.WriteAllText(path, $"%s{header}\nok,test,x,x,0.5,y,0.25\n%s{row}\n")
            let text = PredictionFile.read path |> message

            for part in [ path; place; found ] do
                Assert.Contains(part, text))

    [<Fact>]
    let ``what is no run directory is refused by name`` () =
        MadeUp.inFolder (fun folder ->
            let absent = Path.Combine(folder, "absent")
            Assert.Contains(absent, RunFolder.load absent |> message)
            Assert.Contains("metrics.jsonl", RunFolder.load folder |> message))

    [<Fact>]
    let ``a folder that is a file cannot be written into, and says so`` () =
        MadeUp.inFolder (fun folder ->
            let file = Path.Combine(folder, "file")
            File.WriteAllText(file, "")
            Assert.Contains(file, RunFile.write (Path.Combine(file, "summary.json")) "{}" |> message))

    let private printed summary =
        use text = new StringWriter()

        AnsiConsole.Create(AnsiConsoleSettings(Ansi = AnsiSupport.No, Out = AnsiConsoleOutput text))
        |> fun console -> Ladder.render console summary

        text.ToString()

    [<Fact>]
    let ``the console ladder is plain text and marks one answer, the one selected on validation`` () =
        let text = printed (MadeUp.summary (Random 0))
        Assert.DoesNotContain("\u001b", text)
        let marked = text.Split '\n' |> Array.filter _.Contains("selected")
        let row = Assert.Single marked
        Assert.Contains("GLEM-GNN, round", row)

    [<Fact>]
    let ``where no EM round won, the mark is on the pre-trained student`` () =
        let summary = {
            MadeUp.summary (Random 0) with
                Selected =
                    Some {
                        LmRound = 0
                        GnnRound = 0
                        Model = Student.Lm
                    }
        }

        let marks = Ladder.ofSummary summary |> List.filter (fun rung -> rung.Mark <> "")

        Assert.Equal<(string * string) list>(
            [ "lmOnly", "selected"; "static", "best round" ],
            marks |> List.map (fun r -> r.Key, r.Mark)
        )

    [<Fact>]
    let ``a rung that was not run is not on the console ladder`` () =
        let text =
            printed {
                MadeUp.summary (Random 0) with
                    SelfTraining = None
            }

        Assert.DoesNotContain("self-training", text)
