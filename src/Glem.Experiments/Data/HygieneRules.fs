namespace Glem

open System

/// What to do with what a file should not hold.
[<RequireQualifiedAccess>]
type Blemish =
    | Drop
    | Refuse

/// Which stated edges count.
[<RequireQualifiedAccess>]
type EdgeDirection =
    /// Those stated in either direction.
    | Either
    /// Those stated in both.
    | Mutual

/// What importing does about each thing that can be wrong or doubtful in a graph. Whatever it does is counted and told.
type HygieneRules = {
    SelfLoops: Blemish
    /// Rows that repeat an edge in the same direction.
    DuplicateEdges: Blemish
    /// Edges with an end that is no listed node.
    UnknownEnds: Blemish
    Direction: EdgeDirection
    /// Nodes without edge leave the data set.
    DropIsolated: bool
    /// Nodes without text get a text that says so; else they are refused.
    FillMissingTexts: bool
    /// Validation and test nodes whose text a training node has too (test nodes: or a validation node) leave their part.
    UnassignIdenticalTexts: bool
    /// Classes without training node lose their labels; else they are refused.
    UnlabelUntaught: bool
}

module HygieneRules =
    let standard = {
        SelfLoops = Blemish.Drop
        DuplicateEdges = Blemish.Drop
        UnknownEnds = Blemish.Refuse
        Direction = EdgeDirection.Either
        DropIsolated = false
        FillMissingTexts = false
        UnassignIdenticalTexts = false
        UnlabelUntaught = false
    }

    let private blemish (set: Blemish -> HygieneRules -> HygieneRules) = [
        "drop", set Blemish.Drop
        "refuse", set Blemish.Refuse
    ]

    /// Each rule's name, and what it may say, the standard first.
    let private choices: (string * (string * (HygieneRules -> HygieneRules)) list) list = [
        "self-loops", blemish (fun choice rules -> { rules with SelfLoops = choice })
        "duplicates", blemish (fun choice rules -> { rules with DuplicateEdges = choice })
        "unknown-ends", blemish (fun choice rules -> { rules with UnknownEnds = choice }) |> List.rev
        "direction",
        [
            "either",
            (fun rules -> {
                rules with
                    Direction = EdgeDirection.Either
            })
            "mutual",
            (fun rules -> {
                rules with
                    Direction = EdgeDirection.Mutual
            })
        ]
        "isolated",
        [
            "keep", (fun rules -> { rules with DropIsolated = false })
            "drop", (fun rules -> { rules with DropIsolated = true })
        ]
        "missing-texts",
        [
            "refuse", (fun rules -> { rules with FillMissingTexts = false })
            "fill", (fun rules -> { rules with FillMissingTexts = true })
        ]
        "identical-texts",
        [
            "keep",
            (fun rules -> {
                rules with
                    UnassignIdenticalTexts = false
            })
            "unassign",
            (fun rules -> {
                rules with
                    UnassignIdenticalTexts = true
            })
        ]
        "untaught-classes",
        [
            "refuse", (fun rules -> { rules with UnlabelUntaught = false })
            "unlabel", (fun rules -> { rules with UnlabelUntaught = true })
        ]
    ]

    /// The rules' names with their choices, for help and documentation: "self-loops=drop|refuse".
    let names = [
        for name, options in choices -> $"""%s{name}=%s{options |> List.map fst |> String.concat "|"}"""
    ]

    /// The rules with one of them set: "isolated=drop".
    let set (rules: HygieneRules) (text: string) : Result<HygieneRules, GlemError> =
        let name, choice =
            match text.IndexOf '=' with
            | -1 -> text, ""
            | at -> text.Substring(0, at), text.Substring(at + 1)

        match choices |> List.tryFind (fst >> (=) name) with
        | None -> Error(InSetting("--rule", text, $"""one of %s{String.Join(", ", names)}"""))
        | Some(_, options) ->
            match options |> List.tryFind (fst >> (=) choice) with
            | Some(_, change) -> Ok(change rules)
            | None ->
                Error(
                    InSetting($"--rule %s{name}", choice, $"""one of %s{String.Join(", ", options |> List.map fst)}""")
                )
