namespace Glem

open System

/// One step of EM done once more, beside what the archive has of it.
type ReplayedStep = {
    Stage: StageSpec
    /// What its answer is made of, and whether both have the same bits.
    Parts: (string * bool) list
}

/// Recomputes a single E- or M-step of a run from its archive: everything before the step is read, the step itself is not.
module Replay =
    let private bits (values: float32 seq) = values |> Seq.map BitConverter.SingleToUInt32Bits
    let private same one other = Seq.forall2 (=) (bits one) (bits other)

    let private sameWeights (one: Weights) (other: Weights) =
        one.Count = other.Count
        && one
           |> Seq.forall (fun pair ->
               match other.TryGetValue pair.Key with
               | true, weight -> weight.Shape = pair.Value.Shape && same weight.Values pair.Value.Values
               | _ -> false)

    let private samePosterior (one: Posterior<'s>) (other: Posterior<'s>) =
        same (one.Logits.ToArray()) (other.Logits.ToArray())

    let private parts
        (archived: EmState<Lm, Gnn, TrainedLm, TrainedGnn>)
        (again: EmState<Lm, Gnn, TrainedLm, TrainedGnn>)
        =
        match archived, again with
        | ReadyForM(_, _, (fit, _), _, q), ReadyForM(_, _, (fit', _), _, q') -> [
            "weights", sameWeights fit.Weights fit'.Weights
            "posterior", samePosterior q q'
            "embeddings", fit.Embeddings.Equals fit'.Embeddings
          ]
        | ReadyForE(_, _, _, (phi, _), p), ReadyForE(_, _, _, (phi', _), p') -> [
            "weights", sameWeights phi phi'
            "posterior", samePosterior p p'
          ]
        | _ -> invalidOp "steps of two kinds"

    /// The step of a number, counted from 1 in the run's order. The witness sees the step's training.
    /// Error: a number that no step has; a stage that the store lacks: nothing but the step is computed.
    let step
        (compute: Compute)
        (store: Store)
        (recipe: Recipe)
        (dataset: Dataset)
        (seed: int)
        (number: int)
        (witness: IWitness)
        : Result<ReplayedStep, GlemError> =
        try
            let stages = RunStages.ofRun (BuildIdentity.json compute) recipe dataset seed

            if number < 1 || number > stages.Steps.Length then
                let expected = $"a whole number from 1 to %d{stages.Steps.Length}, the run's steps"
                raise (GlemException(InSetting("--event", string number, expected)))

            let needed = {
                stages with
                    Steps = List.take number stages.Steps
            }

            for stage in RunStages.all needed do
                if (store.TryFind stage.Key).IsNone then
                    let instead =
                        "a store that has it: it was cleared, or made by another build or with other threads; glem run makes it again"

                    raise (GlemException(InValue($"the stage %s{stage.Name}", $"no %s{stage.Key.Short}", instead)))

            let _, _, stage = List.last needed.Steps
            use study = Study.prepare compute witness.Watch recipe dataset seed |> Result.orRaise
            let stored = StoredStudy(study, stages, store, Threading.CancellationToken.None, Witness.silent)
            let encoder = stored.PretrainEncoder()
            let lm = stored.LmOnGold encoder
            let _, gnn = stored.StaticGnn lm
            let steps = Study.steps study

            let states =
                Study.emBy (stored.Fits(steps, encoder, lm, gnn)) study lm gnn
                |> Seq.append [ Study.start study lm gnn ]
                |> Seq.take (number + 1)
                |> Seq.toList

            let before, archived = states[number - 1], states[number]
            let again = before |> Em.step (Study.fits study steps encoder (fst lm) (fst gnn))

            Ok {
                Stage = stage
                Parts = parts archived again
            }
        with GlemException error ->
            Error error
