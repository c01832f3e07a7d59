namespace Glem

module CellScore =
    /// A student's score in a cell's run: GLEM's; where EM did not run, the student's on gold labels.
    let ofSummary student (summary: Summary) : Score option =
        match student with
        | Student.Lm -> summary.GlemLm |> Option.orElse summary.LmOnly
        | Student.Gnn -> summary.GlemGnn |> Option.orElse summary.Static
