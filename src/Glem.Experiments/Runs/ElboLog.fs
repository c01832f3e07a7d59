namespace Glem

open System

/// The pseudo-ELBO after one event: a line of elbo.jsonl.
type ElboRecord = {
    /// `ElboLog.start` before the first EM step, else the step: `Event.step`.
    Event: string
    /// EM round, 0 before the first.
    Iteration: int
    Elbo: PseudoElbo
}

/// elbo.jsonl: sums over nodes in nats, and how many nodes. What is infinite is the text "Infinity" or "-Infinity",
/// as JSON has no number for it.
module ElboLog =
    /// The event of the two students as pre-trained.
    let start = "pretrain"

    let private nats (value: float) =
        if Double.IsPositiveInfinity value then Json.text "Infinity"
        elif Double.IsNegativeInfinity value then Json.text "-Infinity"
        else Json.float value

    let private asNats (at: JsonPlace) =
        match at.Value.ValueKind, at.Value.ToString() with
        | Text.Json.JsonValueKind.String, "Infinity" -> Double.PositiveInfinity
        | Text.Json.JsonValueKind.String, "-Infinity" -> Double.NegativeInfinity
        | Text.Json.JsonValueKind.String, _ -> Json.refuse "a number, \"Infinity\" or \"-Infinity\"" at
        | _ -> Json.asFloat at

    /// One line, without its line feed. `pseudoElbo` and `pseudoLogLikelihood` follow from the others and are for
    /// whoever reads the file with another tool.
    let toLine record =
        let elbo = record.Elbo

        Json.object [
            "event", Json.text record.Event
            "iteration", Json.int record.Iteration
            "goldNodes", Json.int elbo.GoldNodes
            "pseudoNodes", Json.int elbo.PseudoNodes
            "pseudoElbo", nats elbo.Total
            "pseudoLogLikelihood", nats elbo.PseudoLogLikelihood
            "goldLogLikelihood", nats elbo.GoldLogLikelihood
            "expectedLogLikelihood", nats elbo.ExpectedLogLikelihood
            "entropy", nats elbo.Entropy
            "klQP", nats elbo.KlQP
            "klPQ", nats elbo.KlPQ
        ]
        |> Json.line

    /// Reads one line; `number` counts from 1 and is for the complaint.
    let ofLine file (number: int) (line: string) =
        let reader at = {
            Event = at |> Json.field "event" |> Json.asText
            Iteration = at |> Json.field "iteration" |> Json.asInt
            Elbo = {
                GoldNodes = at |> Json.field "goldNodes" |> Json.asInt
                PseudoNodes = at |> Json.field "pseudoNodes" |> Json.asInt
                GoldLogLikelihood = at |> Json.field "goldLogLikelihood" |> asNats
                ExpectedLogLikelihood = at |> Json.field "expectedLogLikelihood" |> asNats
                Entropy = at |> Json.field "entropy" |> asNats
                KlQP = at |> Json.field "klQP" |> asNats
                KlPQ = at |> Json.field "klPQ" |> asNats
            }
        }

        Json.read file $"line %d{number}" reader line

    /// Opens the file for appending, or creates it.
    let appendTo path = LineLog.Open(path, toLine)

    /// The records in the order they were written, and notes on what was passed over.
    let read path = LineLog.read ofLine path
