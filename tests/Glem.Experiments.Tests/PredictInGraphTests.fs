module Glem.Experiments.Tests.PredictInGraphTests

open System.IO
open Glem
open TorchSharp
open Xunit

let private compute: Compute = {
    Device = torch.CPU
    Precision = Precision.Float32
    Memory = MemoryBudget.standard ()
}

/// A finished run on colours, in a folder.
let private run (folder: TestFolder) settings =
    let recipe = Settings.setAll settings Colours.recipe |> Result.orRaise

    Trial.run
        {
            Recipe = recipe
            Dataset = Colours.dataset.Value
            Seed = 3
            Compute = compute
            Output = folder.File "run"
            Store = Store.none
            Command = "a test"
        }
        Witness.silent
    |> Result.orRaise
    |> ignore

    folder.File "run"

/// Nodes as a user has them: id, text and neighbours, without the edges that the run did not have.
let private items protocol parts : NewNode[] =
    let records =
        if protocol = TestEdgesRemoved then
            Protocol.withoutTestEdges Colours.records
        else
            Colours.records

    [|
        for node in records.Nodes do
            if List.contains node.Part parts then
                {
                    Id = node.Id
                    Text = node.Text
                    Neighbours = [
                        for struct (a, b) in records.Edges do
                            if a = node.Id then
                                b
                            elif b = node.Id then
                                a
                    ]
                }
    |]

/// Largest difference between the predictions and what the run says in predictions.csv, of those with the run's class.
let private difference folder (predictions: TextPrediction[]) =
    let ran =
        PredictionFile.read (RunFolder.predictions folder)
        |> Result.orRaise
        |> List.map (fun one -> one.Id, Option.get one.Gnn)
        |> Map

    predictions
    |> Array.map (fun prediction ->
        let guess = ran[prediction.Id]

        let struct (_, probability) =
            prediction.Classes |> Array.find (fun (struct (name, _)) -> name = guess.Class)

        abs (probability - guess.Confidence))
    |> Array.max

/// predictions.csv has six digits.
let private sixDigits = 2e-6

[<Theory>]
[<InlineData "transductive">]
[<InlineData "testRemoved">]
[<InlineData "testEdgesRemoved">]
[<InlineData "transductive gnn.labelInput=goldAndTeacher">]
[<InlineData "testRemoved gnn.labelInput=goldAndTeacher order=gnnFirst">]
[<InlineData "transductive gnn.features=previousEmbeddings">]
[<InlineData "testRemoved gnn.features=previousEmbeddings">]
[<InlineData "transductive order=gnnFirst">]
[<InlineData "transductive gnn.features=raw">]
[<InlineData "testRemoved gnn.features=both">]
let ``a node's own text and neighbours get the run's own prediction`` (settings: string) =
    use folder = new TestFolder()
    let folder = run folder ($"protocol=%s{settings}".Split ' ' |> List.ofArray)
    let protocol = if settings.StartsWith "testEdges" then TestEdgesRemoved else Transductive

    // Of nodes that trained, a run under testRemoved speaks before the test nodes come back.
    let parts = if settings.StartsWith "testRemoved" then [ Test ] else [ Train; Valid; Test ]
    let nodes = items protocol parts
    let predict nodes = PredictInGraph.nodes compute folder nodes |> Result.orRaise

    // All at once, the LM reads its texts in the run's own batches. A text alone is summed up in another order, and the
    // weights of words come back in float32.
    let tolerance = if settings.Contains "raw" || settings.Contains "both" then 1e-4 else sixDigits
    Assert.InRange(difference folder (predict nodes), 0.0, tolerance)
    Assert.InRange(nodes[..4] |> Array.map (fun node -> difference folder (predict [| node |])) |> Array.max, 0.0, 1e-4)

[<Fact>]
let ``neighbours matter, and other new nodes do not`` () =
    use folder = new TestFolder()
    let folder = run folder []
    let predict nodes = PredictInGraph.nodes compute folder nodes |> Result.orRaise
    let node = (items Transductive [ Test ])[0]

    let probabilities (prediction: TextPrediction) =
        prediction.Classes |> Array.sort |> Array.map (fun (struct (_, probability)) -> probability)

    let joined = predict [| { node with Id = "new" } |] |> Array.exactlyOne |> probabilities

    let withOthers =
        [| "new"; "newer"; "newest" |]
        |> Array.map (fun id -> { node with Id = id })
        |> predict
        |> Array.map probabilities

    let alone =
        predict [|
            {
                node with
                    Id = "new"
                    Neighbours = []
            }
        |]
        |> Array.exactlyOne
        |> probabilities

    for others in withOthers do
        Array.iter2 (fun (a: float) b -> Assert.Equal(a, b, 1e-4)) joined others

    Assert.NotEqual<float>(joined, alone)

[<Fact>]
let ``a node that takes another's place has its own edges only, and a node of its own has the same ones`` () =
    use folder = new TestFolder()
    let folder = run folder []

    // n0 gets one edge; once in its own place, once beside a graph in which n0 has no edge.
    let saved = GraphCheckpoint.load (RunFolder.checkpoint Student.Gnn folder) |> Result.orRaise
    let touches (struct (a, b)) = a = 0 || b = 0

    let apart = {
        saved with
            Edges = Csr.pairs saved.Edges |> Seq.filter (touches >> not) |> Csr.ofPairs saved.Ids.Length
    }

    let node = {
        (items Transductive [ Train ])[0] with
            Neighbours = [ "n1" ]
    }

    Assert.Equal("n0", node.Id)

    let predict node =
        PredictInGraph.nodes compute folder [| node |]
        |> Result.orRaise
        |> Array.exactlyOne
        |> _.Classes
        |> Array.sort
        |> Array.map (fun (struct (_, probability)) -> probability)

    let inPlace = predict node
    Assert.NotEqual<float>(inPlace, predict { node with Id = "new" })
    GraphCheckpoint.save (RunFolder.checkpoint Student.Gnn folder) apart
    Array.iter2 (fun (a: float) b -> Assert.Equal(a, b, 1e-6)) inPlace (predict { node with Id = "new" })

let private refuses (words: string list) result =
    match result with
    | Ok _ -> failwith "expected an error"
    | Error error ->
        for word in words do
            Assert.Contains(word, GlemError.message error)

[<Fact>]
let ``what cannot be predicted is refused by its id or file`` () =
    use folder = new TestFolder()
    let ran = run folder [ "rounds=0" ]
    let node = (items Transductive [ Test ])[0]
    let predict nodes = PredictInGraph.nodes compute ran nodes

    predict [|
        {
            node with
                Neighbours = [ "n1"; "nobody" ]
        }
    |]
    |> refuses [ node.Id; "'nobody'"; "'n0'" ]

    predict [| { node with Text = " " } |] |> refuses [ node.Id; "blanks" ]
    let file = Path.Combine(RunFolder.checkpoint Student.Gnn ran, "graph.safetensors")
    let bytes = File.ReadAllBytes file
    File.WriteAllBytes(file, bytes[.. bytes.Length / 2])
    predict [| node |] |> refuses [ "graph.safetensors"; "truncated" ]
    File.Delete file
    predict [| node |] |> refuses [ "graph.safetensors"; "no such file" ]

[<Fact>]
let ``a GNN that reads TF-IDF needs its words`` () =
    use folder = new TestFolder()
    let ran = run folder [ "gnn.features=raw"; "rounds=0" ]
    let file = Path.Combine(RunFolder.checkpoint Student.Gnn ran, "words.json")
    let predict () = PredictInGraph.nodes compute ran (items Transductive [ Test ])
    File.WriteAllText(file, "[\"frog\"]")
    predict () |> refuses [ "words.safetensors"; "[1]" ]
    File.Delete file
    predict () |> refuses [ "words.json" ]
