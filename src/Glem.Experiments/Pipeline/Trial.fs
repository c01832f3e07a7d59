namespace Glem

open System
open System.Diagnostics
open System.IO

/// One run of a recipe, from a data set to a run directory.
type TrialRequest = {
    Recipe: Recipe
    Dataset: Dataset
    Seed: int
    Compute: Compute
    /// The run directory to make; it must not exist.
    Output: string
    /// The command line that asks for the same again.
    Command: string
}

/// One student in one round: its model, what it says of every node, and how it scores.
type private Candidate<'model, 'source> = {
    Round: int
    Model: 'model
    Posterior: Posterior<'source>
    Valid: Scores
    Test: Scores
}

/// What a run does before the graph counts. Runs that differ in their graph's side alone share it.
type private Beginning = {
    Study: Study
    Baselines: Baselines
    Encoder: Weights
    Lm: LmFit * Posterior<Lm>
    /// What it took, by stage.
    Seconds: (string * float) list
}

/// A GNN with what it read of every node, and from which LM's embeddings.
type private TrainedGnn = {
    Weights: Weights
    Inputs: NodeInputs
    Reads: LmFit
}

/// Runs the whole ladder: baselines, the LM alone, the static two-stage pipeline, and EM.
module Trial =
    let private scores audit part (posterior: Posterior<'s>) =
        posterior |> Predictions.onPart audit part |> Metrics.scores

    let private rung audit posterior : Score = {
        Valid = (scores audit Valid posterior).Accuracy
        Test = (scores audit Test posterior).Accuracy
    }

    let private scoreOf (candidate: Candidate<'m, 's>) : Score = {
        Valid = candidate.Valid.Accuracy
        Test = candidate.Test.Accuracy
    }

    /// Scores a model on every part and logs it.
    let private judge (log: LineLog<Metric>) audit event student round (model, posterior) =
        let onPart part =
            let scores = scores audit part posterior

            log.Append {
                Event = event
                Iteration = round
                Model = student
                Split = part
                Accuracy = scores.Accuracy
                MacroF1 = scores.MacroF1
                Nll = scores.Nll
                Ece = scores.Ece
            }

            scores

        onPart Train |> ignore

        {
            Round = round
            Model = model
            Posterior = posterior
            Valid = onPart Valid
            Test = onPart Test
        }

    /// The candidate chosen on validation; pre-training, where EM did not run.
    let private select pretrained candidates =
        let candidates = if List.isEmpty candidates then [ pretrained ] else candidates
        (candidates |> Select.byValidation _.Round _.Valid).Run

    let private predictions (dataset: Dataset) (lm: Posterior<Lm>) (gnn: Posterior<Gnn>) : Prediction list =
        let guesses posterior =
            Array.map2
                (fun (k: int<cls>) confidence ->
                    Some {
                        Class = dataset.ClassNames[int k]
                        Confidence = confidence
                    })
                (Posterior.argmax posterior)
                (Posterior.confidence posterior)

        let audit = dataset.Audit
        let lm, gnn = guesses lm, guesses gnn

        [
            for i in 0 .. dataset.Graph.NodeCount - 1 do
                let label = audit.Label(i * 1<node>) |> ValueOption.map (fun k -> dataset.ClassNames[int k])

                {
                    Id = dataset.Graph.Ids[i]
                    Split = dataset.Split[i * 1<node>]
                    Label = ValueOption.toOption label
                    Lm = lm[i]
                    Gnn = gnn[i]
                }
        ]

    let private save (study: Study) folder (lm: LmFit) (gnn: TrainedGnn) =
        let saveLm folder (lm: LmFit) =
            Checkpoint.saveLm folder {
                Model = study.Lm
                Weights = lm.Weights
                Tokenizer = study.Tokenizer
                ClassNames = study.Dataset.ClassNames
                MaxTokens = study.LmSource.MaxTokens
            }

        let gnnFolder = RunFolder.checkpoint Student.Gnn folder
        saveLm (RunFolder.checkpoint Student.Lm folder) lm

        // The GNN's LM is often the best one; another stands with the GNN.
        let readLm =
            if not study.Recipe.Gnn.Features.NeedsLm then
                None
            elif obj.ReferenceEquals(gnn.Reads, lm) then
                Some "../lm"
            else
                saveLm (Path.Combine(gnnFolder, "lm")) gnn.Reads
                Some "lm"

        if study.Recipe.Gnn.Features.NeedsText then
            TextFeatures.save gnnFolder study.TextFeatures.Value

        let graph = (Study.whole study).Dataset.Graph

        GraphCheckpoint.save gnnFolder {
            Config = GraphModel.ofRecipe study.Recipe.Gnn gnn.Inputs study.Supervision.ClassCount
            Weights = gnn.Weights
            ClassNames = study.Dataset.ClassNames
            Ids = graph.Ids
            Edges = graph.Edges
            Inputs = gnn.Inputs
            Features = study.Recipe.Gnn.Features
            Lm = readLm
        }

    /// Notes what each stage took.
    type private Laps() =
        let lap = Stopwatch.StartNew()
        let seconds = ResizeArray<string * float>()

        member _.Timed name answer =
            seconds.Add((name, lap.Elapsed.TotalSeconds))
            lap.Restart()
            answer

        member _.Seconds = List.ofSeq seconds

    let private beginning (request: TrialRequest) (witness: IWitness) : Beginning =
        let laps = Laps()

        let study =
            witness.During(
                "tokenizer",
                fun () -> Study.prepare request.Compute witness.Watch request.Recipe request.Dataset request.Seed
            )
            |> Result.orRaise
            |> laps.Timed "tokenizer"

        let baselines =
            witness.During("TF-IDF baselines", fun () -> Baselines.fit (Study.whole study).Tfidf.Value request.Dataset)
            |> Result.orRaise
            |> laps.Timed "TF-IDF baselines"

        let encoder = Study.pretrainEncoder study |> laps.Timed "masked-language model"
        let lm = Study.lmOnGold study encoder |> laps.Timed "LM on gold"

        {
            Study = study
            Baselines = baselines
            Encoder = encoder
            Lm = lm
            Seconds = laps.Seconds
        }

    /// The stages that follow in the method's order, into an existing folder.
    let private stages (request: TrialRequest) (beginning: Beginning) (folder: string) =
        let recipe, dataset = request.Recipe, request.Dataset
        let audit = dataset.Audit
        let study, encoder, lm = beginning.Study, beginning.Encoder, beginning.Lm
        let laps = Laps()

        use log = MetricLog.appendTo (RunFolder.metrics folder) |> Result.orRaise
        let judgeLm event round fit = judge log audit event Student.Lm round fit
        let judgeGnn event round fit = judge log audit event Student.Gnn round fit

        let raw =
            Study.gnnOnFeatures study study.Raw.Value
            |> Everywhere.gnnOnFeatures study (Study.whole study).Raw.Value
            |> laps.Timed "GNN on TF-IDF"

        let read, gnn = Study.staticGnn study lm |> laps.Timed "GNN on embeddings"
        let lmOnly = Everywhere.lm study None lm |> judgeLm (Event.pretrain Student.Lm) 0
        let steps = Study.steps study
        let mutable previous, latest = lmOnly, lmOnly

        // A GNN is worth nothing without what it read: each keeps it.
        let reading (phi, (inputs, p)) =
            {
                Weights = phi
                Inputs = inputs
                Reads = (if recipe.Gnn.Features = PreviousEmbeddings then previous else latest).Model
            },
            p

        let twoStage =
            (fst gnn, Everywhere.staticGnn study steps (latest.Model, latest.Posterior) (read, gnn))
            |> reading
            |> judgeGnn (Event.pretrain Student.Gnn) 0

        let lms, gnns = ResizeArray(), ResizeArray()
        use record = StepRecord.Open(folder, study, snd lm, snd gnn) |> Result.orRaise
        let start = Study.start study lm gnn

        for before, after in Study.em study encoder lm gnn |> Seq.append [ start ] |> Seq.pairwise do
            let taught = Study.taught study steps before

            match Em.fitted after with
            | FittedQ(round, theta, q) ->
                record.AfterE(round, taught, q)
                previous <- latest

                latest <-
                    Everywhere.lm study (Some previous.Model) (theta, q) |> judgeLm (Event.step Student.Lm round) round

                lms.Add latest |> laps.Timed $"E-step %d{round}"
            | FittedP(round, phi, p) ->
                record.AfterM(round, taught, p)

                let answer = Everywhere.gnn study steps round (latest.Model, latest.Posterior) (phi, p)

                gnns.Add(reading (phi, answer) |> judgeGnn (Event.step Student.Gnn round) round)
                |> laps.Timed $"M-step %d{round}"
            | Fitted.Pretrained -> ()

        let lms, gnns = List.ofSeq lms, List.ofSeq gnns
        // Fewer than the recipe's where EM converged.
        let rounds = max lms.Length gnns.Length
        let bestLm, bestGnn = select lmOnly lms, select twoStage gnns
        save study folder bestLm.Model bestGnn.Model

        predictions dataset bestLm.Posterior bestGnn.Posterior
        |> PredictionFile.write (RunFolder.predictions folder)
        |> Result.orRaise

        let ofRound round candidates =
            candidates |> List.tryFind (fun candidate -> candidate.Round = round) |> Option.map scoreOf

        laps.Timed "files" ()

        {
            Majority = Some(rung audit beginning.Baselines.Majority)
            TfIdf = Some(rung audit beginning.Baselines.Tfidf)
            LmOnly = Some(scoreOf lmOnly)
            GnnRaw = Some(rung audit raw)
            Static = Some(scoreOf twoStage)
            SelfTraining = None
            GlemLm = if lms.IsEmpty then None else Some(scoreOf bestLm)
            GlemGnn = if gnns.IsEmpty then None else Some(scoreOf bestGnn)
            Rounds = [
                for round in 1..rounds ->
                    {
                        Round = round
                        GlemLm = ofRound round lms
                        GlemGnn = ofRound round gnns
                    }
            ]
            Selected =
                Some {
                    LmRound = bestLm.Round
                    GnnRound = bestGnn.Round
                    Model = if Training.isBetter bestLm.Valid bestGnn.Valid then Student.Lm else Student.Gnn
                }
            EmRounds = rounds
            Seconds = beginning.Seconds @ laps.Seconds
            PeakRssMb = Some(RunRecord.peakMemory ())
        }

    /// Whether a run directory can be made there, before any work is done for it.
    let checkOutput (output: string) : Result<unit, GlemError> =
        let path = Path.GetFullPath output

        try
            if Directory.Exists path || File.Exists path then
                Error(InFile(output, "", "something that exists", "a new folder"))
            else
                let probe = $"%s{path}.%d{Environment.ProcessId}.probe"
                Directory.CreateDirectory probe |> ignore
                Directory.Delete probe
                Ok()
        with
        | :? IOException
        | :? UnauthorizedAccessException ->
            Error(
                InFile(
                    output,
                    "",
                    "a place that cannot be written to",
                    "a new folder in a folder that can be written to"
                )
            )

    /// Makes a run into a folder beside its output and renames it when all is written.
    let private make (beginning: Lazy<Beginning>) (request: TrialRequest) =
        let output = Path.TrimEndingDirectorySeparator(Path.GetFullPath request.Output)
        let stamp = DateTime.UtcNow.ToString "yyyyMMdd-HHmmss"
        let partial = $"%s{output}.partial-%s{stamp}"
        Directory.CreateDirectory partial |> ignore

        RunRecord.info request.Compute request.Recipe request.Dataset request.Seed request.Command
        |> RunInfo.write (RunFolder.info partial)
        |> Result.orRaise

        let shared = beginning.Value

        let beginning = {
            shared with
                Study = Study.withGraphSide request.Recipe shared.Study
        }

        let summary = stages request beginning partial
        Summary.write (RunFolder.summary partial) summary |> Result.orRaise
        Report.write partial [ partial ] |> Result.orRaise
        Directory.Move(partial, output)
        summary

    /// Runs recipes that differ in their graph's side alone: one language model on gold labels serves them all, and each gives
    /// the files, to the bit, that it gives by itself. Its summary counts the seconds of what it shares as its own. An output
    /// folder is whole; what was made before a failure or Ctrl-C stays beside, in `<output>.partial-<time>`.
    /// Errors: recipes that differ in more; an output that exists or cannot be written to; whatever the data set lacks; a loss
    /// that is not finite.
    let runAll (requests: TrialRequest list) (witness: IWitness) : Result<Summary list, GlemError> =
        match requests with
        | [] -> Ok []
        | first :: _ ->
            try
                for request in requests do
                    checkOutput request.Output |> Result.orRaise
                    Recipe.sameLanguageSide first.Recipe request.Recipe |> Result.orRaise

                Protocol.expose first.Recipe.Protocol first.Dataset |> Result.orRaise |> ignore
                HeldOutLinks.withhold first.Recipe.Links first.Dataset |> Result.orRaise |> ignore
                let beginning = lazy (beginning first witness)

                try
                    requests |> List.map (make beginning) |> Ok
                finally
                    if beginning.IsValueCreated then
                        (beginning.Value.Study :> IDisposable).Dispose()
            with
            | GlemException error -> Error error
            | :? IOException
            | :? UnauthorizedAccessException as problem ->
                Error(InFile(first.Output, "", problem.Message, "a folder that can be written to"))

    /// Runs the recipe, as runAll says.
    let run (request: TrialRequest) (witness: IWitness) : Result<Summary, GlemError> =
        runAll [ request ] witness |> Result.map List.head
