namespace Glem

open IndexTable

/// The tables of the index. Columns bear the names that the run directory's files use.
module IndexTables =
    let private levels (levels: (string * string) list) =
        levels |> List.map (fun (axis, level) -> $"%s{axis}=%s{level}") |> String.concat ","

    let private partKey part =
        match part with
        | Train -> "train"
        | Valid -> "valid"
        | Test -> "test"
        | Unassigned -> ""

    let private rungs: IndexColumn<IndexedRun> list = [
        for key, name, score in Ladder.rungs do
            let score (run: IndexedRun) = score run.Run.Summary
            realOption $"%s{key}_valid" $"%s{name}: accuracy on validation, 0 to 1" (score >> Option.map _.Valid)
            realOption $"%s{key}_test" "the same on test" (score >> Option.map _.Test)
    ]

    let private runs =
        let info (read: RunInfo -> 'a) (run: IndexedRun) = read run.Run.Info
        let selected (read: Selection -> 'a) (run: IndexedRun) = run.Run.Summary.Selected |> Option.map read
        let place (read: GridPlace -> string) (run: IndexedRun) = run.Place |> Option.map read

        create "runs" "one row for each finished run" "INTEGER PRIMARY KEY" List.singleton [
            text "path" "its folder" _.Run.Folder
            text "recipe" "" (info _.Recipe)
            text "dataset" "" (info _.Dataset.Name)
            text "fingerprint" "SHA-256 of the data set" (info _.Dataset.Fingerprint)
            integer "seed" "" (info _.Seed)
            textOption "experiment" "of the grid that made it" (place _.Experiment)
            textOption "cell" "the grid's name for all that it varies but the seed" (place _.Cell)
            textOption "arm" "" (place _.Arm)
            textOption
                "levels"
                "such as alpha=0.3,beta=0.05; one by one in the table levels"
                (place (_.Levels >> levels))
            integer "heldOutLabels" "1 where an oracle teaches: a ceiling and no result" (fun run ->
                if ProtocolNote.learnsFromHeldOut (RunInfo.settings run.Run.Info) then 1 else 0)
            yield! rungs
            textOption "selected" "lm or gnn, the better one on validation: the run's answer" (fun run ->
                selected (_.Model >> Student.key) run)
            integerOption "lmRound" "the LM's round with the best validation; 0 is before EM" (selected _.LmRound)
            integerOption "gnnRound" "" (selected _.GnnRound)
            integer "emRounds" "rounds that were run" _.Run.Summary.EmRounds
            real "seconds" "of all stages, as they took when they were computed" (fun run ->
                run.Run.Summary.Seconds |> List.sumBy snd)
            realOption "peakRssMb" "largest resident memory, MiB" _.Run.Summary.PeakRssMb
            text "started" "UTC" (info (fun info -> info.Started.UtcDateTime.ToString "yyyy-MM-dd HH:mm:ss"))
            text "command" "the command line that makes it again" (info _.Command)
            text "glem" "version" (info _.Versions.Glem)
            textOption "sourceCommit" "" (info _.Versions.Commit)
            text "cpu" "" (info _.Machine.Cpu)
            integer "threads" "" (info _.Machine.Threads)
            text "compute" "number format and device" (info _.Machine.Compute)
            text "blas" "" (info _.Machine.Blas)
            text "operatingSystem" "" (info _.Machine.OperatingSystem)
        ]

    let private levelTable =
        create
            "levels"
            "a run's level on each axis of its grid"
            "INTEGER"
            (fun run -> run.Place |> Option.map _.Levels |> Option.defaultValue [])
            [ text "axis" "" fst; numberOrText "level" "a number where it is one" snd ]

    let private settings =
        create "settings" "every field of the run's recipe" "INTEGER" (fun run -> RunInfo.settings run.Run.Info) [
            text "setting" "as --set spells it, such as eStep.pseudoWeight" fst
            numberOrText "value" "a number where it is one; lists are JSON: value->>0" snd
        ]

    let private metrics =
        create "metrics" "metrics.jsonl" "INTEGER" _.Run.Metrics [
            text "event" "the stage that ended, such as e-step 1" _.Event
            integer "iteration" "EM round, 0 before the first" _.Iteration
            text "model" "lm or gnn" (_.Model >> Student.key)
            text "split" "train, valid or test" (_.Split >> partKey)
            real "accuracy" "0 to 1" _.Accuracy
            real "macroF1" "" _.MacroF1
            real "nll" "mean negative log-likelihood, nats" _.Nll
            real "ece" "expected calibration error" _.Ece
        ]

    let private rounds =
        let rows (run: IndexedRun) = [
            for round in run.Run.Summary.Rounds do
                for student, score in [ Student.Lm, round.GlemLm; Student.Gnn, round.GlemGnn ] do
                    match score with
                    | Some score -> run.Run.Summary.Selected, round.Round, student, score
                    | None -> ()
        ]

        let isChosen (selection: Selection) student round =
            match student with
            | Student.Lm -> selection.LmRound = round
            | Student.Gnn -> selection.GnnRound = round

        create "rounds" "both students after each EM round" "INTEGER" rows [
            integer "round" "from 1" (fun (_, round, _, _) -> round)
            text "model" "lm or gnn" (fun (_, _, student, _) -> Student.key student)
            real "valid" "accuracy, 0 to 1" (fun (_, _, _, score: Score) -> score.Valid)
            real "test" "" (fun (_, _, _, score: Score) -> score.Test)
            integerOption "chosen" "1 where validation chose this round" (fun (selection, round, student, _) ->
                selection |> Option.map (fun selection -> if isChosen selection student round then 1 else 0))
        ]

    let private stages =
        create "stages" "what a run's stages took" "INTEGER" (fun run -> List.indexed run.Run.Summary.Seconds) [
            integer "position" "from 1, in the order in which they ran" (fun (index, _) -> index + 1)
            text "stage" "" (fun (_, (stage, _)) -> stage)
            real "seconds" "when it was computed" (fun (_, (_, seconds)) -> seconds)
        ]

    let private elbo =
        create "elbo" "elbo.jsonl: sums over nodes, in nats" "INTEGER" _.Run.Elbo [
            text "event" "" _.Event
            integer "iteration" "EM round, 0 before the first" _.Iteration
            integer "goldNodes" "" _.Elbo.GoldNodes
            integer "pseudoNodes" "" _.Elbo.PseudoNodes
            real "pseudoElbo" "" _.Elbo.Total
            real "pseudoLogLikelihood" "" _.Elbo.PseudoLogLikelihood
            real "goldLogLikelihood" "" _.Elbo.GoldLogLikelihood
            real "expectedLogLikelihood" "" _.Elbo.ExpectedLogLikelihood
            real "entropy" "" _.Elbo.Entropy
            real "klQP" "" _.Elbo.KlQP
            real "klPQ" "" _.Elbo.KlPQ
        ]

    /// The columns of an audit, within rows that also say of what.
    let private audited (audit: 'row -> PseudoLabelAudit) : IndexColumn<'row> list =
        let count name read = integer name "" (audit >> read)
        let rate name about read = realOption name about (audit >> read >> ValueOption.toOption)

        [
            count "heldOut" _.HeldOut
            count "taught" _.Taught
            count "taughtRight" _.TaughtRight
            count "agreed" _.Agreed
            count "bothWrong" _.BothWrong
            count "sameError" _.SameError
            count "corrections" _.Corrections
            count "corruptions" _.Corruptions
            count "adopted" _.Adopted
            count "rightBefore" _.RightBefore
            count "adoptedFromRight" _.AdoptedFromRight
            rate "coverage" "share of held-out nodes that were taught" _.Coverage
            rate "accuracy" "of the pseudo labels" _.Accuracy
            rate "ece" "of the teacher, on the taught nodes" _.Ece
            rate "auroc" "" _.Auroc
            rate "agreement" "" _.Agreement
            rate "sharedErrorRate" "" _.SharedErrorRate
            rate "adoptionRate" "" _.AdoptionRate
            rate "adoptionRateFromRight" "" _.AdoptionRateFromRight
        ]

    let private ofStep (record: 'row -> AuditRecord) : IndexColumn<'row> list = [
        text "event" "" (record >> _.Event)
        integer "iteration" "EM round" (record >> _.Iteration)
        text "model" "who was taught" (record >> _.Model >> Student.key)
    ]

    let private audit =
        create "audit" "audit.jsonl: what each step's pseudo labels were worth" "INTEGER" _.Run.Audit [
            yield! ofStep id
            yield! audited _.Step
        ]

    let private auditBins =
        let rows (run: IndexedRun) = [
            for record in run.Run.Audit do
                for property, bins in record.Bins do
                    for bin, audit in bins -> record, property, bin, audit
        ]

        let range (_, _, bin, _) =
            match bin with
            | Within(low, high) -> Some(low, high)
            | Undefined -> None

        create "audit_bins" "the same by homophily, degree and text length" "INTEGER" rows [
            yield! ofStep (fun (record, _, _, _) -> record)
            text "property" "" (fun (_, property, _, _) -> property)
            realOption "low" "null where the property says nothing of the nodes" (range >> Option.map fst)
            realOption "high" "" (range >> Option.map snd)
            yield! audited (fun (_, _, _, audit) -> audit)
        ]

    /// All of them, in the order in which they are listed.
    let all: IndexTable list = [ runs; levelTable; settings; metrics; rounds; stages; elbo; audit; auditBins ]
