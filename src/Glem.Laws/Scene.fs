namespace Glem.Laws

open System
open FsCheck
open FsCheck.FSharp
open Glem

/// All that is known of one node of a generated problem.
type Actor = {
    /// -1: unlabelled.
    Label: int
    Part: Part
    /// Logits of the two sides : [c].
    Teacher: float32[]
    Student: float32[]
}

/// A generated problem: a labelled and split graph with the logits of two models. A shrunk one is still a
/// legal problem: every class has a training node, validation and test are not empty.
[<StructuredFormatDisplay("{Story}")>]
type Scene = {
    ClassCount: int
    Actors: Actor[]
    Pairs: (int * int)[]
} with

    member this.NodeCount = this.Actors.Length

    /// The scene as a counter-example shows it: a line a node, then the edges.
    member this.Story =
        let row (logits: float32[]) = String.Join(" ", logits)
        let label k = if k < 0 then "no label" else $"class %d{k}"

        let node i actor =
            $"    node %d{i}: %A{actor.Part}, %s{label actor.Label}; p's logits %s{row actor.Teacher}; q's %s{row actor.Student}"

        let edges = this.Pairs |> Array.map (fun (a, b) -> $"%d{a}-%d{b}")

        String.Join(
            "\n",
            [|
                $"%d{this.ClassCount} classes, %d{this.NodeCount} nodes"
                yield! Array.mapi node this.Actors
                $"""    edges: %s{String.Join(" ", edges)}"""
            |]
        )

module Scene =
    let classNames (scene: Scene) = Array.init scene.ClassCount (fun k -> $"class-%d{k}")

    let labels (scene: Scene) =
        scene.Actors |> Array.map _.Label |> Labels.ofIndices (classNames scene) |> Result.orRaise

    let split (scene: Scene) = scene.Actors |> Array.map _.Part |> Split.ofParts
    let supervision scene = Supervision.ofSplit (labels scene) (split scene) |> Result.orRaise
    let validation scene = Validation.ofSplit (labels scene) (split scene) |> Result.orRaise
    let audit scene = Audit.ofSplit (labels scene) (split scene) |> Result.orRaise
    let edges (scene: Scene) = scene.Pairs |> Seq.map (fun (a, b) -> struct (a, b)) |> Csr.symmetric scene.NodeCount

    let teacher (scene: Scene) : Posterior<Gnn> =
        scene.Actors |> Array.collect _.Teacher |> Posterior.ofLogits scene.ClassCount

    let student (scene: Scene) : Posterior<Lm> =
        scene.Actors |> Array.collect _.Student |> Posterior.ofLogits scene.ClassCount

    /// Every training node's gold label, as generated.
    let gold (scene: Scene) = [|
        for i, actor in Array.indexed scene.Actors do
            if actor.Part = Train then
                i * 1<node>, actor.Label * 1<cls>
    |]

    let mapActors f (scene: Scene) = {
        scene with
            Actors = Array.map f scene.Actors
    }

    /// The same problem with node i renamed to order[i].
    let renameNodes (order: int[]) (scene: Scene) =
        let actors = Array.zeroCreate scene.NodeCount
        scene.Actors |> Array.iteri (fun i actor -> actors[order[i]] <- actor)

        {
            scene with
                Actors = actors
                Pairs = scene.Pairs |> Array.map (fun (a, b) -> order[a], order[b])
        }

    /// The same problem with class k renamed to order[k].
    let renameClasses (order: int[]) (scene: Scene) =
        let rename (logits: float32[]) =
            let renamed = Array.zeroCreate logits.Length
            logits |> Array.iteri (fun k z -> renamed[order[k]] <- z)
            renamed

        scene
        |> mapActors (fun actor -> {
            actor with
                Label = if actor.Label < 0 then -1 else order[actor.Label]
                Teacher = rename actor.Teacher
                Student = rename actor.Student
        })

    let private isLegal (scene: Scene) =
        let has test = Array.exists test scene.Actors

        has (fun actor -> actor.Part = Valid)
        && has (fun actor -> actor.Part = Test)
        && Seq.forall (fun k -> has (fun actor -> actor.Part = Train && actor.Label = k)) [ 0 .. scene.ClassCount - 1 ]

    let private without i (scene: Scene) =
        let shift a = if a > i then a - 1 else a

        {
            scene with
                Actors = Array.removeAt i scene.Actors
                Pairs =
                    scene.Pairs
                    |> Array.filter (fun (a, b) -> a <> i && b <> i)
                    |> Array.map (fun (a, b) -> shift a, shift b)
        }

    /// The last class taken out: its nodes are the first one's.
    let private withFewerClasses (scene: Scene) =
        let c = scene.ClassCount - 1

        {
            scene with
                ClassCount = c
                Actors =
                    scene.Actors
                    |> Array.map (fun actor -> {
                        actor with
                            Label = if actor.Label = c then 0 else actor.Label
                            Teacher = Array.truncate c actor.Teacher
                            Student = Array.truncate c actor.Student
                    })
        }

    let private shrink (scene: Scene) =
        seq {
            if scene.ClassCount > 1 then
                withFewerClasses scene

            for i in 0 .. scene.NodeCount - 1 do
                without i scene

            for i in 0 .. scene.Pairs.Length - 1 do
                {
                    scene with
                        Pairs = Array.removeAt i scene.Pairs
                }

            for i in 0 .. scene.NodeCount - 1 do
                // + 0: no negative zeros in a counter-example.
                let calm = Array.map (fun (z: float32) -> truncate (z / 2f) + 0f)
                let actor = scene.Actors[i]

                let calmer = {
                    actor with
                        Teacher = calm actor.Teacher
                        Student = calm actor.Student
                }

                if calmer <> actor then
                    {
                        scene with
                            Actors = Array.updateAt i calmer scene.Actors
                    }
        }
        |> Seq.filter isLegal

    // Ordinary logits, small integers (ties), and ones that overflow a careless exp.
    let private logit =
        Gen.frequency [
            6, Gen.choose (-4000, 4000) |> Gen.map (fun z -> float32 z / 1000f)
            2, Gen.choose (-2, 2) |> Gen.map float32
            1, Gen.elements [ -800f; 800f ]
        ]

    let private actor classCount part label = gen {
        let! teacher = Gen.arrayOfLength classCount logit
        let! student = Gen.arrayOfLength classCount logit

        return {
            Label = label
            Part = part
            Teacher = teacher
            Student = student
        }
    }

    let private generator mostClasses mostNodes = gen {
        // One class is legal, and where ln c = 0 would divide.
        let! classCount = Gen.frequency [ 1, Gen.constant 1; 19, Gen.choose (2, mostClasses) ]
        let anyClass = Gen.choose (0, classCount - 1)
        let! taught = [ 0 .. classCount - 1 ] |> List.map (actor classCount Train) |> Gen.sequenceToList

        let! heldOut =
            [ Valid; Test ]
            |> List.map (fun part -> anyClass |> Gen.bind (actor classCount part))
            |> Gen.sequenceToList

        let! more = Gen.choose (0, mostNodes - 2 - classCount)

        let anyone = gen {
            let! part = Gen.elements [ Train; Valid; Test; Unassigned ]
            let! label = anyClass
            let! isLabelled = Gen.elements [ true; false ]
            return! actor classCount part (if part = Unassigned && not isLabelled then -1 else label)
        }

        let! others = Gen.listOfLength more anyone
        let! actors = Gen.shuffle (taught @ heldOut @ others |> List.toArray)
        let n = actors.Length
        let! edgeCount = Gen.choose (0, 3 * n)
        let! pairs = Gen.arrayOfLength edgeCount (Gen.zip (Gen.choose (0, n - 1)) (Gen.choose (0, n - 1)))

        return {
            ClassCount = classCount
            Actors = actors
            Pairs = pairs
        }
    }

    /// Problems of at most so many classes and nodes; at least a training node for each class, a validation and a test node.
    let upTo mostClasses mostNodes = Arb.fromGenShrink (generator mostClasses mostNodes, shrink)

    /// Problems of 3 to 40 nodes and 1 to 5 classes.
    let domain = upTo 5 40

    /// Values of a domain with something beside them. Only the former shrink: a failure at some number is already as
    /// plain as that number.
    let beside (companion: Gen<'b>) (domain: Arbitrary<'a>) =
        Arb.fromGenShrink (
            Gen.zip domain.Generator companion,
            (fun (value, other) -> domain.Shrinker value |> Seq.map (fun value -> value, other))
        )

    /// A number between low and high, in thousandths.
    let number low high = Gen.choose (int (1000.0 * low), int (1000.0 * high)) |> Gen.map (fun x -> float x / 1000.0)

    /// A scene and a number between low and high.
    let withNumber low high = domain |> beside (number low high)

    /// A scene and two such numbers.
    let withNumbers low high = domain |> beside (Gen.zip (number low high) (number low high))

    /// A scene and a seed: for an order of its nodes or classes, or for a key.
    let withSeed = domain |> beside (Gen.choose (0, 1000000))

    /// A new name for each node.
    let nodeOrder seed (scene: Scene) = Key.shuffle (Key.ofSeed seed) [| 0 .. scene.NodeCount - 1 |]

    /// A new name for each class.
    let classOrder seed (scene: Scene) = Key.shuffle (Key.ofSeed seed) [| 0 .. scene.ClassCount - 1 |]

    /// The same problem with other labels, no two of them the same as before, on the nodes of some parts: to show what
    /// does not depend on them. (One class has no other labels.)
    let relabel parts (scene: Scene) =
        scene
        |> mapActors (fun actor ->
            if actor.Label >= 0 && List.contains actor.Part parts then
                {
                    actor with
                        Label = (actor.Label + 1) % scene.ClassCount
                }
            else
                actor)
