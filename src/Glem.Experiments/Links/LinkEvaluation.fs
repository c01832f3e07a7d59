namespace Glem

/// What to score, and how.
type LinkRequest = {
    Compute: Compute
    /// The run directory.
    Folder: string
    /// Whose embeddings.
    Students: Student list
    /// Negatives for each end of an edge; 1000, or all other nodes of a smaller graph, where nothing is said.
    Count: int option
    /// Draws negatives, the decoders' lessons and the bootstrap.
    Seed: int
}

/// Link prediction with a finished run's embeddings: held-out edges against pairs that no edge joins.
module LinkEvaluation =
    /// Most negatives for each end where nobody says how many (ogbl-citation2's number).
    let private usualCount = 1000

    let private owner student =
        match student with
        | Student.Lm -> "lm", "LM"
        | Student.Gnn -> "gnn", "GNN"

    /// Of scorers that share a key, the one with the best validation MRR, the earlier of equals.
    let private best (ranked: (LinkScorer * LinkRanks) list) =
        ranked
        |> List.groupBy (fun (scorer, _) -> scorer.Key)
        |> List.map (fun (_, same) -> same |> List.maxBy (fun (_, ranks) -> Ranking.meanReciprocal ranks.Ranks))

    let private evaluate (request: LinkRequest) (witness: IWitness) (run: LinkRun) : LinkReport =
        let n = run.Dataset.Graph.NodeCount
        let key = Key.ofSeed request.Seed |> Key.named "link evaluation"
        let count = request.Count |> Option.defaultValue (min usualCount (max 1 (n - 1)))
        let whole = run.Dataset.Graph.Edges

        let vectors =
            request.Students
            |> List.map (fun student ->
                let embed () = LinkRun.embeddings request.Compute run student
                owner student, witness.During($"%s{snd (owner student)}'s embeddings", embed))

        let baselines =
            witness.During("baselines", fun () -> LinkHeuristics.all run.Training run.Dataset.Graph.Texts)

        let rows kind =
            let says =
                match kind with
                | Negatives.Uniform -> "uniform"
                | Negatives.DegreeMatched -> "by degree"

            let embedded =
                witness.During(
                    $"decoders, %s{says}",
                    fun () -> [
                        for (file, name), rows in vectors do
                            yield! LinkVectors.scorers file name rows
                            let z = LinkVectors.standardised rows
                            let lesson = Key.named "decoder" key

                            for decoder in LinkDecoder.fit lesson kind run.Training z do
                                LinkDecoder.scorer file name z decoder
                    ]
                )

            let rank part edges scorers =
                witness.During(
                    $"%s{part} ranks, %s{says}",
                    fun () -> LinkRanking.rank (Key.named part key) whole kind count edges scorers
                )

            let valid = rank "valid" run.Split.Valid (baselines @ embedded) |> best
            let test = rank "test" run.Split.Test (List.map fst valid)

            let score part ranks =
                match LinkScore.ofRanks (key |> Key.named "bootstrap" |> Key.named part) ranks with
                | Some score -> score
                | None ->
                    let found = $"%s{part} edges whose ends are joined to every node"

                    raise (
                        GlemException(InValue(run.Dataset.Info.Name, found, "a graph with pairs that no edge joins"))
                    )

            List.map2
                (fun (scorer: LinkScorer, valid) (_, test) -> {
                    Scorer = scorer.Key
                    Name = scorer.Name
                    Negatives = kind
                    Valid = score "valid" valid
                    Test = score "test" test
                })
                valid
                test

        {
            Dataset = run.Dataset.Info.Name
            Recipe = run.Info.Recipe
            RunSeed = run.Info.Seed
            Seed = request.Seed
            Count = count
            Split = run.Split
            Stranded = LinkSplit.stranded n run.Split
            Rows = rows Negatives.Uniform @ rows Negatives.DegreeMatched
        }

    /// Scores the students' embeddings by cosine, dot product and a decoder trained on training's edges and chosen on
    /// validation edges, beside baselines, against both kinds of negatives.
    /// Error: what LinkRun.load says; a graph in which every two nodes are joined.
    let run (request: LinkRequest) (witness: IWitness) : Result<LinkReport, GlemError> =
        LinkRun.load request.Folder
        |> Result.bind (fun run ->
            try
                Ok(evaluate request witness run)
            with GlemException error ->
                Error error)
