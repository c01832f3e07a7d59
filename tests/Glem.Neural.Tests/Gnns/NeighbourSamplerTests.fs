/// Neighbour sampling: which nodes and edges a sample holds, and how likely each is.
module Glem.Neural.Tests.NeighbourSamplerTests

open System
open FsCheck
open Glem
open Xunit

let private graph (random: Random) n edges =
    Csr.ofPairs
        n
        (seq {
            for _ in 1..edges do
                let target, source = random.Next n, random.Next n

                if source <> target then
                    struct (target, source)
        })

/// The in-edges of each node that a sample's layers read, as nodes of the whole graph.
let private inEdges (sampled: SampledGraph) = [|
    for i in 0 .. sampled.Offsets.Length - 2 do
        sampled.Nodes[i],
        [|
            for at in sampled.Offsets[i] .. sampled.Offsets[i + 1] - 1 -> sampled.Nodes[sampled.Sources[at]]
        |]
|]

[<Fact>]
let ``each node within reach keeps as many of its in-edges as its layer says, in their order, and targets come first``
    ()
    =
    Check.One(
        Config.QuickThrowOnFailure,
        fun (seed: int) ->
            let random = Random seed
            let n = random.Next(2, 40)
            let edges = graph random n (random.Next(6 * n))
            let fanOuts = List.init (random.Next(1, 4)) (fun _ -> random.Next(-1, 4))
            let targets = Array.init n id |> Key.shuffle (Key.ofSeed seed) |> Array.truncate (random.Next(1, n))
            let sampled = NeighbourSampler.sample edges fanOuts (Key.ofSeed seed) targets
            let hop at = sampled.Within |> Array.findIndex (fun within -> at < within)

            let isKept at (node: int, sources: int[]) =
                let all = edges.NeighboursOf(node * 1<node>).ToArray()
                let fanOut = fanOuts[hop at]
                let kept = if fanOut < 0 then all.Length else min fanOut all.Length

                sources.Length = kept
                && sources = Array.sort (Array.distinct sources)
                && sources |> Array.forall (fun source -> Array.contains source all)

            // One hop further are the sources of these nodes, and no others.
            let reached k =
                inEdges sampled
                |> Array.truncate sampled.Within[k]
                |> Array.collect snd
                |> Array.append targets
                |> Set.ofArray

            let within k = Set.ofArray (Array.truncate sampled.Within[k + 1] sampled.Nodes)

            Array.truncate targets.Length sampled.Nodes = targets
            && sampled.Nodes = Array.distinct sampled.Nodes
            && sampled.Degrees = (sampled.Nodes |> Array.map (fun node -> edges.Degree(node * 1<node>)))
            && inEdges sampled |> Array.mapi isKept |> Array.forall id
            && List.forall (fun k -> reached k = within k) [ 0 .. fanOuts.Length - 1 ]
    )

[<Fact>]
let ``a key draws the same neighbours whoever else is asked for, and another key others`` () =
    let edges = graph (Random 1) 100 2000
    let of' key targets = NeighbourSampler.sample edges [ 5; 5 ] (Key.ofSeed key) targets |> inEdges |> Map.ofArray
    let alone, together = of' 1 [| 7 |], of' 1 [| 3; 7; 60 |]
    Assert.Equal<int[]>(alone[7], together[7])
    Assert.Equal<Map<int, int[]>>(together, of' 1 [| 3; 7; 60 |])
    Assert.NotEqual<int[]>(alone[7], (of' 2 [| 7 |])[7])

[<Fact>]
let ``every pair of five neighbours is drawn as often as any other`` () =
    let edges = Csr.ofPairs 6 [ for source in 1..5 -> struct (0, source) ]
    let draws = 20_000
    let draw seed = NeighbourSampler.sample edges [ 2 ] (Key.ofSeed seed) [| 0 |] |> inEdges |> Array.head |> snd
    let counts = Array.init draws draw |> Array.countBy id
    Assert.Equal(10, counts.Length)
    let deviation = sqrt (float draws * 0.1 * 0.9)

    for pair, count in counts do
        Assert.True(abs (float count - float draws / 10.0) < 4.0 * deviation, $"%A{pair} was drawn %d{count} times")

[<Fact>]
let ``a target that is named twice is refused`` () =
    let edges = graph (Random 1) 10 30
    let sample () = NeighbourSampler.sample edges [ 2 ] (Key.ofSeed 0) [| 4; 2; 4 |] |> ignore
    Assert.Contains("node 4", Assert.Throws<ArgumentException>(sample).Message)
