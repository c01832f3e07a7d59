namespace Glem

open System.IO
open System.Text.Json.Nodes

/// A finished run that held out edges, with what it takes to score it on them.
type LinkRun = {
    Info: RunInfo
    Dataset: Dataset
    Split: LinkSplit
    /// The graph that was trained on.
    Training: Csr
    Gnn: SavedGraphModel
    Lm: SavedLanguageModel
}

module LinkRun =
    // Runs from before there were links held out none, as quickstart.
    let private configured (info: RunInfo) : Recipe =
        Recipes.quickstart
        |> Settings.overlay (JsonNode.Parse(info.Configuration.GetRawText()))
        |> Result.orRaise

    /// Reads a run directory, makes its split of the edges again, and sees that its graph holds none of the held-out ones.
    /// Error: a run that trained on every edge, files that are absent or damaged, a data set that is not there or has
    /// changed since.
    let load (folder: string) : Result<LinkRun, GlemError> =
        let path = RunFolder.info folder

        RunInfo.read path
        |> Result.bind (fun info ->
            RunFile.guard path "a run directory" (fun () ->
                let recipe = configured info
                let links, name = recipe.Links, recipe.Dataset

                if not (HeldOutLinks.areIn links) then
                    let remedy = "a run that held some out: glem run … --set links.valid=0.05 --set links.test=0.1"

                    raise (
                        GlemException(
                            InFile(path, "key 'configuration.links'", "a run whose training saw every edge", remedy)
                        )
                    )

                let dataset = Datasets.atLabelRate recipe.LabelRate name |> Result.orRaise

                if dataset.Fingerprint <> info.Dataset.Fingerprint then
                    let found =
                        $"%s{info.Dataset.Fingerprint[..7]}…, but %s{name} is %s{dataset.Fingerprint[..7]}… now"

                    let expected = "the data set that the run trained on"
                    raise (GlemException(InFile(path, "key 'dataset.fingerprint'", found, expected)))

                let split = HeldOutLinks.split links dataset |> Result.orRaise
                let training = LinkSplit.training dataset.Graph.NodeCount split
                let gnnFolder = RunFolder.checkpoint Student.Gnn folder
                let gnn = GraphCheckpoint.load gnnFolder |> Result.orRaise

                if gnn.Ids <> dataset.Graph.Ids || gnn.Edges <> training then
                    let graph = Path.Combine(gnnFolder, "graph.safetensors")
                    let expected = "run.json's data set without its held-out edges"
                    raise (GlemException(InFile(graph, "", "another graph", expected)))

                {
                    Info = info
                    Dataset = dataset
                    Split = split
                    Training = training
                    Gnn = gnn
                    Lm = Checkpoint.loadLm (RunFolder.checkpoint Student.Lm folder) |> Result.orRaise
                }))

    /// A student's vectors of all nodes, [n; d]: the LM's text embeddings, of each text alone; what the GNN makes of a
    /// node before it makes classes of that, on the graph that was trained on.
    let embeddings (compute: Compute) (run: LinkRun) (student: Student) : Vectors =
        match student with
        | Student.Lm ->
            let texts = SavedLanguageModel.encode run.Lm run.Dataset.Graph.Texts
            (LanguageModel.read compute run.Lm.Model texts run.Lm.Weights |> fst).Embeddings
        | Student.Gnn ->
            use graph = GraphTensors.ofCsr compute.Device run.Training
            GraphModel.representations compute (GnnConfig.gnn run.Gnn.Config) graph run.Gnn.Inputs run.Gnn.Weights
