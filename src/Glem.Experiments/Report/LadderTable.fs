namespace Glem

/// The ladder of one data set under several graph models as a Markdown table, over replicates.
module LadderTable =
    /// Each rung that EM is to lift, and the rung that it starts from.
    let private before = Map [ "glemLm", "lmOnly"; "glemGnn", "static" ]

    /// The rungs below the graph, which arms of one language model share.
    let private shared = set [ "majority"; "tfidf"; "lmOnly" ]

    let private pick key : Summary -> Score option =
        Ladder.rungs |> List.pick (fun (own, _, pick) -> if own = key then Some pick else None)

    let private spread part key summaries =
        summaries |> List.choose (pick key) |> List.map (part: Score -> float) |> Spread.ofValues

    /// "+1.2 [+0.4, +2.0] over LM alone, 5 of 5", of test accuracy, in points; replicates pair up.
    let private gain key summaries =
        match before.TryFind key with
        | None -> ""
        | Some lower ->
            summaries
            |> List.choose (fun summary ->
                Option.map2
                    (fun (one: Score) (other: Score) -> one.Test - other.Test)
                    (pick key summary)
                    (pick lower summary))
            |> PairedDifference.ofValues
            |> Option.map (fun d -> $"%s{Points.ofDifference d} over %s{Ladder.name lower}, %d{d.Above} of %d{d.Pairs}")
            |> Option.defaultValue ""

    let private row name key summaries =
        match spread _.Valid key summaries, spread _.Test key summaries with
        | Some valid, Some test -> [ [ name; Spread.percent valid; Spread.percent test; gain key summaries ] ]
        | _ -> []

    /// Accuracy in percent, mean ± standard deviation over an arm's replicates; what EM adds in points of test accuracy, with
    /// its 95 % interval by Student's t over replicates. The rungs below the graph are the first arm's.
    ///   arms : names of the graph models, and their replicates in one order of seeds
    let markdown (arms: (string * Summary list) list) : string =
        let rows = [
            for key, name, _ in Ladder.rungs do
                if shared.Contains key then
                    yield! row name key (snd arms.Head)

            for arm, summaries in arms do
                for key, name, _ in Ladder.rungs do
                    if not (shared.Contains key) then
                        yield! row $"%s{arm}: %s{name}" key summaries
        ]

        String.concat "" [
            MarkdownTable.line [ ""; "valid, %"; "test, %"; "what EM adds on test, points" ]
            "|---|---|---|---|\n"
            yield! List.map MarkdownTable.line rows
        ]
