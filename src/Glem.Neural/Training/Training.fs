namespace Glem

/// How long to train and when to look at the validation nodes.
type Plan = {
    Steps: int
    /// Steps from one evaluation to the next; the last step is always followed by one.
    EvaluateEvery: int
    /// Evaluations without improvement before training stops; 0 trains to the end.
    Patience: int
}

/// What training needs of a student. `Step k` performs optimiser step k (from 0) and answers its loss.
type Trainee = {
    /// Names the stage in messages: "LM pre-training", "E-step 2", …
    Name: string
    Step: int -> float
    /// Scores on the validation nodes' gold labels, never on the training mixture; nothing where a stage has no
    /// labels (masked-language-model pre-training), which then trains to the end and keeps its last weights.
    Evaluate: (unit -> Scores) option
    Parameters: Parameters
}

/// Training between two optimiser steps.
type TrainState = {
    /// Steps done.
    Step: int
    Steps: int
    /// The last step's loss.
    Loss: float
    /// The evaluation that followed the last step, if one did.
    Validation: Scores option
    Best: (Scores * Weights) option
    SinceBest: int
    IsDone: bool
}

module Training =
    /// Higher validation accuracy wins; on equal accuracy lower negative log-likelihood does.
    let isBetter (challenger: Scores) (champion: Scores) =
        challenger.Accuracy > champion.Accuracy
        || (challenger.Accuracy = champion.Accuracy && challenger.Nll < champion.Nll)

    let private start (plan: Plan) step : TrainState = {
        Step = step
        Steps = plan.Steps
        Loss = nan
        Validation = None
        Best = None
        SinceBest = 0
        IsDone = step >= plan.Steps
    }

    let private checkFinite what (trainee: Trainee) step (value: float) =
        if not (System.Double.IsFinite value) then
            let where = $"%s{what} of %s{trainee.Name} at step %d{step}"
            raise (GlemException(InValue(where, string value, "a finite number (lower the learning rate?)")))

    let private judge (plan: Plan) (trainee: Trainee) scores (state: TrainState) =
        checkFinite "validation loss" trainee state.Step scores.Nll

        let isBest =
            match state.Best with
            | None -> true
            | Some(champion, _) -> isBetter scores champion

        let sinceBest = if isBest then 0 else state.SinceBest + 1

        {
            state with
                Validation = Some scores
                Best = if isBest then Some(scores, trainee.Parameters.Snapshot()) else state.Best
                SinceBest = sinceBest
                IsDone = state.IsDone || (plan.Patience > 0 && sinceBest >= plan.Patience)
        }

    let private step (plan: Plan) (trainee: Trainee) (state: TrainState) =
        let loss = trainee.Step state.Step
        checkFinite "loss" trainee (state.Step + 1) loss
        let steps = state.Step + 1

        let next = {
            state with
                Step = steps
                Loss = loss
                Validation = None
                IsDone = steps = plan.Steps
        }

        match trainee.Evaluate with
        | Some evaluate when steps % plan.EvaluateEvery = 0 || next.IsDone -> judge plan trainee (evaluate ()) next
        | _ -> next

    /// One state per optimiser step from a given one on. Enumerate once: the states share the trainee's parameters.
    let statesFrom (first: int) (plan: Plan) (trainee: Trainee) =
        start plan first
        |> Seq.unfold (fun state ->
            if state.IsDone then
                None
            else
                let next = step plan trainee state
                Some(next, next))

    /// One state per optimiser step.
    let states (plan: Plan) (trainee: Trainee) = statesFrom 0 plan trainee

    /// Trains to the end, shows every state to `watch`, and leaves the parameters at the best evaluation's values.
    /// Answers that evaluation's scores.
    let toBest (plan: Plan) (trainee: Trainee) (watch: TrainState -> unit) =
        let show state =
            watch state
            state

        let last = states plan trainee |> Seq.map show |> Seq.last

        last.Best
        |> Option.map (fun (scores, weights) ->
            trainee.Parameters.Restore weights
            scores)
