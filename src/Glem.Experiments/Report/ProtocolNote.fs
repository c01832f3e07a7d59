namespace Glem

/// What test accuracy means under a protocol, for people.
module ProtocolNote =
    /// Nothing where all that the recipe names is there in training.
    let ofProtocol protocol =
        match protocol with
        | Transductive -> None
        | TestEdgesRemoved ->
            Some
                "Protocol testEdgesRemoved: test nodes have texts but no edges, in training and in prediction, so a GNN sees each of them alone."
        | TestRemoved ->
            Some
                "Protocol testRemoved: nothing of the test nodes was there in training. LMs answer for them from their texts alone (structure-free), GNNs on the whole graph, to which they come back with their edges."

    /// Nothing where students learn from no held-out label, as in every result.
    let ofTeachers usesHeldOutLabels =
        if usesHeldOutLabels then
            Some
                "The oracle teaches: a student learns from held-out labels, so its accuracies are the ceiling of what pseudo labels can give, and no result."
        else
            None

    let private ofSettings settings =
        settings
        |> List.tryFind (fst >> (=) "protocol")
        |> Option.bind (fun (_, name) ->
            [ Transductive; TestEdgesRemoved; TestRemoved ]
            |> List.tryFind (fun protocol -> Protocol.name protocol = name))
        |> Option.bind ofProtocol

    let private ofLinks settings =
        let share name = settings |> List.tryFind (fst >> (=) $"links.%s{name}") |> Option.map snd

        match share "valid", share "test" with
        | Some valid, Some test when test <> "0" ->
            Some
                $"Shares of %s{test} and %s{valid} of the edges were held out for link prediction, so these are accuracies on a thinner graph."
        | _ -> None

    /// Whether a run's settings let a student learn from held-out labels.
    let learnsFromHeldOut (settings: (string * string) list) =
        settings |> List.exists (fun (path, value) -> path.EndsWith ".teacher" && value = "oracle")

    /// The note of a finished run.
    let ofRun (info: RunInfo) =
        let settings = RunInfo.settings info

        match
            List.choose id [
                ofTeachers (learnsFromHeldOut settings)
                ofSettings settings
                ofLinks settings
            ]
        with
        | [] -> None
        | notes -> Some(String.concat " " notes)
