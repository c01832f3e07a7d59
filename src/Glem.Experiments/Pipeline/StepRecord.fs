namespace Glem

open System

/// What a run notes of its EM steps: the pseudo-ELBO of the pair (q, p) as each step leaves it, and the audit of what
/// the step's pseudo labels were worth. It reads every label, and nothing of it goes back to training or selection.
type StepRecord
    private
    (
        elbos: LineLog<ElboRecord>,
        audits: LineLog<AuditRecord>,
        audit: Audit,
        supervision: Supervision,
        binnings: Binning list,
        q: Posterior<Lm>,
        p: Posterior<Gnn>
    ) =
    // Quartiles: with fewer bins a trend hides, with more each holds too few errors of a small data set.
    static let binCount = 4

    // The pair as the last step left it: a step's student before it, and the other one.
    let mutable q = q
    let mutable p = p

    let noteElbo event round =
        elbos.Append {
            Event = event
            Iteration = round
            Elbo = PseudoElbo.ofPosteriors supervision q p
        }

    let noteAudit student round step =
        audits.Append {
            Event = Event.step student round
            Iteration = round
            Model = student
            Step = PseudoLabelAudit.ofStep audit step
            Bins = [
                for binning in binnings do
                    let bins = PseudoLabelAudit.byBin audit binning step
                    binning.Property, [ for struct (bin, audit) in bins -> bin, audit ]
            ]
        }

    /// Opens elbo.jsonl and audit.jsonl in a folder, and notes the pseudo-ELBO of the pair that EM starts from.
    /// Error: a file that cannot be written to.
    static member Open(folder, study: Study, q, p) =
        let graph, audit = study.Dataset.Graph, study.Dataset.Audit
        let degree i = float (graph.Edges.Degree(i * 1<node>))

        let binnings = [
            LocalHomophily.ofNodes graph.Edges audit |> Binning.quantiles "homophily" binCount
            Array.init graph.NodeCount (degree >> ValueSome) |> Binning.quantiles "degree" binCount
            graph.Texts
            |> Array.map (Describe.wordCount >> float >> ValueSome)
            |> Binning.quantiles "words" binCount
        ]

        match ElboLog.appendTo (RunFolder.elbo folder), AuditLog.appendTo (RunFolder.audit folder) with
        | Ok elbos, Ok audits ->
            let record = new StepRecord(elbos, audits, audit, study.Supervision, binnings, q, p)
            record.Start()
            Ok record
        | Error error, _
        | _, Error error -> Error error

    member private _.Start() = noteElbo ElboLog.start 0

    /// The E-step of a round: a teacher taught these nodes, and the LM now says q.
    member _.AfterE(round, (taught, teacher: Posterior<Gnn>), newQ) =
        let step = {
            Taught = taught
            Teacher = teacher
            Before = q
            After = newQ
        }

        q <- newQ
        noteAudit Student.Lm round step
        noteElbo (Event.step Student.Lm round) round

    /// The M-step of a round: a teacher taught these nodes, and the GNN now says p.
    member _.AfterM(round, (taught, teacher: Posterior<Lm>), newP) =
        let step = {
            Taught = taught
            Teacher = teacher
            Before = p
            After = newP
        }

        p <- newP
        noteAudit Student.Gnn round step
        noteElbo (Event.step Student.Gnn round) round

    interface IDisposable with
        member _.Dispose() =
            (elbos :> IDisposable).Dispose()
            (audits :> IDisposable).Dispose()
