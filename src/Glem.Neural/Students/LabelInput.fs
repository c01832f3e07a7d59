namespace Glem

/// Which labels the graph model reads beside its features, each hidden from its own node (the paper conditions on
/// y_{L\n}; Shi et al. 2021, UniMP, train so by masking).
type LabelInput =
    | Off
    /// Gold labels of training nodes, the teacher's elsewhere (official: label_input).
    | GoldAndTeacher
    /// The teacher's on every node: inputs are as reliable in training as in prediction.
    | TeacherOnly
    /// Gold labels of training nodes, nothing elsewhere (UniMP).
    | GoldOnly

    /// Whether a teacher's labels are among them.
    member this.NeedsTeacher = this = GoldAndTeacher || this = TeacherOnly

/// Label distributions as inputs, row-major : [n; c]. A row of zeros says nothing.
type LabelRows = {
    Rows: float32[]
    Classes: int
    /// Parts that prediction hides in turn; 2 at least.
    Folds: int
    /// Shares the nodes out among the folds.
    Key: Key
}

module LabelInput =
    let private goldRow (supervision: Supervision) (i: int<node>) =
        match supervision.Gold i with
        | ValueSome gold -> Array.init supervision.ClassCount (fun k -> if k = int gold then 1f else 0f)
        | ValueNone -> Array.zeroCreate supervision.ClassCount

    /// The rows of a kind of label input; nothing where it is off.   teacher : softened as the step's pseudo labels are
    let rows kind folds key (supervision: Supervision) (teacher: Posterior<'t>) : LabelRows option =
        let taught i = teacher.Row(i).ToArray()

        let row =
            match kind with
            | Off -> None
            | GoldAndTeacher -> Some(fun i -> if supervision.Gold(i).IsSome then goldRow supervision i else taught i)
            | TeacherOnly -> Some taught
            | GoldOnly -> Some(goldRow supervision)

        row
        |> Option.map (fun row -> {
            Rows = Array.init supervision.NodeCount (fun i -> row (i * 1<node>)) |> Array.concat
            Classes = supervision.ClassCount
            Folds = folds
            Key = Key.named "label folds" key
        })

    /// The fold of every node : [n].
    let folds (labels: LabelRows) =
        Array.init (labels.Rows.Length / labels.Classes) (fun i ->
            int (Key.seed (Key.at i labels.Key) % uint64 labels.Folds))
