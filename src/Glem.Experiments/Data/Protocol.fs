namespace Glem

/// What of the test nodes is there while students train. Their labels never are.
type Protocol =
    /// Texts and edges: GLEM's main setting.
    | Transductive
    /// Texts; edges neither in training nor in prediction (official: IND).
    | TestEdgesRemoved
    /// Nothing: they come into the graph, with their edges, when training is over (official: ind).
    | TestRemoved

/// A data set as a protocol divides it.
type Exposure = {
    /// What students train on.
    Training: Dataset
    /// What they answer for once trained: every node.
    Everything: Dataset
    /// Where training's nodes stand in everything, ascending : [m].
    Seen: int[]
}

module Protocol =
    /// As recipes spell it.
    let name protocol =
        match protocol with
        | Transductive -> "transductive"
        | TestEdgesRemoved -> "testEdgesRemoved"
        | TestRemoved -> "testRemoved"

    let private isTest (node: NodeRecord) = node.Part = Test

    let private testIds (records: DatasetRecords) = records.Nodes |> Seq.filter isTest |> Seq.map _.Id |> Set

    /// The records without test nodes, and without the edges that end in one.
    let withoutTestNodes (records: DatasetRecords) : DatasetRecords =
        let gone = testIds records

        {
            records with
                Nodes = records.Nodes |> Array.filter (isTest >> not)
                Edges = records.Edges |> Array.filter (fun (struct (a, b)) -> not (gone.Contains a || gone.Contains b))
        }

    /// The records without the edges that end in a test node.
    let withoutTestEdges (records: DatasetRecords) : DatasetRecords = {
        records with
            Edges = (withoutTestNodes records).Edges
    }

    /// The data set as training and prediction see it.
    /// Error: a protocol that removes something from a data set without test nodes.
    let expose (protocol: Protocol) (dataset: Dataset) : Result<Exposure, GlemError> =
        let all = Array.init dataset.Graph.NodeCount id
        let rebuilt change = Dataset.toRecords dataset |> change |> Dataset.ofRecords dataset.Info.Name

        let same training = {
            Training = training
            Everything = training
            Seen = all
        }

        if protocol <> Transductive && (Split.nodes Test dataset.Split).Length = 0 then
            Error(
                InSetting(
                    "protocol",
                    $"%s{name protocol} on %s{dataset.Info.Name}, which has no test node",
                    "a data set with test nodes, or transductive"
                )
            )
        else
            match protocol with
            | Transductive -> Ok(same dataset)
            | TestEdgesRemoved -> rebuilt withoutTestEdges |> Result.map same
            | TestRemoved ->
                rebuilt withoutTestNodes
                |> Result.map (fun training -> {
                    Training = training
                    Everything = dataset
                    Seen = all |> Array.filter (fun i -> dataset.Split[i * 1<node>] <> Test)
                })
