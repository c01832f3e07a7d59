namespace Glem

/// Which student the first EM step trains. LM-first starts from a pre-trained GNN's posterior, GNN-first from a
/// pre-trained LM's.
type Order =
    | LmFirst
    | GnnFirst

/// What the run waits for. Each case holds exactly what its next step reads; `steps` counts the steps done.
/// Generic in its two sides, q (text only) and p (graph): LM and GNN, two GNNs (GMNN), probability tables.
type EmState<'q, 'p, 'theta, 'phi> =
    | ReadyForE of steps: int * key: Key * theta: 'theta * phi: 'phi * p: Posterior<'p>
    | ReadyForM of steps: int * key: Key * theta: 'theta * phi: 'phi * q: Posterior<'q>

/// The two fits that EM alternates. Same arguments, same answer, bit for bit: the randomness is in the turn.
type Fits<'q, 'p, 'theta, 'phi> = {
    /// E-step: q learns from p's posterior, phi fixed. An exact E-step reads phi; a sampled one need not.
    FitQ: Turn -> 'phi -> Posterior<'p> -> 'theta -> 'theta * Posterior<'q>
    /// M-step: p learns from q's posterior, theta fixed. It reads theta for the LM's embeddings, its inputs.
    FitP: Turn -> 'theta -> Posterior<'q> -> 'phi -> 'phi * Posterior<'p>
}

/// What the last step made. Round 0 is pre-training.
type Fitted<'q, 'p, 'theta, 'phi> =
    | Pretrained
    | FittedQ of round: int * theta: 'theta * q: Posterior<'q>
    | FittedP of round: int * phi: 'phi * p: Posterior<'p>

/// Variational EM (Zhao et al. 2023, section 4), as a function from state to state.
module Em =
    /// LM-first: the E-step learns from a pre-trained p.
    let startWithE key theta phi p = ReadyForE(0, key, theta, phi, p)

    /// GNN-first: the M-step learns from a pre-trained q.
    let startWithM key theta phi q = ReadyForM(0, key, theta, phi, q)

    let steps state =
        match state with
        | ReadyForE(steps = steps)
        | ReadyForM(steps = steps) -> steps

    /// The round that the next step belongs to, from 1. A round is one E-step and one M-step, in either order.
    let round state = steps state / 2 + 1

    /// What the next step is told.
    let turn (state: EmState<'q, 'p, 'theta, 'phi>) =
        let named stage key =
            let key = Key.named stage key

            {
                Round = round state
                Key = Key.at (round state) key
                SideKey = key
            }

        match state with
        | ReadyForE(key = key) -> named "e-step" key
        | ReadyForM(key = key) -> named "m-step" key

    /// Train the side whose turn it is on the other side's posterior.
    let step (fits: Fits<'q, 'p, 'theta, 'phi>) state =
        let turn = turn state

        match state with
        | ReadyForE(steps, key, theta, phi, p) ->
            let theta, q = fits.FitQ turn phi p theta
            ReadyForM(steps + 1, key, theta, phi, q)
        | ReadyForM(steps, key, theta, phi, q) ->
            let phi, p = fits.FitP turn theta q phi
            ReadyForE(steps + 1, key, theta, phi, p)

    /// The states after each step, until `rounds` rounds are done, counted from the run's start: a run resumed from
    /// any of its states continues as the uninterrupted one. Lazy: a step runs when its state is asked for, and
    /// again when the sequence is read again (Seq.cache keeps).
    let run rounds (fits: Fits<'q, 'p, 'theta, 'phi>) state =
        state
        |> Seq.unfold (fun state ->
            if steps state >= 2 * rounds then
                None
            else
                let next = step fits state
                Some(next, next))

    /// What the step before this state made.
    let fitted (state: EmState<'q, 'p, 'theta, 'phi>) =
        match state with
        | ReadyForE(steps = 0)
        | ReadyForM(steps = 0) -> Pretrained
        | ReadyForM(steps, _, theta, _, q) -> FittedQ((steps + 1) / 2, theta, q)
        | ReadyForE(steps, _, _, phi, p) -> FittedP((steps + 1) / 2, phi, p)
