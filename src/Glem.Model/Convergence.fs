namespace Glem

/// When EM is over.
type StopRule = {
    /// Rounds at most, counted from the run's start.
    Rounds: int
    /// Over when, in a round, neither side's posterior moved by as much as this, in mean total variation; 0: never.
    Epsilon: float
    /// Over after this many rounds without a better validation accuracy of either side; 0: never.
    Patience: int
}

module StopRule =
    /// A number of rounds and nothing else, as the official code.
    let rounds count = {
        Rounds = count
        Epsilon = 0.0
        Patience = 0
    }

/// A run's state with what a stop rule looks at, so that a run resumed from it stops where the uninterrupted one does.
type Watched<'q, 'p, 'theta, 'phi> = {
    State: EmState<'q, 'p, 'theta, 'phi>
    LastQ: Posterior<'q> voption
    LastP: Posterior<'p> voption
    /// Mean total variation between the two latest posteriors of each side; nothing until there are two.
    MovedQ: float voption
    MovedP: float voption
    /// The best validation accuracy of either side, and the round that made it; round 0 is pre-training.
    Best: float
    BestRound: int
}

module Convergence =
    let private accuracy validation posterior = posterior |> Predictions.onValidation validation |> Metrics.accuracy

    /// Watches a run from one of its states on.
    let start (validation: Validation) (state: EmState<'q, 'p, 'theta, 'phi>) : Watched<'q, 'p, 'theta, 'phi> =
        let lastQ, lastP, best =
            match state with
            | ReadyForE(p = p) -> ValueNone, ValueSome p, accuracy validation p
            | ReadyForM(q = q) -> ValueSome q, ValueNone, accuracy validation q

        {
            State = state
            LastQ = lastQ
            LastP = lastP
            MovedQ = ValueNone
            MovedP = ValueNone
            Best = best
            BestRound = 0
        }

    let private moved (last: Posterior<'s> voption) (now: Posterior<'s>) =
        last |> ValueOption.map (fun last -> Posterior.totalVariation last now |> Array.average)

    /// One step, watched.
    let step (validation: Validation) fits (watched: Watched<'q, 'p, 'theta, 'phi>) =
        let state = Em.step fits watched.State

        let scored round posterior watched =
            let accuracy = accuracy validation posterior

            if accuracy > watched.Best then
                {
                    watched with
                        Best = accuracy
                        BestRound = round
                }
            else
                watched

        match Em.fitted state with
        | FittedQ(round, _, q) ->
            {
                watched with
                    State = state
                    LastQ = ValueSome q
                    MovedQ = moved watched.LastQ q
            }
            |> scored round q
        | FittedP(round, _, p) ->
            {
                watched with
                    State = state
                    LastP = ValueSome p
                    MovedP = moved watched.LastP p
            }
            |> scored round p
        | Pretrained -> watched

    /// Whether the rule ends the run here. Only a whole round can be the last one.
    let isOver (rule: StopRule) (watched: Watched<'q, 'p, 'theta, 'phi>) =
        let steps = Em.steps watched.State
        let isWholeRound = steps % 2 = 0
        let hasSettled = ValueOption.exists (fun moved -> moved < rule.Epsilon)

        steps >= 2 * rule.Rounds
        || (isWholeRound && hasSettled watched.MovedQ && hasSettled watched.MovedP)
        || (isWholeRound && rule.Patience > 0 && steps / 2 - watched.BestRound >= rule.Patience)

    /// The states after each step until the rule ends the run. Lazy, as Em.run.
    let run rule validation fits (watched: Watched<'q, 'p, 'theta, 'phi>) =
        watched
        |> Seq.unfold (fun watched ->
            if isOver rule watched then
                None
            else
                let next = step validation fits watched
                Some(next, next))
