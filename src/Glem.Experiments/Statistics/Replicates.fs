namespace Glem

/// One arm over its seeds: what comparisons are made of.
type Replicates = {
    Arm: string
    /// The metric by seed.
    Values: Map<int, float>
    /// By seed, whether the prediction for each test node was right, by the node's id. No seed where none were kept.
    Right: Map<int, Map<string, bool>>
}

module Replicates =
    let private right student (run: RunFolder) =
        Map [
            for prediction in run.Predictions do
                match prediction.Label, Prediction.guess student prediction with
                | Some label, Some guess when prediction.Split = Test -> prediction.Id, guess.Class = label
                | _ -> ()
        ]

    /// The test accuracy that one rung of the ladder reached in each run, under a name of its own.
    let ofRung (arm: string) (rung: Summary -> Score option) (runs: RunFolder list) : Replicates = {
        Arm = arm
        Values =
            Map [
                for run in runs do
                    match rung run.Summary with
                    | Some score -> run.Info.Seed, score.Test
                    | None -> ()
            ]
        Right = Map.empty
    }

    /// The test accuracy of one of GLEM's students in each run, with its predictions of the test nodes.
    let ofStudent (arm: string) (student: Student) (runs: RunFolder list) : Replicates =
        let rung =
            match student with
            | Student.Lm -> _.GlemLm
            | Student.Gnn -> _.GlemGnn

        {
            ofRung arm rung runs with
                Right =
                    Map [
                        for run in runs do
                            let right = right student run

                            if not right.IsEmpty then
                                run.Info.Seed, right
                    ]
        }
