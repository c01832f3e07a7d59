namespace Glem

open System
open System.Diagnostics
open System.IO
open System.Threading

/// One run of a recipe, from a data set to a run directory.
type TrialRequest = {
    Recipe: Recipe
    Dataset: Dataset
    Seed: int
    Compute: Compute
    /// The run directory to make; it must not exist.
    Output: string
    /// Where stages are asked for before they are computed.
    Store: Store
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

/// A GNN with what it read of every node, and from which LM's embeddings.
type private ReadingGnn = {
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

    let private save (study: Study) folder (lm: LmFit) (gnn: ReadingGnn) =
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

    /// The whole ladder in the method's order, into an existing folder.
    let private ladder (dataset: Dataset) (stored: StoredStudy) (folder: string) =
        let study, audit = stored.Study, dataset.Audit
        let recipe = study.Recipe

        use log = MetricLog.appendTo (RunFolder.metrics folder) |> Result.orRaise
        let judgeLm event round fit = judge log audit event Student.Lm round fit
        let judgeGnn event round fit = judge log audit event Student.Gnn round fit

        let baselines = stored.Baselines()
        let encoder = stored.PretrainEncoder()
        let lm = stored.LmOnGold encoder
        let raw = stored.GnnOnTfidf() |> Everywhere.gnnOnFeatures study (Study.whole study).Raw
        let read, gnn = stored.StaticGnn lm
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
        let states = Study.emBy (stored.Fits(steps, encoder, lm, gnn)) study lm gnn

        for before, after in states |> Seq.append [ Study.start study lm gnn ] |> Seq.pairwise do
            let turn = Em.turn before

            match before, after with
            | ReadyForE(_, _, (_, old), _, p), ReadyForM(_, _, theta, _, q) ->
                record.AfterE(turn.Round, Study.taught study steps.E turn old p, q)
                previous <- latest

                latest <-
                    Everywhere.lm study (Some previous.Model) theta
                    |> judgeLm (Event.step Student.Lm turn.Round) turn.Round

                lms.Add latest
            | ReadyForM(_, _, _, (_, old), q), ReadyForE(_, _, _, phi, p) ->
                record.AfterM(turn.Round, Study.taught study steps.M turn old q, p)
                let answer = Everywhere.gnn study steps turn.Round (latest.Model, latest.Posterior) phi

                gnns.Add(reading (fst phi, answer) |> judgeGnn (Event.step Student.Gnn turn.Round) turn.Round)
            | _ -> invalidOp "EM's steps alternate"

        let lms, gnns = List.ofSeq lms, List.ofSeq gnns
        // Fewer than the recipe's where EM converged.
        let rounds = max lms.Length gnns.Length
        let bestLm, bestGnn = select lmOnly lms, select twoStage gnns
        save study folder bestLm.Model bestGnn.Model

        let answers = predictions dataset bestLm.Posterior bestGnn.Posterior
        PredictionFile.write (RunFolder.predictions folder) answers |> Result.orRaise

        match EmbeddingMap.create answers bestLm.Model.Embeddings bestGnn.Posterior with
        | [] -> ()
        | points -> MapFile.write (RunFolder.map folder) points |> Result.orRaise

        let ofRound round candidates =
            candidates |> List.tryFind (fun candidate -> candidate.Round = round) |> Option.map scoreOf

        {
            Majority = Some(rung audit baselines.Majority)
            TfIdf = Some(rung audit baselines.Tfidf)
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
            Seconds = stored.Seconds
            PeakRssMb = Some(RunRecord.peakMemory ())
        }

    /// A name beside an output, for what becomes it: later ones sort behind earlier ones.
    let private beside (output: string) =
        let stamp = DateTime.UtcNow.ToString "yyyyMMdd-HHmmssfff"
        // Two runs into one output may begin in the same moment.
        let unique = Guid.NewGuid().ToString("N").Substring(0, 8)
        $"%s{output}.partial-%s{stamp}-%s{unique}"

    /// Whether a run directory can be made there, before any work is done for it.
    let checkOutput (output: string) : Result<unit, GlemError> =
        let path = Path.GetFullPath output

        try
            if Directory.Exists path || File.Exists path then
                Error(InFile(output, "", "something that exists", "a new folder"))
            else
                let probe = beside (Path.TrimEndingDirectorySeparator path)
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

    /// What runs into the same output left when they died: it is all in this one. They began earlier; of two that race, the
    /// later one stays.
    let private forgetBefore (partial: string) (output: string) =
        let folder, name = Path.GetDirectoryName output |> nonNull, Path.GetFileName output

        for earlier in Directory.GetDirectories(folder, $"%s{name}.partial-*") do
            if String.CompareOrdinal(Path.GetFileName earlier, Path.GetFileName partial) < 0 then
                Directory.Delete(earlier, true)

    /// Makes a run into a folder beside its output and renames it when all is written.
    let private make (cancel: CancellationToken) (request: TrialRequest) (witness: IWitness) =
        let witness = Witness.stoppable cancel witness
        let output = Path.TrimEndingDirectorySeparator(Path.GetFullPath request.Output)
        let partial = beside output
        let recipe, dataset, compute = request.Recipe, request.Dataset, request.Compute
        let stages = RunStages.ofRun (BuildIdentity.json compute) recipe dataset request.Seed
        let clock = Stopwatch.StartNew()
        use logged = new LoggedWitness(witness)
        let witness: IWitness = logged

        use study =
            witness.During("tokenizer", fun () -> Study.prepare compute witness.Watch recipe dataset request.Seed)
            |> Result.orRaise

        let preparation = clock.Elapsed.TotalSeconds
        let stored = StoredStudy(study, stages, request.Store, cancel, witness)
        Directory.CreateDirectory partial |> ignore
        logged.Begin(partial, RunStages.all stages |> List.map _.Name)

        RunRecord.info compute recipe dataset request.Seed request.Command
        |> RunInfo.write (RunFolder.info partial)
        |> Result.orRaise

        let summary = ladder dataset stored partial

        let summary = {
            summary with
                Seconds = ("tokenizer", preparation) :: summary.Seconds
        }

        Summary.write (RunFolder.summary partial) summary |> Result.orRaise
        Report.write partial [ partial ] |> Result.orRaise
        logged.Complete partial
        forgetBefore partial output
        Directory.Move(partial, output)
        summary

    /// Runs the recipe; stages that the store has are not computed again, and each gives the same bits either way. The summary
    /// counts the seconds that a stage took when it was computed. The output folder is whole; what was made before a
    /// failure or a stop stays beside, in `<output>.partial-<time>`.
    /// Raises OperationCanceledException after the step in which `cancel` is asked for.
    /// Errors: an output that exists or cannot be written to; whatever the data set lacks; a loss that is not finite.
    let runUntil (cancel: CancellationToken) (request: TrialRequest) (witness: IWitness) : Result<Summary, GlemError> =
        try
            checkOutput request.Output |> Result.orRaise
            make cancel request witness |> Ok
        with
        | GlemException error -> Error error
        | :? IOException as problem when RunFile.isDiskFull problem ->
            Error(InFile(request.Output, "", problem.Message, "room on its disk"))
        | :? IOException
        | :? UnauthorizedAccessException as problem ->
            Error(InFile(request.Output, "", problem.Message, "a folder that can be written to"))

    /// The same, to its end.
    let run (request: TrialRequest) (witness: IWitness) : Result<Summary, GlemError> =
        runUntil CancellationToken.None request witness
