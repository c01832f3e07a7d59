namespace Glem

open System.Globalization

/// What the pseudo labels of each EM step were worth: judged by held-out labels, after the run.
module internal AuditSection =
    // Of several records of one event, as a resumed run leaves them, the last counts.
    let private records run = run.Audit |> List.rev |> List.distinctBy _.Event |> List.rev

    /// A step's records, one a seed.
    type private Step = {
        Name: string
        Student: Student
        Records: AuditRecord list
    }

    let private steps arm =
        arm.Runs
        |> List.collect records
        |> List.groupBy _.Event
        |> List.map (fun (_, group) ->
            let first = List.head group

            {
                Name = (if first.Model = Student.Lm then "E " else "M ") + string first.Iteration
                Student = first.Model
                Records = group
            })

    let private studentName student = if student = Student.Lm then "LM" else "GNN"
    let private other student = if student = Student.Lm then Student.Gnn else Student.Lm

    let private over format (value: PseudoLabelAudit -> float voption) audits =
        audits
        |> List.choose (value >> ValueOption.toOption)
        |> Spread.ofValues
        |> Option.map format
        |> Option.defaultValue ""

    let private rate value = over Spread.percent value

    let private count (value: PseudoLabelAudit -> int) (audits: PseudoLabelAudit list) =
        over (Spread.format 1.0 (if audits.Length > 1 then 1 else 0)) (value >> float >> ValueSome) audits

    let private pValue (p: float) =
        if p < 0.0005 then
            "< 0.001"
        else
            p.ToString("0.000", CultureInfo.InvariantCulture)

    // The seeds share their test nodes, so their counts cannot be pooled into one p.
    let private pValues (audits: PseudoLabelAudit list) =
        match audits |> List.map _.McNemarP |> List.sort |> List.map pValue |> List.distinct with
        | [] -> ""
        | [ p ] -> p
        | ps -> $"%s{List.head ps} to %s{List.last ps}"

    /// Heading and cell of each number about the teacher's labels.
    let private labelColumns: (string * (PseudoLabelAudit list -> string)) list = [
        "#Nodes taught", count _.Taught
        "#Coverage", rate _.Coverage
        "#Accuracy", rate _.Accuracy
        "#ECE", rate _.Ece
        "#AUROC of confidence", over (Spread.format 1.0 3) _.Auroc
        "#Wrong labels adopted", rate _.AdoptionRate
        "#Adopted where right before", rate _.AdoptionRateFromRight
    ]

    /// Heading and cell of each number about the student.
    let private studentColumns: (string * (PseudoLabelAudit list -> string)) list = [
        "#Agreement", rate _.Agreement
        "#Shared errors alike", rate _.SharedErrorRate
        "#Corrections", count _.Corrections
        "#Corruptions", count _.Corruptions
        "#Net", count (fun audit -> audit.Corrections - audit.Corruptions)
        "#McNemar p", pValues
    ]

    let private table caption first columns rows =
        Table.create caption (first @ List.map fst columns) [
            for names, audits in rows -> names @ [ for _, cell in columns -> cell audits ]
        ]
        |> Table

    let private audits step = step.Records |> List.map _.Step

    let private flowFigure anchor arm steps =
        let mean value step = step |> audits |> List.averageBy (value >> float)

        let data = [
            for step in steps ->
                Json.object [
                    "step", Json.text step.Name
                    "student", Json.text (studentName step.Student)
                    "corrections", Json.float (mean _.Corrections step)
                    "corruptions", Json.float (mean _.Corruptions step)
                    "p", (if arm.Runs.Length = 1 then Json.text (pValues (audits step)) else None)
                ]
        ]

        Figure {
            Id = $"%s{anchor}-audit-flow"
            Kind = "flow"
            Description =
                "Held-out nodes that each step's student began to get right (up) and began to get wrong (down), with the exact two-sided McNemar p"
                + (if arm.Runs.Length > 1 then
                       "; means over the seeds, and the range of p."
                   else
                       ".")
            Data = Json.object [ "steps", Json.array data ]
        }

    let private propertyName property =
        match property with
        | "homophily" -> "Local homophily"
        | "degree" -> "Degree"
        | "words" -> "Words"
        | other -> other

    let private binName bin =
        let number (x: float) = x.ToString("#,0.##", CultureInfo.InvariantCulture)

        match bin with
        | Undefined -> "none"
        | Within(low, high) when low = high -> number low
        | Within(low, high) -> $"%s{number low}–%s{number high}"

    /// The bins of a property in their order, each with the audits of one step, one a seed.
    let private binned property step =
        step.Records
        |> List.collect (fun record ->
            record.Bins |> List.filter (fun (name, _) -> name = property) |> List.collect snd)
        |> List.groupBy fst
        |> List.map (fun (bin, group) -> bin, List.map snd group)

    let private properties steps =
        steps |> List.collect _.Records |> List.collect (_.Bins >> List.map fst) |> List.distinct

    // Of each student's steps the last: all of them would hide each other.
    let private binFigure anchor steps =
        let last = steps |> List.rev |> List.distinctBy _.Student

        let points = [
            for step in last do
                for property in properties steps do
                    for at, (bin, audits) in List.indexed (binned property step) do
                        match audits |> List.choose (_.Accuracy >> ValueOption.toOption) with
                        | [] -> ()
                        | accuracies ->
                            Json.object [
                                "property", Json.text (propertyName property)
                                "at", Json.int at
                                "bin", Json.text (binName bin)
                                "teacher", Json.text (Student.key (other step.Student))
                                "accuracy", Json.float (List.average accuracies)
                                "taught", Json.float (audits |> List.averageBy (_.Taught >> float))
                            ]
        ]

        let names =
            [
                for step in List.rev last -> $"the %s{studentName (other step.Student)}'s in step %s{step.Name}"
            ]
            |> String.concat " and "

        Figure {
            Id = $"%s{anchor}-audit-bins"
            Kind = "bins"
            Description =
                $"Accuracy of pseudo labels on held-out nodes by the node's local homophily (share of its labelled neighbours with its own class; \"none\" has no such neighbour), degree and number of words, in quarters of the graph's nodes: %s{names}. A larger mark holds more nodes."
            Data = Json.object [ "points", Json.array points ]
        }

    let private binTables steps = [
        for property in properties steps do
            let rows = [
                for step in steps do
                    for bin, audits in binned property step ->
                        [ binName bin; step.Name; count _.HeldOut audits ], audits
            ]

            let by columns what =
                table
                    $"By %s{(propertyName property).ToLowerInvariant()}, %s{what}; rates in percent"
                    [ propertyName property; "Step"; "#Held out" ]
                    columns
                    rows

            by labelColumns "what the labels were worth"
            by studentColumns "what the step did"
    ]

    let create anchor arm =
        match steps arm with
        | [] -> []
        | steps -> [
            {
                Anchor = $"%s{anchor}-audit"
                Title = "Pseudo-label audit"
                Blocks = [
                    Prose
                        "Each step's pseudo labels and what they did to the student, judged by the labels of all nodes outside training. No step saw these labels, and nothing was chosen by them."
                    flowFigure anchor arm steps
                    table
                        "What a step did to its student on held-out nodes; rates in percent, the rest are nodes"
                        [ "Step"; "Student" ]
                        studentColumns
                        [ for step in steps -> [ step.Name; studentName step.Student ], audits step ]
                    table
                        "What the teacher's labels were worth on the held-out nodes that it taught; percent, AUROC from 0 to 1"
                        [ "Step"; "Teacher" ]
                        labelColumns
                        [
                            for step in steps -> [ step.Name; studentName (other step.Student) ], audits step
                        ]
                    binFigure anchor steps
                    Folded("By homophily, degree and text length, as tables", binTables steps)
                ]
            }
          ]
