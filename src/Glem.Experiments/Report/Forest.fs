namespace Glem

/// One model minus another over seeds.
type internal Effect = {
    /// What is compared, or what is compared with a baseline.
    Comparing: string
    /// Whose model is looked at: it gives colour and shape.
    Student: Student
    /// Seed, and the difference as a fraction; at least one.
    Differences: (int * float) list
}

/// Differences with their intervals, as reviews of trials draw them.
module internal Forest =
    /// The 95 % interval by Student's t; None of a single seed.
    let interval effect : Interval option =
        effect.Differences
        |> List.map snd
        |> PairedDifference.ofValues
        |> Option.map (fun difference -> difference.TInterval 0.95)

    /// "[+0.4, +2.0]"
    let bounds (interval: Interval) = $"[%s{Points.ofFraction interval.Low}, %s{Points.ofFraction interval.High}]"

    let private data effect =
        let interval = interval effect

        Json.object [
            "name", Json.text effect.Comparing
            "student", Json.text (Student.key effect.Student)
            "mean", effect.Differences |> List.averageBy snd |> Json.float
            "low", interval |> Option.bind (fun interval -> Json.float interval.Low)
            "high", interval |> Option.bind (fun interval -> Json.float interval.High)
            "points",
            Json.array [
                for seed, difference in effect.Differences ->
                    Json.object [ "seed", Json.int seed; "difference", Json.float difference ]
            ]
        ]

    /// `what` says whose differences they are, "Test accuracy of …, in points".
    let figure id (what: string) (effects: Effect list) =
        let shown =
            if effects |> List.exists (interval >> Option.isSome) then
                "mean, 95 % interval by Student's t over seeds, and each seed as a tick. Filled marks have intervals without 0."
            else
                "one seed, so no interval."

        Figure {
            Id = id
            Kind = "forest"
            Description = $"%s{what}: %s{shown}"
            Data = Json.object [ "effects", effects |> Seq.map data |> Json.array ]
        }
