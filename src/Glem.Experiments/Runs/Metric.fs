namespace Glem

/// Which of the two students. The JSON spelling is "lm" and "gnn".
[<RequireQualifiedAccess>]
type Student =
    | Lm
    | Gnn

module Student =
    let key student =
        match student with
        | Student.Lm -> "lm"
        | Student.Gnn -> "gnn"

    let internal read (at: JsonPlace) =
        match Json.asText at with
        | "lm" -> Student.Lm
        | "gnn" -> Student.Gnn
        | _ -> Json.refuse "\"lm\" or \"gnn\"" at

/// One evaluation of one student on one part of the split: a line of metrics.jsonl.
type Metric = {
    /// The stage that ended: `Event.pretrain` or `Event.step` for what belongs on the EM curves, else any name.
    Event: string
    /// EM round, 0 for what comes before the first.
    Iteration: int
    Model: Student
    Split: Part
    /// 0 to 1.
    Accuracy: float
    /// 0 to 1.
    MacroF1: float
    /// Mean negative log-likelihood of the gold class, nats.
    Nll: float
    /// Expected calibration error over 15 equal-width bins, 0 to 1 (Guo et al. 2017).
    Ece: float
}

/// The names of the events that make up an EM curve.
module Event =
    /// Training on gold labels alone: the LM on its text, the GNN on the frozen LM's embeddings. Round 0.
    let pretrain student = $"pretrain-%s{Student.key student}"

    /// The E-step trains the LM, the M-step the GNN.
    let step student (round: int) =
        match student with
        | Student.Lm -> $"e-step %d{round}"
        | Student.Gnn -> $"m-step %d{round}"

module Metric =
    let private partKey part =
        match part with
        | Train -> "train"
        | Valid -> "valid"
        | Test -> "test"
        | Unassigned -> invalidArg (nameof part) "Unassigned nodes have no gold label to score on."

    let private readPart (at: JsonPlace) =
        match Json.asText at with
        | "train" -> Train
        | "valid" -> Valid
        | "test" -> Test
        | _ -> Json.refuse "\"train\", \"valid\" or \"test\"" at

    /// Whether the metric is a point of its student's EM curve: pre-training is round 0.
    let isOnCurve metric =
        if metric.Iteration = 0 then
            metric.Event = Event.pretrain metric.Model
        else
            metric.Event = Event.step metric.Model metric.Iteration

    /// One line of metrics.jsonl, without its line feed. Raises on a NaN or infinite measure and on Unassigned.
    let toLine metric =
        Json.object [
            "event", Json.text metric.Event
            "iteration", Json.int metric.Iteration
            "model", Json.text (Student.key metric.Model)
            "split", Json.text (partKey metric.Split)
            "accuracy", Json.float metric.Accuracy
            "macroF1", Json.float metric.MacroF1
            "nll", Json.float metric.Nll
            "ece", Json.float metric.Ece
        ]
        |> Json.line

    /// Reads one line; `number` counts from 1 and is for the complaint.
    let ofLine file (number: int) (line: string) =
        let reader at = {
            Event = at |> Json.field "event" |> Json.asText
            Iteration = at |> Json.field "iteration" |> Json.asInt
            Model = at |> Json.field "model" |> Student.read
            Split = at |> Json.field "split" |> readPart
            Accuracy = at |> Json.field "accuracy" |> Json.asFraction
            MacroF1 = at |> Json.field "macroF1" |> Json.asFraction
            Nll = at |> Json.field "nll" |> Json.asFloat
            Ece = at |> Json.field "ece" |> Json.asFraction
        }

        Json.read file $"line %d{number}" reader line
