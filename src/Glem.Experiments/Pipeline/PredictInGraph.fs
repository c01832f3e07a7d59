namespace Glem

open System.Collections.Generic
open System.IO

/// Prediction by the trained GNN on texts that join the graph. Each joins it alone, so no answer depends on the others.
module PredictInGraph =
    /// Neighbours as indices. Error: an id that no node has.
    let private neighbours (index: Dictionary<string, int>) (item: NewNode) =
        item.Neighbours
        |> List.map (fun id ->
            match index.TryGetValue id with
            | true, i -> i
            | _ ->
                let name = if item.Id = "" then "--neighbours" else $"text '%s{item.Id}', neighbours"
                let example = index.Keys |> Seq.truncate 2 |> String.concat "' or '"
                raise (GlemException(InValue(name, $"'%s{id}'", $"ids of nodes of the graph, such as '%s{example}'"))))

    /// The rows with one of them replaced, or added at the end.   rows : [n; width]   row : [width]
    let private withRow at (row: float32[]) (rows: float32[]) =
        let rows = if at * row.Length = rows.Length then Array.append rows row else Array.copy rows
        Array.blit row 0 rows (at * row.Length) row.Length
        rows

    /// The graph after a node has taken its place in it, as node `at`: that node's old edges are gone.
    let private join (edges: Csr) at neighbours =
        let others = Csr.pairs edges |> Seq.filter (fun (struct (a, b)) -> a <> at && b <> at)

        neighbours
        |> Seq.filter ((<>) at)
        |> Seq.collect (fun j -> [ struct (at, j); struct (j, at) ])
        |> Seq.append others
        |> Csr.ofPairs (max edges.NodeCount (at + 1))

    /// What the GNN says of one node, given its features.
    let private one compute (saved: SavedGraphModel) (index: Dictionary<string, int>) item (features: float32[]) =
        let predict edges inputs at =
            use graph = GraphTensors.ofCsr compute.Device edges
            let posterior = GraphModel.predict compute (GnnConfig.gnn saved.Config) graph inputs saved.Weights
            posterior.Row(at * 1<node>).ToArray()

        // A node's own label is hidden from it: any row will do.
        let noLabel (labels: LabelRows) = Array.zeroCreate<float32> labels.Classes

        match neighbours index item with
        | [] ->
            predict
                (Csr.ofPairs 1 [])
                {
                    saved.Inputs with
                        Features = Vectors.ofArray features.Length features
                        Labels = saved.Inputs.Labels |> Option.map (fun labels -> { labels with Rows = noLabel labels })
                }
                0
        | neighbours ->
            let at =
                match index.TryGetValue item.Id with
                | true, i -> i
                | _ -> saved.Ids.Length

            predict
                (join saved.Edges at neighbours)
                {
                    saved.Inputs with
                        Features =
                            withRow at features (saved.Inputs.Features.ToArray()) |> Vectors.ofArray saved.Inputs.Width
                        Labels =
                            saved.Inputs.Labels
                            |> Option.map (fun labels -> {
                                labels with
                                    Rows = withRow at (noLabel labels) labels.Rows
                            })
                }
                at

    /// Embeddings by the LM that the GNN read : a row for each text.
    let private embeddings compute folder (lm: string) texts =
        let lm = Checkpoint.loadLm (Path.GetFullPath(Path.Combine(folder, lm))) |> Result.orRaise
        let fit, _ = LanguageModel.read compute lm.Model (SavedLanguageModel.encode lm texts) lm.Weights
        Array.init texts.Length (fun i -> fit.Embeddings.Row(i).ToArray())

    /// TF-IDF in the columns that the GNN read : a row for each text.
    let private textFeatures folder texts =
        let fitted = TextFeatures.load folder |> Result.orRaise
        TextFeatures.apply fitted texts |> Array.chunkBySize fitted.Width

    /// What the GNN reads of each text, as Study.nodeInputs lays it out.
    let private features compute folder (saved: SavedGraphModel) (texts: string[]) =
        let none () = Array.create texts.Length [||]

        let embedded =
            match saved.Lm with
            | Some lm -> embeddings compute folder lm texts
            | None -> none ()

        let written = if saved.Features.NeedsText then textFeatures folder texts else none ()

        (embedded, written)
        ||> Array.map2 (fun embedded written ->
            let row = Array.append embedded written

            if row.Length <> saved.Inputs.Width then
                let found = $"an LM and words that give %d{row.Length} features"
                raise (GlemException(InFile(folder, "", found, $"those that the GNN read, %d{saved.Inputs.Width}")))

            row)

    /// Classifies new nodes with the GNN checkpoint of a run directory, on what this GNN read: its LM's embeddings, TF-IDF,
    /// or both. An item with a node's id takes that node's place; one without neighbours is a graph of its own.
    /// Error: a checkpoint that is absent or damaged, an empty text or an unknown neighbour by its item's id.
    let nodes (compute: Compute) (runFolder: string) (items: NewNode[]) : Result<TextPrediction[], GlemError> =
        let folder = RunFolder.checkpoint Student.Gnn runFolder

        Predict.check items
        |> Result.bind (fun () -> GraphCheckpoint.load folder)
        |> Result.bind (fun saved ->
            try
                let index = saved.Ids |> Seq.mapi (fun i id -> KeyValuePair(id, i)) |> Dictionary
                // Every complaint comes before the work.
                items |> Array.iter (neighbours index >> ignore)

                (items, features compute folder saved (items |> Array.map _.Text))
                ||> Array.map2 (fun item features ->
                    one compute saved index item features |> Predict.ranked saved.ClassNames item)
                |> Ok
            with GlemException error ->
                Error error)
