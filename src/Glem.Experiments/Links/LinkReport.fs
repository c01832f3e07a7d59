namespace Glem

open System.Text.Json.Nodes

/// One scorer on one part of the held-out edges.
type LinkScore = {
    Mrr: float
    /// The middle 95% of 1,000 bootstrap resamples of the edges.
    MrrInterval: struct (float * float)
    /// The share of ranks that are k or better, by k.
    Hits: (int * float) list
    Auroc: float
}

/// A scorer against one kind of negatives.
type LinkRow = {
    Scorer: string
    Name: string
    Negatives: Negatives
    Valid: LinkScore
    Test: LinkScore
}

/// What `glem evaluate --task link` found.
type LinkReport = {
    /// The data set's name.
    Dataset: string
    Recipe: string
    /// Of the trained run.
    RunSeed: int
    /// Of the evaluation.
    Seed: int
    /// Negatives that each end is ranked against.
    Count: int
    Split: LinkSplit
    /// Nodes that lost their last edge.
    Stranded: int
    Rows: LinkRow list
}

module LinkScore =
    /// The k of Hits@k.
    let cutoffs = [ 1; 3; 10; 50 ]

    let private resamples = 1000

    /// Nothing where no edge could be ranked.
    let ofRanks (key: Key) (ranks: LinkRanks) : LinkScore option =
        if ranks.Ranks.Length = 0 then
            None
        else
            // Edges are independent, an edge's two ends are not.
            let byEdge =
                ranks.Ranks |> Array.chunkBySize 2 |> Array.map (fun both -> (Ranking.meanReciprocal both).Value)

            let marks = Array.init (2 * ranks.Ranks.Length) (fun i -> i < ranks.Ranks.Length)

            Some {
                Mrr = (Ranking.meanReciprocal ranks.Ranks).Value
                MrrInterval = (Bootstrap.ofMean key resamples 0.95 byEdge).Value
                Hits = cutoffs |> List.map (fun k -> k, (Ranking.hitsAt k ranks.Ranks).Value)
                Auroc = (Auroc.ofScores marks (Array.append ranks.Joined ranks.Others)).Value
            }

module LinkReport =
    let private score (score: LinkScore) =
        let struct (low, high) = score.MrrInterval

        Json.object [
            "mrr", Json.float score.Mrr
            "mrr95", [ low; high ] |> List.choose Json.float |> Json.array
            "hits", Some(Json.object [ for k, share in score.Hits -> string k, Json.float share ])
            "auroc", Json.float score.Auroc
        ]

    /// The report as a file says it.
    let toJson (report: LinkReport) : JsonNode =
        Json.object [
            "task", Json.text "link"
            "dataset", Json.text report.Dataset
            "recipe", Json.text report.Recipe
            "runSeed", Json.int report.RunSeed
            "seed", Json.int report.Seed
            "negativesPerQuery", Json.int report.Count
            "trainEdges", Json.int report.Split.Train.Length
            "validEdges", Json.int report.Split.Valid.Length
            "testEdges", Json.int report.Split.Test.Length
            "strandedNodes", Json.int report.Stranded
            "scores",
            Json.array [
                for row in report.Rows ->
                    Json.object [
                        "scorer", Json.text row.Scorer
                        "negatives", Json.text (Negatives.name row.Negatives)
                        "valid", Some(score row.Valid)
                        "test", Some(score row.Test)
                    ]
            ]
        ]
