module Glem.Neural.Tests.GraphCheckpointTests

open System.IO
open Glem
open Xunit

let private key = Key.ofSeed 7

/// A path of three nodes, two columns of features, two classes.
let private saved labelInput : SavedGraphModel =
    let labels = Labels.ofIndices [| "a"; "b" |] [| 0; 1; 0 |] |> Result.orRaise

    let supervision =
        Split.ofParts [| Train; Train; Valid |] |> Supervision.ofSplit labels |> Result.orRaise

    let teacher: Posterior<Lm> = Posterior.ofLogits 2 [| 1f; 2f; 3f; 4f; 0.5f; 0f |]

    let inputs: NodeInputs = {
        Features = Vectors.ofArray 2 [| 0.1f; 0.2f; -0.3f; 4e-9f; 5f; 6f |]
        Labels = LabelInput.rows labelInput 3 key supervision teacher
    }

    let config =
        GraphModel.ofRecipe
            {
                Model = GnnModel.Gcn
                InputDropout = None
                AttentionDropout = None
                EdgeDropout = None
                Layers = None
                Heads = None
                Hops = None
                Alpha = None
                Aggregator = None
                BatchNorm = None
                FanOuts = None
                Hidden = 4
                Dropout = 0.25
                Features = Embeddings
                LabelInput = labelInput
                LabelFolds = 3
                Consistency = None
                ReliableLabels = None
            }
            inputs
            2

    {
        Config = config
        Weights = GraphModel.initial key (GnnConfig.gnn config)
        ClassNames = [| "a"; "b" |]
        Ids = [| "x"; "y, \"quoted\""; "é\n" |]
        Edges = Csr.symmetric 3 [ struct (0, 1); struct (1, 2) ]
        Inputs = inputs
        Features = Embeddings
        Lm = Some "../lm"
    }

[<Theory>]
[<InlineData false>]
[<InlineData true>]
let ``a graph model comes back from disk as it was, with its graph and inputs`` (readsLabels: bool) =
    use folder = new TemporaryFolder()
    let model = saved (if readsLabels then GoldAndTeacher else Off)
    GraphCheckpoint.save (folder.File "gnn") model
    let again = GraphCheckpoint.load (folder.File "gnn") |> Result.orRaise
    Assert.Equal(model.Config, again.Config)
    Assert.Equal<string>(model.ClassNames, again.ClassNames)
    Assert.Equal<string>(model.Ids, again.Ids)
    Assert.Equal(model.Edges, again.Edges)
    Assert.Equal(model.Inputs, again.Inputs)
    Assert.Equal(model.Features, again.Features)
    Assert.Equal(model.Lm, again.Lm)

    for pair in model.Weights do
        Assert.Equal<float32>(pair.Value.Values, again.Weights[pair.Key].Values)

    Assert.Equal(model.Weights.Count, again.Weights.Count)

[<Fact>]
let ``a damaged graph checkpoint is refused by file and key`` () =
    let refuses (file: string) (damage: string -> string) (words: string list) =
        use folder = new TemporaryFolder()
        GraphCheckpoint.save (folder.File "gnn") (saved GoldAndTeacher)
        let path = Path.Combine(folder.File "gnn", file)
        File.WriteAllText(path, damage (File.ReadAllText path))

        match GraphCheckpoint.load (folder.File "gnn") with
        | Ok _ -> failwith $"%s{file} was read"
        | Error error ->
            for word in words do
                Assert.Contains(word, GlemError.message error)

    let replace (found: string) (by: string) (text: string) =
        Assert.Contains(found, text)
        text.Replace(found, by)

    refuses "config.json" (replace "\"hidden\"" "\"hide\"") [ "config.json"; "'hidden'" ]
    refuses "config.json" (replace "\"embeddings\"" "\"pixels\"") [ "config.json"; "'features'"; "pixels" ]

    refuses "config.json" (replace (Key.toText (Key.named "label folds" key)) "12") [
        "config.json"
        "'label_key'"
        "12"
    ]

    refuses "config.json" (replace "\"columns\": 2" "\"columns\": 3") [ "'features'"; "[3; 2]"; "[3; 3]" ]
    refuses "config.json" (replace "\"gcn\"" "\"gin\"") [ "config.json"; "'model_type'"; "gin"; "revgat" ]
    refuses "nodes.json" (replace "\"x\"," "") [ "'labels'"; "[3; 2]"; "[2; 2]" ]
    refuses "nodes.json" (fun text -> text.Substring 3) [ "nodes.json" ]
