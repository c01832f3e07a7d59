namespace Glem

open System.Threading

/// A study whose stages are asked of a store before they are computed: the method's stages by the same names as Study's.
/// Notes what each took, when it was computed.
///   cancel : ends the waiting for another process, with OperationCanceledException
type StoredStudy(study: Study, stages: RunStages, store: Store, cancel: CancellationToken, witness: IWitness) =
    let seconds = ResizeArray<string * float>()

    let obtain (stage: StageSpec) codec compute =
        let answer = store.Obtain(stage, codec, compute, cancel)

        if answer.Reused then
            witness.Kept(stage.Name, answer.Seconds)

        seconds.Add((stage.Name, answer.Seconds))
        answer.Value

    let lm previous = StageFiles.lm study.Compute.Memory (LanguageModel.width study.Lm) previous

    member _.Study = study

    /// By stage, in the order in which they were asked for.
    member _.Seconds = List.ofSeq seconds

    /// Majority, and TF-IDF with logistic regression, on every node. Raises GlemException for what the data set lacks.
    member _.Baselines() : Baselines =
        obtain stages.Baselines StageFiles.baselines (fun () ->
            let compute () = Baselines.fit (Study.whole study).Tfidf.Value (Study.whole study).Dataset
            witness.During(stages.Baselines.Name, compute) |> Result.orRaise)

    member _.PretrainEncoder() : Weights =
        match stages.Encoder with
        | None -> Study.pretrainEncoder study
        | Some stage -> obtain stage StageFiles.weights (fun () -> Study.pretrainEncoder study)

    member _.LmOnGold(encoder) : TrainedLm = obtain stages.Lm (lm None) (fun () -> Study.lmOnGold study encoder)

    member _.GnnOnTfidf() : TrainedGnn =
        obtain stages.GnnRaw StageFiles.gnn (fun () -> Study.gnnOnFeatures study study.Raw.Value)

    member _.StaticGnn(lm: TrainedLm) : NodeInputs * TrainedGnn =
        let inputs = Study.nodeInputs study (Study.steps study) 1 (fst lm) (snd lm)
        obtain stages.Gnn (StageFiles.staticGnn inputs) (fun () -> Study.staticGnn study lm)

    /// EM's two steps.
    member _.Fits
        (steps, encoder, pretrainedLm: TrainedLm, pretrainedGnn: TrainedGnn)
        : Fits<Lm, Gnn, TrainedLm, TrainedGnn> =
        let fits = Study.fits study steps encoder (fst pretrainedLm) (fst pretrainedGnn)

        {
            FitQ =
                fun (turn: Turn) phi p theta ->
                    let stage = RunStages.step Student.Lm turn.Round stages
                    let previous = (fst theta).Embeddings
                    let theta = obtain stage (lm (Some previous)) (fun () -> fits.FitQ turn phi p theta |> fst)
                    theta, snd theta
            FitP =
                fun (turn: Turn) theta q phi ->
                    let stage = RunStages.step Student.Gnn turn.Round stages
                    let phi = obtain stage StageFiles.gnn (fun () -> fits.FitP turn theta q phi |> fst)
                    phi, snd phi
        }
