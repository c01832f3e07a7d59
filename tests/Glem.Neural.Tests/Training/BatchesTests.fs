module Glem.Neural.Tests.BatchesTests

open System
open FsCheck
open FsCheck.FSharp
open Glem
open TorchSharp
open Xunit

/// Texts' lengths, a batch size and a seed.
let private domain =
    gen {
        let! lengths = Gen.choose (1, 128) |> Gen.nonEmptyListOf
        let! batch = Gen.choose (1, 40)
        let! seed = Gen.choose (0, 1000000)
        return Array.ofList lengths, batch, seed
    }
    |> Arb.fromGen

let private holds law = Check.One(Config.QuickThrowOnFailure.WithQuietOnSuccess true, Prop.forAll domain law)

let private epoch number batch (lengths: int[]) schedule =
    let perEpoch = (lengths.Length + batch - 1) / batch
    Array.init perEpoch (fun step -> schedule (number * perEpoch + step))

[<Fact>]
let ``an epoch visits every row once, in full batches but for one`` () =
    holds (fun (lengths, batch, seed) ->
        let schedule = Batches.schedule (Key.ofSeed seed) batch lengths (fun _ -> Array.init lengths.Length id)
        let batch = min batch lengths.Length

        [ 0; 1; 5 ]
        |> List.forall (fun number ->
            let rows = schedule |> epoch number batch lengths
            let short = rows |> Array.filter (fun rows -> rows.Length <> batch)
            Array.sort (Array.concat rows) = [| 0 .. lengths.Length - 1 |] && short.Length <= 1))

[<Fact>]
let ``an epoch in even batches visits every row once, and their sizes differ by 1 at most`` () =
    holds (fun (lengths, batch, seed) ->
        let rows number = Array.init lengths.Length (fun row -> row + 1000 * number)
        let schedule = Batches.even (Key.ofSeed seed) batch rows

        [ 0; 1; 5 ]
        |> List.forall (fun number ->
            let batches = schedule |> epoch number batch lengths
            let sizes = batches |> Array.map Array.length
            let all = Array.concat batches
            Array.sort all = rows number && Array.max sizes <= batch && Array.max sizes - Array.min sizes <= 1)
        && Batches.even (Key.ofSeed seed) 0 rows 4 = rows 4)

[<Fact>]
let ``epochs and keys differ in their even batches, and the same key gives the same`` () =
    let batches seed =
        let schedule = Batches.even (Key.ofSeed seed) 16 (fun _ -> [| 0..99 |])
        [ for step in [ 13; 0; 7; 1 ] -> schedule step ]

    Assert.True((batches 1 = batches 1))
    Assert.True((batches 1 <> batches 2))
    Assert.Equal(4, batches 1 |> List.distinctBy set |> List.length)

[<Fact>]
let ``the same key gives the same batches, in whatever order steps are asked for`` () =
    holds (fun (lengths, batch, seed) ->
        let schedule () = Batches.schedule (Key.ofSeed seed) batch lengths (fun _ -> Array.init lengths.Length id)
        let forwards, backwards = schedule (), schedule ()
        let steps = [| 0..9 |]
        let later = steps |> Array.rev |> Array.map backwards |> Array.rev
        Array.map forwards steps = later)

[<Fact>]
let ``epochs and keys differ in which rows share a batch, on small data sets too`` () =
    let random = Random 5

    for count in [ 64; 300; 2000 ] do
        let lengths = Array.init count (fun _ -> random.Next(5, 128))

        let together number seed =
            Batches.schedule (Key.ofSeed seed) 16 lengths (fun _ -> Array.init lengths.Length id)
            |> epoch number 16 lengths
            |> Array.map Array.sort
            |> set

        Assert.NotEqual<Set<int[]>>(together 0 1, together 1 1)
        Assert.NotEqual<Set<int[]>>(together 0 1, together 0 2)

[<Fact>]
let ``the texts of a batch are of like length`` () =
    let random = Random 6
    let lengths = Array.init 3000 (fun _ -> random.Next(5, 128))

    let spread =
        Array.map (fun rows -> rows |> Array.map (fun row -> lengths[row]) |> fun l -> Array.max l - Array.min l)

    let mean =
        Batches.shuffled (Key.ofSeed 1) 16 lengths (Array.init lengths.Length id)
        |> spread
        |> Array.averageBy float
    // Random batches of 16 out of 5 .. 127 spread over 108 tokens on average.
    Assert.InRange(mean, 0.0, 10.0)

[<Fact>]
let ``a batch size of 0 takes all rows in every step`` () =
    let schedule = Batches.schedule (Key.ofSeed 1) 0 (Array.create 7 3) (fun _ -> Array.init 7 id)
    Assert.Equal<int>([ 0..6 ], schedule 0 |> Array.sort)
    Assert.Equal<int>([ 0..6 ], schedule 1 |> Array.sort)

[<Fact>]
let ``inference visits every row once, the longest first`` () =
    holds (fun (lengths, batch, _) ->
        let rows = Batches.byLength batch lengths
        let order = Array.concat rows
        let visited = order |> Array.map (fun row -> lengths[row])

        Array.sort order = [| 0 .. lengths.Length - 1 |]
        && visited = Array.sortDescending visited
        && rows |> Array.forall (fun rows -> rows.Length <= batch))

[<Fact>]
let ``a packed batch is its texts end to end, each with positions from 0, and filler up to a multiple of 64 tokens``
    ()
    =
    let texts = Gen.choose (0, 1000) |> Gen.nonEmptyListOf |> Gen.nonEmptyListOf |> Arb.fromGen

    let law (texts: int list list) =
        use _ = torch.NewDisposeScope()

        let batch =
            texts
            |> List.map (List.toArray >> ReadOnlyMemory)
            |> List.toArray
            |> PackedBatch.ofSequences torch.CPU

        let offsets = batch.Offsets.data<int>().ToArray()
        let ids, positions = batch.Ids.data<int64>().ToArray(), batch.Positions.data<int64>().ToArray()
        let at i = [ offsets[i] .. offsets[i + 1] - 1 ]

        batch.TextCount = texts.Length
        && ids.Length % 64 = 0
        && ids.Length - List.sumBy List.length texts < 64
        && Array.last offsets = ids.Length
        && positions.Length = ids.Length
        && offsets.Length <= texts.Length + 2
        && texts
           |> List.indexed
           |> List.forall (fun (i, text) -> at i |> List.map (fun k -> int ids[k]) = text)
        && texts
           |> List.indexed
           |> List.forall (fun (i, text) -> at i |> List.map (fun k -> int positions[k]) = [ 0 .. text.Length - 1 ])

    Check.One(Config.QuickThrowOnFailure.WithQuietOnSuccess true, Prop.forAll texts law)
