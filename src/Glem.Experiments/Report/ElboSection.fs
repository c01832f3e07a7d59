namespace Glem

/// The pseudo-ELBO and its parts, from EM step to EM step.
module internal ElboSection =
    /// "start", "E 1", "M 1": the steps of a chart's axis.
    let private stepName (record: ElboRecord) =
        if record.Iteration = 0 then
            "start"
        elif record.Event = Event.step Student.Lm record.Iteration then
            $"E %d{record.Iteration}"
        else
            $"M %d{record.Iteration}"

    // All in nats per node of the graph, so that they add up: on paper, on the chart, and across data sets.
    let private perNode part (record: ElboRecord) = part record.Elbo / float record.Elbo.Nodes

    /// A chart's key, caption, and lines: colour, name, value.
    let private charts: (string * string * (string * string * (PseudoElbo -> float)) list) list = [
        "parts",
        "Pseudo-ELBO = pseudo log-likelihood + entropy of q",
        [
            "elbo", "pseudo-ELBO", _.Total
            "p", "pseudo log-likelihood", _.PseudoLogLikelihood
            "q", "entropy of q", _.Entropy
        ]
        "divergences",
        "The two divergences of q and p over the nodes without gold labels",
        [ "q", "KL(q ‖ p)", _.KlQP; "p", "KL(p ‖ q)", _.KlPQ ]
    ]

    // Of several records of one event, as a resumed run leaves them, the last counts.
    let private records run = run.Elbo |> List.rev |> List.distinctBy _.Event |> List.rev

    let private figure anchor arm steps (key, caption, lines) =
        let points = [
            for run in arm.Runs do
                for record in records run do
                    for family, name, part in lines do
                        let value = perNode part record

                        if System.Double.IsFinite value then
                            Json.object [
                                "seed", Json.int run.Info.Seed
                                "step", Json.text (stepName record)
                                "family", Json.text family
                                "name", Json.text name
                                "value", Json.float value
                            ]
        ]

        Figure {
            Id = $"%s{anchor}-elbo-%s{key}"
            Kind = "elbo"
            Description =
                $"%s{caption}: nats per node of the graph, at the start and after each E-step (E) and M-step (M)."
                + (if arm.Runs.Length > 1 then
                       " Thick lines are means, thin ones single seeds, bands one standard deviation about the mean."
                   else
                       "")
            Data =
                Json.object [
                    "steps", steps |> Seq.choose Json.text |> Json.array
                    "points", Json.array points
                ]
        }

    let private cell (values: float list) =
        match values |> List.tryFind (System.Double.IsFinite >> not) with
        | Some value -> if value > 0.0 then "∞" else "−∞"
        | None -> Spread.ofValues values |> Option.map (Spread.format 1.0 4) |> Option.defaultValue ""

    let private table arm steps =
        let columns: (string * (PseudoElbo -> float)) list = [
            "#Pseudo-ELBO", _.Total
            "#Gold log-likelihood", _.GoldLogLikelihood
            "#Expected log-likelihood", _.ExpectedLogLikelihood
            "#Entropy of q", _.Entropy
            "#KL(q ‖ p)", _.KlQP
            "#KL(p ‖ q)", _.KlPQ
        ]

        let over step part =
            arm.Runs
            |> List.collect records
            |> List.filter (fun record -> stepName record = step)
            |> List.map (perNode part)

        Table.create "Nats per node of the graph" ("After" :: List.map fst columns) [
            for step in steps -> step :: [ for _, part in columns -> cell (over step part) ]
        ]

    let create anchor arm =
        let steps = arm.Runs |> List.collect (records >> List.map stepName) |> List.distinct

        if steps.Length < 2 then
            []
        else
            [
                {
                    Anchor = $"%s{anchor}-elbo"
                    Title = "Pseudo-ELBO"
                    Blocks = [
                        Prose
                            "The evidence lower bound with the pseudo-likelihood in place of the likelihood. It equals the gold log-likelihood less KL(q ‖ p) over the nodes without gold labels. Nothing makes it rise: the E-step minimises the other divergence, KL(p ‖ q), and both steps stop on validation accuracy."
                        yield! charts |> List.map (figure anchor arm steps)
                        Folded("The same as a table", [ Table(table arm steps) ])
                    ]
                }
            ]
