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

    /// The note of a finished run.
    let ofRun (info: RunInfo) =
        RunInfo.settings info
        |> List.tryFind (fst >> (=) "protocol")
        |> Option.bind (fun (_, name) ->
            [ Transductive; TestEdgesRemoved; TestRemoved ]
            |> List.tryFind (fun protocol -> Protocol.name protocol = name))
        |> Option.bind ofProtocol
