namespace Glem.Experiments.Tests

open System
open System.IO
open System.Text.Json
open Glem

/// Made-up runs, the shape of real ones, for tests of files and reports. They live in temporary folders only.
module MadeUp =
    /// Runs a test in a folder of its own, removed afterwards.
    let inFolder (test: string -> 'T) =
        let folder = Directory.CreateTempSubdirectory "glem-test-"

        try
            test folder.FullName
        finally
            folder.Delete(recursive = true)

    let classNames count =
        [
            "Collections"
            "Diagnostics"
            "IO and file systems"
            "Globalization"
            "Networking & sockets"
            "Security.Cryptography"
        ]
        @ [ for i in 7..count -> $"Namespace group %d{i}" ]
        |> List.truncate count

    let info seed classes : RunInfo =
        let configuration =
            $$"""{ "seed": {{seed}}, "eStep": { "pseudoWeight": 0.8, "temperature": 0.2 }, "lm": { "layers": 2 } }"""

        {
            Recipe = "quickstart"
            Seed = seed
            Command = $"./glem run --recipe quickstart --seed %d{seed}"
            Started = DateTimeOffset(2026, 1, 31, 12, 0, seed, TimeSpan.Zero)
            Dataset = {
                Name = "made-up"
                Fingerprint = String.replicate 8 "0123abcd"
                Licence = Some "MIT"
                Source = Some "Invented for a test <of escaping> & \"quotes\""
                Nodes = 7500
                Edges = 28000
                Classes = classNames classes
                TrainNodes = 750
                ValidNodes = 750
                TestNodes = 2000
                SplitPolicy = Some "stratified 10/10/80, seed 0"
                EdgeHomophily = Some 0.62
                WordsPerNode = Some 235.0
            }
            Configuration = JsonDocument.Parse(configuration).RootElement
            Versions = {
                Glem = "0.1.0"
                Commit = Some "0123abcd"
                DotNet = "10.0.12"
                LibTorch = "1.13.1"
            }
            Machine = {
                Cpu = "Made-up CPU @ 2 GHz"
                Threads = 2
                Compute = "bfloat16 on cpu"
                Blas = "OpenBLAS 0.3.21 (openmp)"
                OperatingSystem = "Debian 12"
            }
        }

    let summary (random: Random) : Summary =
        let near (valid: float) =
            let jitter () = 0.012 * (random.NextDouble() - 0.5)

            {
                Valid = Math.Round(valid + jitter (), 4)
                Test = Math.Round(valid - 0.006 + jitter (), 4)
            }

        let rounds = [
            for round, lm, gnn in [ 1, 0.795, 0.826; 2, 0.809, 0.834; 3, 0.806, 0.829 ] ->
                {
                    Round = round
                    GlemLm = Some(near lm)
                    GlemGnn = Some(near gnn)
                }
        ]

        let best (student: Round -> Score option) =
            rounds |> List.maxBy (fun round -> (student round |> Option.get).Valid)

        {
            Majority = Some { Valid = 0.112; Test = 0.113 }
            TfIdf = Some(near 0.748)
            LmOnly = Some(near 0.752)
            GnnRaw = Some(near 0.781)
            Static = Some(near 0.805)
            SelfTraining = Some(near 0.761)
            GlemLm = (best _.GlemLm).GlemLm
            GlemGnn = (best _.GlemGnn).GlemGnn
            Rounds = rounds
            Selected =
                Some {
                    LmRound = (best _.GlemLm).Round
                    GnnRound = (best _.GlemGnn).Round
                    Model = Student.Gnn
                }
            EmRounds = 3
            Seconds = [
                "data", 4.2
                "tokenizer", 1.1
                "baselines", 12.4
                "pretrain-lm", 71.5 + random.NextDouble()
                "pretrain-gnn", 6.3
                "e-step 1", 42.0
                "m-step 1", 6.1
                "e-step 2", 41.2
                "m-step 2", 6.0
                "e-step 3", 42.3
                "m-step 3", 6.2
            ]
            PeakRssMb = Some 1424.0
        }

    let metrics (summary: Summary) =
        let metric event iteration model split accuracy = {
            Event = event
            Iteration = iteration
            Model = model
            Split = split
            Accuracy = accuracy
            MacroF1 = accuracy - 0.03
            Nll = 2.6 * (1.0 - accuracy)
            Ece = 0.4 * (1.0 - accuracy)
        }

        let both event iteration model (score: Score option) =
            match score with
            | None -> []
            | Some score -> [
                metric event iteration model Valid score.Valid
                metric event iteration model Test score.Test
              ]

        [
            yield! both (Event.pretrain Student.Lm) 0 Student.Lm summary.LmOnly
            yield! both "gnn-on-tfidf" 0 Student.Gnn summary.GnnRaw
            yield! both (Event.pretrain Student.Gnn) 0 Student.Gnn summary.Static
            for round in summary.Rounds do
                yield! both (Event.step Student.Lm round.Round) round.Round Student.Lm round.GlemLm
                yield! both (Event.step Student.Gnn round.Round) round.Round Student.Gnn round.GlemGnn
        ]

    let predictions (random: Random) classes count : Prediction list =
        let names = classNames classes |> Array.ofList
        // Squared, so that classes differ in size as real ones do.
        let draw () = int (float classes * random.NextDouble() ** 2.0)

        let guess accuracy gold =
            let confidence = 1.0 - 0.7 * random.NextDouble() ** 2.0
            let right = random.NextDouble() < accuracy * (0.35 + 0.65 * confidence) * 1.1
            let wrong = (gold + 1 + random.Next 3) % classes

            Some {
                Class = names[if right then gold else wrong]
                Confidence = Math.Round(confidence, 6)
            }

        [
            for i in 0 .. count - 1 ->
                let gold = draw ()

                {
                    Id = $"node, \"%d{i}\""
                    Split = (if i % 4 = 0 then Valid else Test)
                    Label = (if i % 50 = 1 then None else Some names[gold])
                    Lm = guess 0.9 gold
                    Gnn = guess 0.94 gold
                }
        ]

    let elbos (random: Random) : ElboRecord list =
        let record event round (closeness: float) = {
            Event = event
            Iteration = round
            Elbo =
                let kl = 2400.0 / (1.0 + closeness) + 50.0 * random.NextDouble()

                {
                    GoldNodes = 750
                    PseudoNodes = 6750
                    GoldLogLikelihood = -300.0 / (1.0 + closeness)
                    ExpectedLogLikelihood = -3000.0 / (1.0 + closeness) - kl
                    Entropy = 3000.0 / (1.0 + closeness)
                    KlQP = kl
                    KlPQ = 1.2 * kl
                }
        }

        [
            record ElboLog.start 0 0.0
            for round in 1..3 do
                record (Event.step Student.Lm round) round (float round - 0.4)
                record (Event.step Student.Gnn round) round (float round)
        ]

    let audits (random: Random) : AuditRecord list =
        let audit heldOut : PseudoLabelAudit =
            let taught = heldOut * 4 / 5
            let right = taught * (70 + random.Next 10) / 100
            let wrong = heldOut / 5

            {
                HeldOut = heldOut
                Taught = taught
                TaughtRight = right
                Ece = ValueSome 0.06
                Auroc = ValueSome(0.7 + 0.1 * random.NextDouble())
                Agreed = heldOut * 4 / 5
                BothWrong = wrong
                SameError = wrong * 3 / 4
                Corrections = heldOut / 20 + random.Next 30
                Corruptions = heldOut / 30 + random.Next 20
                Adopted = (taught - right) / 2
                RightBefore = wrong / 5
                AdoptedFromRight = wrong / 8
            }

        let bins = [
            for bin, heldOut in
                [
                    Within(0.0, 0.3), 1500
                    Within(0.35, 0.8), 1400
                    Within(1.0, 1.0), 3000
                    Undefined, 850
                ] -> bin, audit heldOut
        ]

        [
            for round in 1..3 do
                for student in [ Student.Lm; Student.Gnn ] do
                    {
                        Event = Event.step student round
                        Iteration = round
                        Model = student
                        Step = audit 6750
                        Bins = [ "homophily", bins; "degree", bins ]
                    }
        ]

    /// The first of the test nodes that have a label: each class in a cloud of its own, the GNN's clouds further apart.
    let map (random: Random) classes (predictions: Prediction list) : MapPoint list =
        let names = classNames classes
        let around x = Math.Round(x + 0.35 * (random.NextDouble() + random.NextDouble() - 1.0), 4)

        let place reach name =
            let angle = 2.0 * Math.PI * float (List.findIndex ((=) name) names) / float classes
            struct (around (reach * cos angle), around (reach * sin angle))

        predictions
        |> List.filter (fun p -> p.Split = Test)
        |> List.choose (fun p -> p.Label |> Option.map (fun label -> p.Id, label))
        |> List.truncate 400
        |> List.map (fun (id, label) -> {
            Id = id
            Class = label
            Lm = place 0.4 label
            Gnn = place 0.7 label
        })

    /// Writes a whole run directory.
    let run (folder: string) seed classes =
        let random = Random seed
        let summary = summary random
        RunInfo.write (RunFolder.info folder) (info seed classes) |> Result.orRaise
        Summary.write (RunFolder.summary folder) summary |> Result.orRaise

        let predictions = predictions random classes 2400
        PredictionFile.write (RunFolder.predictions folder) predictions |> Result.orRaise
        MapFile.write (RunFolder.map folder) (map random classes predictions) |> Result.orRaise

        use log = MetricLog.appendTo (RunFolder.metrics folder) |> Result.orRaise
        metrics summary |> List.iter log.Append
        use log = ElboLog.appendTo (RunFolder.elbo folder) |> Result.orRaise
        elbos random |> List.iter log.Append
        use log = AuditLog.appendTo (RunFolder.audit folder) |> Result.orRaise
        audits random |> List.iter log.Append
