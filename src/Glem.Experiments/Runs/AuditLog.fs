namespace Glem

/// The audit of one EM step, as a whole and in the bins of each property: a line of audit.jsonl.
type AuditRecord = {
    /// The step: `Event.step`.
    Event: string
    /// EM round, from 1.
    Iteration: int
    /// Who was taught; the other student is the teacher.
    Model: Student
    Step: PseudoLabelAudit
    /// Each property's name with its bins.
    Bins: (string * (Bin * PseudoLabelAudit) list) list
}

/// audit.jsonl. A rate of no node is absent, never zero.
module AuditLog =
    // Counts, from which the rates follow; the rates are for whoever reads the file with another tool.
    let private fields (audit: PseudoLabelAudit) =
        let rate value = value |> ValueOption.toOption |> Option.bind Json.float

        [
            "heldOut", Json.int audit.HeldOut
            "taught", Json.int audit.Taught
            "taughtRight", Json.int audit.TaughtRight
            "agreed", Json.int audit.Agreed
            "bothWrong", Json.int audit.BothWrong
            "sameError", Json.int audit.SameError
            "corrections", Json.int audit.Corrections
            "corruptions", Json.int audit.Corruptions
            "adopted", Json.int audit.Adopted
            "rightBefore", Json.int audit.RightBefore
            "adoptedFromRight", Json.int audit.AdoptedFromRight
            "coverage", rate audit.Coverage
            "accuracy", rate audit.Accuracy
            "ece", rate audit.Ece
            "auroc", rate audit.Auroc
            "agreement", rate audit.Agreement
            "sharedErrorRate", rate audit.SharedErrorRate
            "mcNemarP", Json.float audit.McNemarP
            "adoptionRate", rate audit.AdoptionRate
            "adoptionRateFromRight", rate audit.AdoptionRateFromRight
        ]

    let private bin (bin, audit) =
        let range =
            match bin with
            | Within(low, high) -> [ "low", Json.float low; "high", Json.float high ]
            | Undefined -> []

        Json.object (range @ fields audit)

    /// One line, without its line feed. A bin without `low` and `high` holds the nodes of which the property says
    /// nothing.
    let toLine record =
        Json.object [
            "event", Json.text record.Event
            "iteration", Json.int record.Iteration
            "model", Json.text (Student.key record.Model)
            yield! fields record.Step
            "bins",
            Some(
                Json.object [
                    for property, bins in record.Bins -> property, bins |> Seq.map bin |> Json.array
                ]
            )
        ]
        |> Json.line

    let private readAudit at : PseudoLabelAudit =
        let count key = at |> Json.field key |> Json.asInt

        let fraction key =
            match Json.tryField key at with
            | Some value -> ValueSome(Json.asFraction value)
            | None -> ValueNone

        {
            HeldOut = count "heldOut"
            Taught = count "taught"
            TaughtRight = count "taughtRight"
            Ece = fraction "ece"
            Auroc = fraction "auroc"
            Agreed = count "agreed"
            BothWrong = count "bothWrong"
            SameError = count "sameError"
            Corrections = count "corrections"
            Corruptions = count "corruptions"
            Adopted = count "adopted"
            RightBefore = count "rightBefore"
            AdoptedFromRight = count "adoptedFromRight"
        }

    let private readBin at =
        let bin =
            match Json.tryField "low" at with
            | Some low -> Within(Json.asFloat low, at |> Json.field "high" |> Json.asFloat)
            | None -> Undefined

        bin, readAudit at

    /// Reads one line; `number` counts from 1 and is for the complaint.
    let ofLine file (number: int) (line: string) =
        let reader at = {
            Event = at |> Json.field "event" |> Json.asText
            Iteration = at |> Json.field "iteration" |> Json.asInt
            Model = at |> Json.field "model" |> Student.read
            Step = readAudit at
            Bins =
                at
                |> Json.field "bins"
                |> Json.fields
                |> List.map (fun (property, bins) -> property, bins |> Json.items |> List.map readBin)
        }

        Json.read file $"line %d{number}" reader line

    /// Opens the file for appending, or creates it.
    let appendTo path = LineLog.Open(path, toLine)

    /// The records in the order they were written, and notes on what was passed over.
    let read path = LineLog.read ofLine path
