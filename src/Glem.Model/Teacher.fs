namespace Glem

/// Whose labels teach in a step. GLEM's own is the other student; the rest are controls of it.
type Teacher =
    /// The other student, as the method has it.
    | Other
    /// The other student's rows, handed round among the nodes that may be taught: as many pseudo labels, as sure and of the
    /// same classes, that say nothing of their nodes.
    | Shuffled
    /// The student that is taught (self-training).
    | Itself
    /// The true labels, held-out ones too: the ceiling of what pseudo labels can give. What it teaches has seen the answers.
    | Oracle of Audit

module Teacher =
    let private shuffled key (pool: int<node>[]) (other: Posterior<'other>) : Posterior<'other> =
        let logits, c = other.Logits.ToArray(), other.ClassCount
        let rows = Array.copy logits

        (pool, Key.shuffle key pool)
        ||> Array.iter2 (fun at from -> Array.blit logits (int from * c) rows (int at * c) c)

        Posterior.ofLogits c rows

    // A node without a label keeps the other student's row: there is no truth to tell.
    let private truth (audit: Audit) (other: Posterior<'other>) : Posterior<'other> =
        let rows, c = other.Logits.ToArray(), other.ClassCount

        for i in 0 .. other.NodeCount - 1 do
            match audit.Label(i * 1<node>) with
            | ValueNone -> ()
            | ValueSome label ->
                for k in 0 .. c - 1 do
                    rows[i * c + k] <- if k = int label then 0f else -infinityf

        Posterior.ofLogits c rows

    /// What teaches a student.   pool : the nodes that may be taught   key : of the turn   own : the student's posterior
    let says (teacher: Teacher) key pool (own: Posterior<'own>) (other: Posterior<'other>) : Posterior<'other> =
        match teacher with
        | Other -> other
        | Shuffled -> shuffled (Key.named "shuffled teacher" key) pool other
        | Itself -> Posterior.ofLogits own.ClassCount (own.Logits.ToArray())
        | Oracle audit -> truth audit other
