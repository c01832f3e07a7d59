module Glem.Experiments.Tests.ProtocolTests

open System
open FsCheck.FSharp
open Glem
open TorchSharp
open Xunit

let private isTest (node: NodeRecord) = node.Part = Test

/// Records with other parts and edges: a graph of 3 to 40 of colours' nodes.
let private graphs =
    let nodes n = gen {
        let! parts = Gen.elements [ Train; Valid; Test; Unassigned ] |> Gen.arrayOfLength n

        return
            (parts, Colours.records.Nodes)
            ||> Seq.map2 (fun part node -> { node with Part = part })
            |> Array.ofSeq
    }

    let edges (nodes: NodeRecord[]) =
        Gen.two (Gen.elements nodes)
        |> Gen.filter (fun (a, b) -> a.Id < b.Id)
        |> Gen.map (fun (a, b) -> struct (a.Id, b.Id))
        |> Gen.arrayOf

    gen {
        let! nodes = Gen.choose (3, 40) |> Gen.bind nodes
        let! edges = edges nodes

        return {
            Colours.records with
                Nodes = nodes
                Edges = edges
        }
    }
    |> Arb.fromGen

let private check law = FsCheck.Check.One(FsCheck.Config.QuickThrowOnFailure, Prop.forAll graphs law)

let private testIds (records: DatasetRecords) = records.Nodes |> Array.filter isTest |> Array.map _.Id |> set

[<Fact>]
let ``without test nodes the others stay as they are, with every edge among them`` () =
    check (fun records ->
        let left = Protocol.withoutTestNodes records
        let gone = testIds records
        let isAmong (struct (a, b)) = not (gone.Contains a) && not (gone.Contains b)

        left.Nodes = Array.filter (isTest >> not) records.Nodes
        && left.Edges = Array.filter isAmong records.Edges
        && Protocol.withoutTestNodes left = left)

[<Fact>]
let ``without test edges every node stays, and no edge but those of test nodes is gone`` () =
    check (fun records ->
        let left = Protocol.withoutTestEdges records
        let tested = testIds records
        let isTested (struct (a, b)) = tested.Contains a || tested.Contains b

        left.Nodes = records.Nodes
        && not (Array.exists isTested left.Edges)
        && left.Edges.Length = (records.Edges |> Array.filter (isTested >> not)).Length)

// Poison: what a protocol hides from training must not matter to it.

/// Texts of words that no other node has.
let private foreignTexts (records: DatasetRecords) = {
    records with
        Nodes =
            records.Nodes
            |> Array.mapi (fun i node ->
                if isTest node then
                    {
                        node with
                            Text = $"zebra%d{i} quagga zebra zoo quagga zebra zebra"
                    }
                else
                    node)
}

/// Every test node with the next class.
let private foreignLabels (records: DatasetRecords) = {
    records with
        Nodes =
            records.Nodes
            |> Array.map (fun node ->
                match node.Label with
                | Some label when isTest node ->
                    let k = Array.IndexOf(records.ClassNames, label)

                    {
                        node with
                            Label = Some records.ClassNames[(k + 1) % records.ClassNames.Length]
                    }
                | _ -> node)
}

/// Other neighbours for the test nodes: each gets the ten nodes before it.
let private foreignEdges (records: DatasetRecords) = {
    Protocol.withoutTestEdges records with
        Edges = [|
            yield! (Protocol.withoutTestEdges records).Edges
            for i in 10 .. records.Nodes.Length - 1 do
                if isTest records.Nodes[i] then
                    for j in i - 10 .. i - 1 do
                        struct (records.Nodes[j].Id, records.Nodes[i].Id)
        |]
}

/// One test node more, before all others.
let private oneMore (records: DatasetRecords) = {
    records with
        Nodes =
            Array.append
                [|
                    {
                        Id = "newcomer"
                        Text = "a newcomer"
                        Label = Some records.ClassNames[0]
                        Part = Test
                    }
                |]
                records.Nodes
}

/// All that a run fits and trains, and what it then says of every node by its id.
type private Outcome = {
    /// Token ids of the texts that train: what the tokenizer's training decided.
    Tokens: int list list
    /// TF-IDF features of the nodes that train.
    Raw: float32 list
    /// Every model's weights, in the order of training, as bits.
    Trained: (string * int list) list list
    LmSays: Map<string, float32 list>
    GnnSays: Map<string, float32 list>
}

let private run protocol (records: DatasetRecords) =
    let recipe =
        Settings.setAll [ "gnn.features=both"; "gnn.labelInput=goldAndTeacher"; "rounds=1" ] {
            Colours.recipe with
                Protocol = protocol
        }
        |> Result.orRaise

    let compute: Compute = {
        Device = torch.CPU
        Precision = Precision.Float32
        Memory = MemoryBudget.standard ()
    }

    let dataset = Dataset.ofRecords "colours" records |> Result.orRaise
    use study = Study.prepare compute (fun _ _ -> ()) recipe dataset 5 |> Result.orRaise
    let steps = Study.steps study

    let bits (weights: Weights) =
        weights
        |> Seq.sortBy _.Key
        |> Seq.map (fun pair -> pair.Key, pair.Value.Values |> Array.map BitConverter.SingleToInt32Bits |> List.ofArray)
        |> Seq.toList

    let says (posterior: Posterior<'s>) =
        records.Nodes
        |> Seq.mapi (fun i node -> node.Id, posterior.Row(i * 1<node>).ToArray() |> List.ofArray)
        |> Map

    let encoder = Study.pretrainEncoder study
    let raw = Study.gnnOnFeatures study study.Raw.Value
    let lm = Study.lmOnGold study encoder
    let gnn = Study.gnnOnEmbeddings study lm
    let states = Study.em study encoder lm gnn |> List.ofSeq

    let theta, q =
        states
        |> List.pick (
            Em.fitted
            >> function
                | FittedQ(_, theta, _) -> Some theta
                | _ -> None
        )

    let phi, p =
        states
        |> List.pick (
            Em.fitted
            >> function
                | FittedP(_, phi, _) -> Some phi
                | _ -> None
        )

    let everyLm = Everywhere.lm study None (theta, q)
    let _, everyP = Everywhere.gnn study steps 1 everyLm (phi, p)

    {
        Tokens = [ for text in study.Texts -> text.ToArray() |> List.ofArray ]
        Raw = List.ofArray study.Raw.Value.Values
        Trained = [
            bits encoder
            bits (fst raw)
            bits (fst lm).Weights
            bits (fst gnn)
            bits theta.Weights
            bits phi
        ]
        LmSays = says (snd everyLm)
        GnnSays = says everyP
    }

let private withoutTest (says: Map<string, float32 list>) =
    let tested = testIds (oneMore Colours.records)
    says |> Map.filter (fun id _ -> not (tested.Contains id))

let private onTest (says: Map<string, float32 list>) =
    let tested = testIds Colours.records
    says |> Map.filter (fun id _ -> tested.Contains id)

[<Fact>]
let ``test nodes that are removed change no bit of what trains, nor of what is said of other nodes`` () =
    let clean = run TestRemoved Colours.records

    let poisoned =
        Colours.records |> foreignTexts |> foreignLabels |> foreignEdges |> oneMore |> run TestRemoved

    Assert.Equal<int list list>(clean.Tokens, poisoned.Tokens)
    Assert.Equal<float32 list>(clean.Raw, poisoned.Raw)
    Assert.True((clean.Trained = poisoned.Trained))
    Assert.True((withoutTest clean.LmSays = withoutTest poisoned.LmSays))
    Assert.True((withoutTest clean.GnnSays = withoutTest poisoned.GnnSays))

[<Fact>]
let ``of test nodes that are removed the LM reads the text alone, the GNN the edges too`` () =
    let clean = run TestRemoved Colours.records
    let rewired = Colours.records |> foreignLabels |> foreignEdges |> run TestRemoved
    Assert.True((clean.LmSays = rewired.LmSays))
    Assert.False((onTest clean.GnnSays = onTest rewired.GnnSays))
    let rewritten = Colours.records |> foreignTexts |> run TestRemoved
    Assert.False((onTest clean.LmSays = onTest rewritten.LmSays))

[<Fact>]
let ``test nodes without edges change no bit by their labels and edges, but do by their texts`` () =
    let clean = run TestEdgesRemoved Colours.records
    let poisoned = Colours.records |> foreignLabels |> foreignEdges |> run TestEdgesRemoved
    Assert.True((clean = poisoned))
    let rewritten = Colours.records |> foreignTexts |> run TestEdgesRemoved
    Assert.False((clean.Trained = rewritten.Trained))

[<Fact>]
let ``in the transductive setting the edges of test nodes do reach training`` () =
    Assert.False(
        ((run Transductive Colours.records).Trained = (run Transductive (foreignEdges Colours.records)).Trained)
    )

[<Theory>]
[<InlineData "testRemoved">]
[<InlineData "testEdgesRemoved">]
let ``a protocol that would remove nothing is refused before anything is written`` (protocol: string) =
    use folder = new TestFolder()

    let untested = {
        Colours.records with
            Nodes =
                Colours.records.Nodes
                |> Array.map (fun node -> if isTest node then { node with Part = Train } else node)
    }

    Colours.writeLines (folder.File "colours") (Colours.nodeLines untested) Colours.edgeLines

    GlemProcess.refuses folder.Path [
        "run"
        "--recipe"
        "quickstart"
        "--quick"
        "--dataset"
        "colours"
        "--out"
        "out"
        "--set"
        $"protocol=%s{protocol}"
    ] [ "protocol"; protocol; "no test node" ]
