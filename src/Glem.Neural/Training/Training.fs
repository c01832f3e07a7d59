namespace Glem

/// A student's quality on the validation nodes' gold labels, never on the training mixture.
type Evaluation = { Accuracy: float; Nll: float }

module Evaluation =
    /// Higher accuracy wins; on equal accuracy lower negative log-likelihood does.
    let isBetter (challenger: Evaluation) (champion: Evaluation) =
        challenger.Accuracy > champion.Accuracy
        || (challenger.Accuracy = champion.Accuracy && challenger.Nll < champion.Nll)

/// How long to train and when to look at the validation nodes.
type Plan =
    {
        Steps: int
        /// Steps from one evaluation to the next; the last step is always followed by one.
        EvaluateEvery: int
        /// Evaluations without improvement before training stops; 0 trains to the end.
        Patience: int
    }

/// What training needs of a student. `Step k` performs optimiser step k (from 0) and answers its loss.
type Trainee =
    {
        /// Names the stage in messages: "LM pre-training", "E-step 2", …
        Name: string
        Step: int -> float
        Evaluate: unit -> Evaluation
        Parameters: Parameters
    }

/// Training between two optimiser steps.
type TrainState =
    {
        /// Steps done.
        Step: int
        Steps: int
        /// The last step's loss.
        Loss: float
        /// The evaluation that followed the last step, if one did.
        Evaluation: Evaluation option
        Best: (Evaluation * Weights) option
        SinceBest: int
        IsDone: bool
    }

module Training =
    let private start plan =
        { Step = 0
          Steps = plan.Steps
          Loss = nan
          Evaluation = None
          Best = None
          SinceBest = 0
          IsDone = plan.Steps = 0 }

    let private checkFinite trainee step loss =
        if not (System.Double.IsFinite loss) then
            let where = $"loss of %s{trainee.Name} at step %d{step + 1}"
            raise (GlemException(InValue(where, string loss, "a finite number (lower the learning rate?)")))

    let private evaluate plan trainee state =
        let evaluation = trainee.Evaluate()

        let isBest =
            match state.Best with
            | None -> true
            | Some(champion, _) -> Evaluation.isBetter evaluation champion

        let best, sinceBest =
            if isBest then
                state.Best |> Option.iter (snd >> Weights.dispose)
                Some(evaluation, trainee.Parameters.Snapshot()), 0
            else
                state.Best, state.SinceBest + 1

        { state with
            Evaluation = Some evaluation
            Best = best
            SinceBest = sinceBest
            IsDone = state.IsDone || (plan.Patience > 0 && sinceBest >= plan.Patience) }

    let private step plan trainee state =
        let loss = trainee.Step state.Step
        checkFinite trainee state.Step loss
        let steps = state.Step + 1

        let next =
            { state with
                Step = steps
                Loss = loss
                Evaluation = None
                IsDone = steps = plan.Steps }

        if steps % plan.EvaluateEvery = 0 || next.IsDone then
            evaluate plan trainee next
        else
            next

    /// One state per optimiser step. Enumerate once: the states share the trainee's parameters.
    let states plan trainee =
        start plan
        |> Seq.unfold (fun state ->
            if state.IsDone then
                None
            else
                let next = step plan trainee state
                Some(next, next))

    /// Trains to the end, shows every state to `watch`, and sets the parameters to the best evaluation's.
    let toBest plan trainee (watch: TrainState -> unit) =
        let mutable last = start plan

        for state in states plan trainee do
            watch state
            last <- state

        match last.Best with
        | Some(evaluation, weights) ->
            trainee.Parameters.Restore weights
            Weights.dispose weights
            Some evaluation
        | None -> None
