namespace Glem.Experiments.Tests

open System
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open FsCheck
open FsCheck.FSharp
open Glem
open Xunit

module ReportTests =
    let private check property = Check.One(Config.QuickThrowOnFailure, property)

    /// report.html and report.md of made-up runs with these seeds.
    let private report seeds classes =
        MadeUp.inFolder (fun folder ->
            let runs = [ for seed in seeds -> Path.Combine(folder, $"seed %d{seed}") ]
            List.iter2 (fun run seed -> MadeUp.run run seed classes) runs seeds
            Report.write (Path.Combine(folder, "report")) runs |> Result.orRaise
            let read name = File.ReadAllText(Path.Combine(folder, "report", name))
            read "report.html", read "report.md")

    /// The page without the vendored scripts, style and licences.
    let private own (html: string) =
        Regex.Replace(html, "(?s)<script>.*?</script>|<style>.*?</style>|<footer>.*?</footer>", "")

    let private figures (html: string) =
        let json = Regex.Match(html, "(?s)<script id=\"figures\"[^>]*>(.*?)</script>").Groups[1].Value
        (JsonDocument.Parse json).RootElement.EnumerateArray() |> List.ofSeq

    let private text (key: string) (element: JsonElement) = string (element.GetProperty key)

    /// What is open in a LaTeX text when it ends: braces and environments.
    let private leftOpen (latex: string) =
        let marks =
            Regex.Matches(latex, @"\\(begin|end)\{(\w+)\}|\\[^a-zA-Z]|([{}])")
            |> Seq.filter (fun mark -> mark.Groups[1].Success || mark.Groups[3].Success)

        ([], marks)
        ||> Seq.fold (fun opened mark ->
            match mark.Groups[1].Value, mark.Groups[3].Value, opened with
            | "begin", _, _ -> mark.Groups[2].Value :: opened
            | "end", _, last :: rest when last = mark.Groups[2].Value -> rest
            | "", "{", _ -> "{" :: opened
            | "", "}", "{" :: rest -> rest
            | _ -> failwith $"'%s{mark.Value}' at %d{mark.Index} closes nothing")

    [<Fact>]
    let ``the page asks nobody for anything and is under 1 MB`` () =
        let html, _ = report [ 0 ] 40
        Assert.True(html.Length < 1_000_000, $"%d{html.Length} characters")
        Assert.DoesNotMatch("(?i)<(link|img|iframe|object|embed|base)\\b|\\bsrc\\s*=|@import|url\\(", own html)
        Assert.DoesNotMatch("(?i)https?://", own html)
        Assert.Contains("default-src 'none'", html)

    [<Fact>]
    let ``scripts end where they should`` () =
        let html, _ = report [ 0 ] 5
        let count pattern = Regex.Matches(html, pattern, RegexOptions.IgnoreCase).Count
        Assert.Equal(4, count "<script[ >]")
        Assert.Equal(4, count "</script>")

    [<Fact>]
    let ``what comes from data is escaped`` () =
        MadeUp.inFolder (fun folder ->
            let evil = "</script><script>alert(1)</script>|<b>"
            MadeUp.run folder 0 5
            let info = MadeUp.info 0 5

            RunInfo.write (RunFolder.info folder) {
                info with
                    Dataset = {
                        info.Dataset with
                            Name = evil
                            Classes = [ evil ]
                            Source = Some @"100 % of $x_1$ & ~{\end{tabular}^#"
                    }
            }
            |> Result.orRaise

            [
                {
                    Id = evil
                    Split = Test
                    Label = Some evil
                    Lm = None
                    Gnn = Some { Class = "a|b"; Confidence = 0.5 }
                }
            ]
            |> PredictionFile.write (RunFolder.predictions folder)
            |> Result.orRaise

            Report.write folder [ folder ] |> Result.orRaise
            let html = File.ReadAllText(Path.Combine(folder, "report.html"))
            let markdown = File.ReadAllText(Path.Combine(folder, "report.md"))
            Assert.DoesNotContain("<script>alert", html)
            Assert.DoesNotContain("<b>", html)
            Assert.Contains("&lt;/script&gt;", html)
            Assert.Contains(@"a\|b", markdown)
            Assert.DoesNotMatch(@"(?<!\\)<b", markdown)
            let latex = File.ReadAllText(Path.Combine(folder, "report.tex"))
            Assert.Empty(leftOpen latex)
            Assert.Contains(@"\textless{}/script\textgreater{}", latex)

            Assert.Contains(
                @"100 \% of \$x\_1\$ \& \textasciitilde{}\{\textbackslash{}end\{tabular\}\textasciicircum{}\#",
                latex
            ))

    [<Fact>]
    let ``every figure has its place on the page, a kind that the script draws and a description`` () =
        let html, _ = report [ 0; 1 ] 12
        let figures = figures html
        Assert.Equal(14, figures.Length)

        for figure in figures do
            let id, kind = text "id" figure, text "kind" figure
            Assert.Single(Regex.Matches(html, $"id=\"%s{id}\"")) |> ignore
            Assert.Contains($"function %s{kind}(", html)
            Assert.NotEmpty(text "description" figure)

    [<Fact>]
    let ``HTML and Markdown hold the same tables`` () =
        let html, markdown = report [ 0; 1; 2 ] 8
        let rows = Regex.Matches(own html, "<tr").Count
        // Markdown has one line more a table, the rule under the headings.
        let tables = Regex.Matches(own html, "<table>").Count
        let lines = markdown.Split '\n' |> Array.filter _.StartsWith("|")
        Assert.Equal(rows + tables, lines.Length)

    [<Fact>]
    let ``a report over seeds gives mean, deviation and each seed's difference`` () =
        MadeUp.inFolder (fun folder ->
            let runs = [
                for seed, lmOnly, glemLm in [ 0, 0.70, 0.74; 1, 0.72, 0.78 ] ->
                    let run = Path.Combine(folder, string seed)
                    MadeUp.run run seed 5

                    {
                        MadeUp.summary (Random seed) with
                            LmOnly = Some { Valid = 0.7; Test = lmOnly }
                            GlemLm = Some { Valid = 0.8; Test = glemLm }
                    }
                    |> Summary.write (RunFolder.summary run)
                    |> Result.orRaise

                    run
            ]

            Report.write folder runs |> Result.orRaise
            let markdown = File.ReadAllText(Path.Combine(folder, "report.md"))
            // Mean 76.0 with sd of 74 and 78 = 2.83; differences +4.0 and +6.0, mean 5.0, sd 1.41,
            // and 12.7 for the t of one degree of freedom.
            Assert.Contains("76.0 ± 2.8", markdown)

            Assert.Contains(
                @"| GLEM-LM − LM alone | +5.0 ± 1.4 | \[−7.7, +17.7\] | 2 of 2 | 0: +4.0; 1: +6.0 |",
                markdown
            ))

    /// The ladder's rows of a report on runs with these test accuracies of the LM alone and of GLEM's LM, by seed.
    let private ladder (scores: (float * float) list) =
        MadeUp.inFolder (fun folder ->
            let runs = [
                for seed, (lmOnly, glemLm) in List.indexed scores ->
                    let run = Path.Combine(folder, string seed)
                    MadeUp.run run seed 5
                    let only test = Some { Valid = 0.5; Test = test }

                    {
                        MadeUp.summary (Random seed) with
                            Majority = None
                            TfIdf = None
                            GnnRaw = None
                            Static = None
                            SelfTraining = None
                            GlemGnn = None
                            LmOnly = only lmOnly
                            GlemLm = only glemLm
                            Selected =
                                Some {
                                    LmRound = 1
                                    GnnRound = 1
                                    Model = Student.Lm
                                }
                    }
                    |> Summary.write (RunFolder.summary run)
                    |> Result.orRaise

                    run
            ]

            Report.write folder runs |> Result.orRaise
            let read name = File.ReadAllText(Path.Combine(folder, name))

            Assert.Equal(
                (read "report.md").Contains "**",
                (read "report.html").Contains "<td class=\"number\"><strong>"
            )

            read "report.md")

    [<Fact>]
    let ``a score is bold where its seeds agree, and nothing is where they do not or there is one`` () =
        let agreed = ladder [ 0.70, 0.74; 0.72, 0.77; 0.71, 0.755 ]
        Assert.Contains("| GLEM-LM | 50.0 ± 0.0 | **75.5 ± 1.5** | +4.5 ± 0.5 | selected in 3 of 3 (round 1) |", agreed)
        Assert.Contains("+4.5 [+3.3, +5.7] points against the LM alone".Replace("[", "\\[").Replace("]", "\\]"), agreed)
        Assert.DoesNotContain("**", ladder [ 0.70, 0.74; 0.76, 0.77; 0.71, 0.69 ])
        Assert.DoesNotContain("**", ladder [ 0.70, 0.74 ])

    [<Fact>]
    let ``LaTeX holds the same tables, with the same bold, and closes what it opens`` () =
        MadeUp.inFolder (fun folder ->
            let runs = [ for seed in 0..2 -> Path.Combine(folder, string seed) ]
            runs |> List.iteri (fun seed run -> MadeUp.run run seed 8)
            Report.write folder runs |> Result.orRaise
            let read name = File.ReadAllText(Path.Combine(folder, name))
            let latex, markdown = read "report.tex", read "report.md"
            Assert.Empty(leftOpen latex)
            let count pattern text = Regex.Matches(text, pattern).Count
            let headings = count @"(?m)^\| -" markdown
            Assert.True(headings > 10)
            Assert.Equal(headings, count @"\\begin\{tabular\}" latex + count "% Left out" latex)
            Assert.Equal(count @"\*\*[^*]+\*\*" markdown, count @"\\textbf\{" latex)
            Assert.Contains(@" & \textbf{", latex)
            Assert.Contains("$\\pm$", latex)

            for table in Regex.Matches(latex, @"(?s)\\begin\{tabular\}\{@\{\}([lr]+)@\{\}\}(.*?)\\bottomrule") do
                for line in table.Groups[2].Value.Split '\n' |> Array.filter _.EndsWith(@"\\") do
                    Assert.Equal(table.Groups[1].Length - 1, count @"(?<!\\)&" line))

    [<Fact>]
    let ``a table that no page holds is left out of LaTeX by name`` () =
        MadeUp.inFolder (fun folder ->
            MadeUp.run folder 0 50
            Report.write folder [ folder ] |> Result.orRaise
            let latex = File.ReadAllText(Path.Combine(folder, "report.tex"))
            Assert.Contains("% Left out, with 50 rows and 5 columns: Per class, percent", latex))

    [<Fact>]
    let ``the noise between equal runs is told where something ran twice`` () =
        Assert.Equal(None, NoiseNote.ofCells Student.Gnn [ [ 0.8 ]; [ 0.9 ] ])
        // Differences of 1 and 2 points: sqrt (5 / 4) = 1.118.
        let note = NoiseNote.ofCells Student.Gnn [ [ 0.80; 0.81 ]; [ 0.90; 0.88 ]; [ 0.7 ] ] |> Option.get
        Assert.Contains("GNN", note)
        Assert.Contains("1.12 points", note)
        Assert.Contains("4 runs of 2", note)

    [<Fact>]
    let ``the pseudo-ELBO and the audit have a section where the run recorded them, and none where it did not`` () =
        MadeUp.inFolder (fun folder ->
            MadeUp.run folder 0 5

            let headings () =
                Report.write folder [ folder ] |> Result.orRaise

                File.ReadAllLines(Path.Combine(folder, "report.md"))
                |> Array.filter (fun line -> line.StartsWith "## Pseudo")

            Assert.Equal<string>([ "## Pseudo-ELBO"; "## Pseudo-label audit" ], headings ())
            File.Delete(RunFolder.elbo folder)
            File.Delete(RunFolder.audit folder)
            Assert.Empty(headings ()))

    [<Fact>]
    let ``the audit's table gives the step's rates and counts, and its exact p`` () =
        MadeUp.inFolder (fun folder ->
            MadeUp.run folder 0 5
            let record = MadeUp.audits (Random 1) |> List.head

            let step = {
                record.Step with
                    HeldOut = 1000
                    Taught = 800
                    TaughtRight = 600
                    Agreed = 700
                    BothWrong = 150
                    SameError = 60
                    Corrections = 2
                    Corruptions = 6
                    Adopted = 50
            }

            File.WriteAllText(RunFolder.audit folder, AuditLog.toLine { record with Step = step; Bins = [] } + "\n")

            Report.write folder [ folder ] |> Result.orRaise
            let markdown = File.ReadAllText(Path.Combine(folder, "report.md"))
            // McNemar: 2 (1 + 8 + 28) / 2^8 = 0.289
            Assert.Contains("| E 1 | LM | 70.0 | 40.0 | 2 | 6 | -4 | 0.289 |", markdown)
            Assert.Contains("| E 1 | GNN | 800 | 80.0 | 75.0 |", markdown))

    [<Fact>]
    let ``an infinite divergence is shown as infinite, over several seeds too, and never as NaN`` () =
        MadeUp.inFolder (fun folder ->
            let runs = [ for seed in 0..1 -> Path.Combine(folder, string seed) ]
            List.iteri (fun seed run -> MadeUp.run run seed 5) runs

            let records =
                MadeUp.elbos (Random 1)
                |> List.map (fun record -> {
                    record with
                        Elbo = {
                            record.Elbo with
                                ExpectedLogLikelihood = -infinity
                                KlQP = infinity
                        }
                })

            let text = records |> List.map (fun record -> ElboLog.toLine record + "\n") |> String.Concat

            for run in runs do
                File.WriteAllText(RunFolder.elbo run, text)

            Report.write folder runs |> Result.orRaise

            let html, markdown =
                File.ReadAllText(Path.Combine(folder, "report.html")),
                File.ReadAllText(Path.Combine(folder, "report.md"))

            Assert.Contains("| start | −∞ |", markdown)
            Assert.Contains("| ∞ |", markdown)
            Assert.DoesNotContain("NaN", markdown)
            Assert.DoesNotContain("NaN", own html))

    [<Fact>]
    let ``a run without an EM round, predictions or metrics still has a report`` () =
        MadeUp.inFolder (fun folder ->
            RunInfo.write (RunFolder.info folder) (MadeUp.info 0 5) |> Result.orRaise
            File.WriteAllText(RunFolder.metrics folder, "")

            File.WriteAllText(
                RunFolder.summary folder,
                """{ "tfidf": { "valid": 0.7, "test": 0.69 }, "emRounds": 0 }"""
            )

            Report.write folder [ folder ] |> Result.orRaise
            let markdown = File.ReadAllText(Path.Combine(folder, "report.md"))
            Assert.Contains("No EM round finished", markdown)
            Assert.Contains("69.0", markdown)
            Assert.DoesNotContain("GLEM-LM |", markdown))

    [<Fact>]
    let ``runs that differ in more than their seed stand apart, named by the difference`` () =
        MadeUp.inFolder (fun folder ->
            let runs = [
                for name, weight in [ "a", "0.8"; "b", "0.3" ] ->
                    let run = Path.Combine(folder, name)
                    MadeUp.run run 0 5
                    let file = RunFolder.info run

                    File.WriteAllText(
                        file,
                        File.ReadAllText(file).Replace("\"pseudoWeight\": 0.8", $"\"pseudoWeight\": %s{weight}")
                    )

                    RunFolder.load run |> Result.orRaise
            ]

            let arms = Arm.ofRuns runs

            Assert.Equal<string list>(
                [
                    "quickstart on made-up, eStep.pseudoWeight = 0.8"
                    "quickstart on made-up, eStep.pseudoWeight = 0.3"
                ],
                arms |> List.map _.Name
            ))

    [<Fact>]
    let ``the same runs give the same report, byte for byte`` () = Assert.Equal(report [ 0; 1 ] 12, report [ 0; 1 ] 12)

    [<Fact>]
    let ``no run directory, or a damaged one, writes no report`` () =
        MadeUp.inFolder (fun folder ->
            let output = Path.Combine(folder, "report")
            let run = Path.Combine(folder, "run")
            MadeUp.run run 0 5
            File.WriteAllText(RunFolder.summary run, "{")
            Assert.True((Report.write output []).IsError)
            Assert.True((Report.write output [ run ]).IsError)
            Assert.False(Directory.Exists output))

    [<Fact>]
    let ``confusion, per-class scores and reliability agree with scikit-learn and numpy`` () =
        let problem = (Reference.metrics "problems").GetProperty "five_classes"

        let list (key: string) = problem.GetProperty(key).EnumerateArray() |> List.ofSeq
        let numbers key = list key |> List.map _.GetDouble()
        let gold = list "y_true" |> List.map string
        let predicted = list "y_pred" |> List.map string

        let confidence =
            list "logits"
            |> List.map (fun row ->
                let z = row.EnumerateArray() |> Seq.map _.GetDouble() |> Array.ofSeq
                let e = z |> Array.map (fun x -> exp (x - Array.max z))
                Array.max e / Array.sum e)

        let confusion = Confusion.ofPairs [ "0"; "1"; "2"; "3"; "4" ] (List.zip gold predicted)

        let expected =
            list "confusion_matrix_rows_true_cols_pred"
            |> List.map (fun row -> row.EnumerateArray() |> Seq.map _.GetInt32() |> List.ofSeq)
            |> array2D

        Assert.Equal<int[,]>(expected, confusion.Counts)

        for key, score in
            [
                "precision_per_class", (fun (s: ClassScore) -> s.Precision)
                "recall_per_class", _.Recall
                "f1_per_class", _.F1
            ] do
            for a, b in List.zip (numbers key) (Confusion.perClass confusion |> List.map score) do
                Assert.Equal(a, b, 1e-9)

        let right = List.map2 (=) gold predicted
        let error = List.zip confidence right |> Reliability.bins |> Reliability.error
        Assert.Equal((problem.GetProperty "ece_15").GetDouble(), Option.get error, 1e-9)

    [<Fact>]
    let ``every guess falls in the one bin that holds its confidence`` () =
        let guess =
            Gen.zip (Gen.choose (0, 15000) |> Gen.map (fun k -> float k / 15000.0)) (Gen.elements [ true; false ])

        check (
            Prop.forAll (Arb.fromGen (Gen.nonEmptyListOf guess)) (fun guesses ->
                let bins = Reliability.bins guesses

                List.sumBy (fun (bin: ReliabilityBin) -> bin.Count) bins = guesses.Length
                && bins |> List.forall (fun b -> b.Low - 1e-12 <= b.Confidence && b.Confidence <= b.High + 1e-12))
        )

    [<Fact>]
    let ``a single value has no deviation, and shifting values leaves it alone`` () =
        Assert.Equal(Some { Mean = 0.5; Deviation = None }, Spread.ofValues [ 0.5 ])

        check (fun (values: int list) (shift: int) ->
            let deviation by =
                values |> List.map (fun v -> float v + float by) |> Spread.ofValues |> Option.bind _.Deviation

            match deviation 0, deviation shift with
            | None, None -> values.Length < 2
            | Some a, Some b -> abs (a - b) < 1e-6
            | _ -> false)
