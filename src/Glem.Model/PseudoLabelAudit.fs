namespace Glem

/// One EM step as it happened: who taught which nodes, and the student on both sides of it.
type TaughtStep<'Teacher, 'Student> = {
    /// The nodes that got pseudo labels: the pool after its filter.
    Taught: int<node>[]
    /// The teacher's beliefs as it formed them, before any temperature.
    Teacher: Posterior<'Teacher>
    /// The student before the step: as pre-trained, or after the round before.
    Before: Posterior<'Student>
    After: Posterior<'Student>
}

/// What an EM step's pseudo labels were worth, judged by labels that the step never saw. Counts over two sets of
/// nodes, both labelled and outside training: `held out` is all of them, `taught` those that got a pseudo label.
/// Rates are ValueNone where they would be 0 / 0.
type PseudoLabelAudit = {
    /// Held-out nodes.
    HeldOut: int
    /// Held-out nodes that got a pseudo label.
    Taught: int
    /// Taught nodes whose pseudo label (the teacher's likeliest class) is the true one.
    TaughtRight: int
    /// The teacher's expected calibration error on the taught nodes, 15 bins.
    Ece: float voption
    /// Area under the ROC curve of the teacher's confidence as a sign that its label is right, on the taught nodes:
    /// 0.5 says nothing, 1 sorts right from wrong.
    Auroc: float voption
    /// Held-out nodes of one class to teacher and student (after the step).
    Agreed: int
    /// Held-out nodes that both get wrong.
    BothWrong: int
    /// Those of BothWrong to which both give the same class.
    SameError: int
    /// Held-out nodes that the student had wrong before the step and right after it.
    Corrections: int
    /// Held-out nodes that the student had right before the step and wrong after it.
    Corruptions: int
    /// Wrongly taught nodes to which the student, after the step, gives the teacher's wrong class.
    Adopted: int
    /// Wrongly taught nodes that the student had right before the step.
    RightBefore: int
    /// Those of RightBefore to which the student, after the step, gives the teacher's wrong class.
    AdoptedFromRight: int
} with

    member private _.Share(part: int, whole: int) = if whole = 0 then ValueNone else ValueSome(float part / float whole)

    member this.TaughtWrong = this.Taught - this.TaughtRight
    /// Share of the held-out nodes that got a pseudo label.
    member this.Coverage = this.Share(this.Taught, this.HeldOut)
    /// Share of right pseudo labels.
    member this.Accuracy = this.Share(this.TaughtRight, this.Taught)
    /// Share of the held-out nodes on which teacher and student agree.
    member this.Agreement = this.Share(this.Agreed, this.HeldOut)
    /// Of the nodes that both get wrong, the share with the same wrong class.
    member this.SharedErrorRate = this.Share(this.SameError, this.BothWrong)
    /// Of the teacher's wrong labels, the share that the student has after the step.
    member this.AdoptionRate = this.Share(this.Adopted, this.TaughtWrong)
    /// Of the teacher's wrong labels on nodes that the student had right, the share that it took over.
    member this.AdoptionRateFromRight = this.Share(this.AdoptedFromRight, this.RightBefore)
    /// Exact two-sided McNemar p of corrections against corruptions.
    member this.McNemarP = McNemar.exact this.Corrections this.Corruptions

/// Takes the Audit, which training and selection never hold: no number here can flow back into a run.
module PseudoLabelAudit =
    let private heldOut (audit: Audit) = [|
        for i in 0 .. audit.NodeCount - 1 do
            let i = i * 1<node>

            match audit.Label i with
            | ValueSome truth when audit.Part i <> Train -> struct (i, truth)
            | _ -> ()
    |]

    /// What the counts are made of, once for a step: bins read it over and over.
    type private Guesses = {
        IsTaught: bool[]
        Teacher: int<cls>[]
        Confidence: float[]
        Before: int<cls>[]
        After: int<cls>[]
    }

    let private guesses (audit: Audit) (step: TaughtStep<'t, 's>) =
        let isWrongShape (posterior: Posterior<'x>) =
            posterior.NodeCount <> audit.NodeCount || posterior.ClassCount <> audit.ClassCount

        if isWrongShape step.Teacher || isWrongShape step.Before || isWrongShape step.After then
            invalidArg
                (nameof step)
                $"posteriors that are not of %d{audit.NodeCount} nodes and %d{audit.ClassCount} classes"

        let isTaught = Array.create audit.NodeCount false
        step.Taught |> Array.iter (fun i -> isTaught[int i] <- true)

        {
            IsTaught = isTaught
            Teacher = Posterior.argmax step.Teacher
            Confidence = Posterior.confidence step.Teacher
            Before = Posterior.argmax step.Before
            After = Posterior.argmax step.After
        }

    let private count
        (step: TaughtStep<'t, 's>)
        (guesses: Guesses)
        (nodes: struct (int<node> * int<cls>)[])
        : PseudoLabelAudit =
        let number test = nodes |> Array.filter (fun (struct (i, truth)) -> test (int i) truth) |> Array.length
        let taught = nodes |> Array.filter (fun (struct (i, _)) -> guesses.IsTaught[int i])
        let isRight = taught |> Array.map (fun (struct (i, truth)) -> guesses.Teacher[int i] = truth)
        let isWronglyTaught i truth = guesses.IsTaught[i] && guesses.Teacher[i] <> truth
        let isRightBefore i truth = isWronglyTaught i truth && guesses.Before[i] = truth
        let agree i = guesses.Teacher[i] = guesses.After[i]

        {
            HeldOut = nodes.Length
            Taught = taught.Length
            TaughtRight = isRight |> Array.filter id |> Array.length
            Ece =
                if taught.Length = 0 then
                    ValueNone
                else
                    let taught, truth = taught |> Array.map (fun (struct (i, k)) -> i, k) |> Array.unzip
                    Predictions.ofPosterior step.Teacher taught truth |> Metrics.ece 15 |> ValueSome
            Auroc = taught |> Array.map (fun (struct (i, _)) -> guesses.Confidence[int i]) |> Auroc.ofScores isRight
            Agreed = number (fun i _ -> agree i)
            BothWrong = number (fun i truth -> guesses.Teacher[i] <> truth && guesses.After[i] <> truth)
            SameError = number (fun i truth -> guesses.Teacher[i] <> truth && agree i)
            Corrections = number (fun i truth -> guesses.Before[i] <> truth && guesses.After[i] = truth)
            Corruptions = number (fun i truth -> guesses.Before[i] = truth && guesses.After[i] <> truth)
            Adopted = number (fun i truth -> isWronglyTaught i truth && agree i)
            RightBefore = number isRightBefore
            AdoptedFromRight = number (fun i truth -> isRightBefore i truth && agree i)
        }

    /// The step as a whole. Taught nodes that are training nodes or have no label are passed over.
    /// Raises ArgumentException where a posterior's shape is not the audit's.
    let ofStep (audit: Audit) (step: TaughtStep<'Teacher, 'Student>) : PseudoLabelAudit =
        count step (guesses audit step) (heldOut audit)

    /// The step in each bin of a property, in the binning's order. Counts add up to the step's.
    /// Raises ArgumentException where a posterior's shape, or the binning's, is not the audit's.
    let byBin
        (audit: Audit)
        (binning: Binning)
        (step: TaughtStep<'Teacher, 'Student>)
        : struct (Bin * PseudoLabelAudit)[] =
        if binning.NodeCount <> audit.NodeCount then
            invalidArg (nameof binning) $"bins of %d{binning.NodeCount} nodes, not %d{audit.NodeCount}"

        let guesses = guesses audit step
        let heldOut = heldOut audit

        binning.Bins
        |> Array.mapi (fun at bin ->
            struct (bin, heldOut |> Array.filter (fun (struct (i, _)) -> binning[i] = at) |> count step guesses))
