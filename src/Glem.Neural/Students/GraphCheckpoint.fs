namespace Glem

open System
open System.Collections.Generic
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open TorchSharp
open Glem.Torch.Extensions

/// A graph model with all that predicting with it needs: the graph, and what it reads of every node.
type SavedGraphModel = {
    Config: GnnConfig
    Weights: Weights
    ClassNames: string[]
    /// The nodes' ids : [n].
    Ids: string[]
    Edges: Csr
    Inputs: NodeInputs
    /// What a node's features are.
    Features: GnnFeatures
    /// The checkpoint of the LM whose embeddings are among them, from this one's folder. Nothing where there is none.
    Lm: string option
}

/// Graph models on disk: config.json, model.safetensors (weights), graph.safetensors (features : [n; d], labels : [n; c]
/// where they are inputs, and the neighbours in compressed rows), nodes.json (ids).
module GraphCheckpoint =
    let private weightsFile folder = Path.Combine(folder, "model.safetensors")
    let private configFile folder = Path.Combine(folder, "config.json")
    let private graphFile folder = Path.Combine(folder, "graph.safetensors")
    let private nodesFile folder = Path.Combine(folder, "nodes.json")

    let private featuresNames = [
        Embeddings, "embeddings"
        Raw, "raw"
        Both, "both"
        PreviousEmbeddings, "previousEmbeddings"
    ]

    let private strings (items: string[]) =
        JsonArray(items |> Array.map (fun item -> JsonValue.Create item :> JsonNode | null))

    let private saveGraph path (saved: SavedGraphModel) =
        use _ = torch.NewDisposeScope()

        let matrix (values: float32[]) (width: int) = torch.tensor(values).reshape [| -1L; int64 width |]

        Safetensors.Save(
            path,
            Dictionary<string, Tensor>(
                [
                    KeyValuePair("features", Vectors.toTensor torch.CPU saved.Inputs.Features)
                    match saved.Inputs.Labels with
                    | Some labels -> KeyValuePair("labels", matrix labels.Rows labels.Classes)
                    | None -> ()
                    KeyValuePair("row_offsets", torch.tensor (saved.Edges.Offsets.ToArray()))
                    KeyValuePair("neighbours", torch.tensor (saved.Edges.Neighbours.ToArray()))
                ]
            )
        )

    /// Writes the model, its inputs and its graph. Raises IOException.
    let save (folder: string) (saved: SavedGraphModel) =
        Directory.CreateDirectory folder |> ignore
        let json = JsonObject()
        GnnConfigFile.write json saved.Config
        json.Add("class_names", strings saved.ClassNames)
        let features = featuresNames |> List.find (fst >> (=) saved.Features) |> snd
        json.Add("features", features)
        json.Add("columns", saved.Inputs.Width)
        saved.Lm |> Option.iter (fun lm -> json.Add("lm", lm))

        saved.Inputs.Labels
        |> Option.iter (fun labels ->
            json.Add("label_folds", labels.Folds)
            json.Add("label_key", Key.toText labels.Key))

        WeightsFile.save (weightsFile folder) saved.Weights
        saveGraph (graphFile folder) saved
        WholeFile.writeText (nodesFile folder) ((strings saved.Ids).ToJsonString())
        WholeFile.writeText (configFile folder) (json.ToJsonString(JsonSerializerOptions(WriteIndented = true)))

    /// The tensors of graph.safetensors by name; what is absent or of another shape is an error.
    type private GraphFile(path: string, tensors: IReadOnlyDictionary<string, Tensor>) =
        let bad name found expected = raise (GlemException(InFile(path, $"tensor '%s{name}'", found, expected)))

        let find name : Tensor =
            match tensors.TryGetValue name with
            | true, tensor -> tensor
            | _ -> bad name "nothing" "a tensor, as `glem run` writes it"

        let shaped name (dtype: torch.ScalarType) (expected: int64[]) =
            let show (shape: int64[]) = "[" + String.Join("; ", shape) + "]"
            let tensor = find name

            let fits =
                tensor.shape.Length = expected.Length
                && Array.forall2 (fun found wanted -> wanted < 0L || found = wanted) tensor.shape expected

            if tensor.dtype = dtype && fits then
                tensor
            else
                bad name $"%O{tensor.dtype} of shape %s{show tensor.shape}" $"%O{dtype} of shape %s{show expected}"

        /// Row-major : [rows; width], any width where it is negative; with its width.
        member _.Matrix(name, rows: int, width: int) =
            let tensor = shaped name torch.ScalarType.Float32 [| int64 rows; int64 width |]
            (Weight.ofTensor tensor).Values, int tensor.shape[1]

        member _.Integers(name, count: int) =
            (shaped name torch.ScalarType.Int32 [| int64 count |]).data<int>().ToArray()

        /// The rows' neighbours : n rows.
        member this.Edges(n: int) =
            let offsets = this.Integers("row_offsets", n + 1)
            let neighbours = this.Integers("neighbours", -1)

            let fits =
                offsets[0] = 0
                && offsets[n] = neighbours.Length
                && Array.forall (fun (a, b) -> a <= b) (Array.pairwise offsets)
                && neighbours |> Array.forall (fun j -> j >= 0 && j < n)

            if not fits then
                bad "row_offsets" "numbers that are no compressed rows" "the rows of a graph"

            seq {
                for i in 0 .. n - 1 do
                    for at in offsets[i] .. offsets[i + 1] - 1 do
                        struct (i, neighbours[at])
            }
            |> Csr.ofPairs n

    let private read folder : SavedGraphModel =
        let path = configFile folder
        let parse (file: string) = JsonNode.Parse(File.ReadAllText file) |> nonNull
        let config = parse path
        let bad key found expected = raise (GlemException(InFile(path, $"key '%s{key}'", found, expected)))
        let tryKey (name: string) = config[name] |> Option.ofObj

        let key name =
            match tryKey name with
            | Some node -> node
            | None -> bad name "nothing" "a value, as `glem run` writes it"

        let texts (node: JsonNode) = [| for item in node.AsArray() -> (nonNull item).GetValue<string>() |]
        let ids = parse (nodesFile folder) |> texts
        let features = (key "features").GetValue<string>()
        use _ = torch.NewDisposeScope()
        let graph = GraphFile(graphFile folder, Safetensors.Load(graphFile folder))

        let classNames = texts (key "class_names")
        let classes = classNames.Length

        let labels =
            tryKey "label_folds"
            |> Option.map (fun folds ->
                let text = (key "label_key").GetValue<string>()

                {
                    Rows = fst (graph.Matrix("labels", ids.Length, classes))
                    Classes = classes
                    Folds = folds.GetValue<int>()
                    Key =
                        match Key.ofText text with
                        | Some key -> key
                        | None -> bad "label_key" text "32 hexadecimal digits"
                })

        let model = GnnConfigFile.read path config
        let values, width = graph.Matrix("features", ids.Length, (key "columns").GetValue<int>())

        {
            Config = model
            Weights = WeightsFile.load (weightsFile folder)
            ClassNames = classNames
            Ids = ids
            Edges = graph.Edges ids.Length
            Inputs = {
                Features = Vectors.ofArray width values
                Labels = labels
            }
            Features =
                match featuresNames |> List.tryFind (snd >> (=) features) with
                | Some(kind, _) -> kind
                | None -> bad "features" features (featuresNames |> List.map snd |> String.concat ", " |> (+) "one of ")
            Lm = tryKey "lm" |> Option.map _.GetValue<string>()
        }

    let private files = [ configFile; weightsFile; graphFile; nodesFile ]

    /// Reads what save wrote. Error: a file that is absent or damaged, by name and key or tensor.
    let load (folder: string) : Result<SavedGraphModel, GlemError> =
        try
            match files |> List.map (fun file -> file folder) |> List.tryFind (File.Exists >> not) with
            | Some absent -> Error(InFile(absent, "", "no such file", "a GNN checkpoint, as `glem run` writes it"))
            | None -> Ok(read folder)
        with
        | GlemException error -> Error error
        | :? JsonException
        | :? FormatException
        | :? InvalidOperationException as problem ->
            Error(InFile(folder, "", problem.Message, "the config.json and nodes.json of `glem run`"))
        | :? InvalidDataException as problem -> Error(InFile(folder, "", problem.Message, "whole safetensors files"))
        | :? IOException as problem -> Error(InFile(folder, "", problem.Message, "files that can be read"))
