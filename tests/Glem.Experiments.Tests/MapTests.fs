module Glem.Experiments.Tests.MapTests

open System
open System.IO
open FsCheck
open FsCheck.FSharp
open Glem
open Xunit

let private check property = Check.One(Config.QuickThrowOnFailure, property)

/// Clouds of 3 to 30 points in up to six dimensions.
let private clouds = gen {
    let! width = Gen.choose (2, 6)
    let! count = Gen.choose (3, 30)
    let! numbers = Gen.choose (-1000, 1000) |> Gen.arrayOfLength (width * count)
    return numbers |> Array.map (fun x -> float x / 100.0) |> Array.chunkBySize width
}

let private close (a: float) (b: float) = abs (a - b) < 1e-6

[<Fact>]
let ``the plane of points on a plane keeps their distances, whatever the axes`` () =
    // Points (3 a, b) in three dimensions, turned: their spread is 9 to 1 where a and b are alike.
    let turn (x, y) = [| 0.6 * x; 0.8 * x; y |]
    let corners = [ 3.0, 1.0; 3.0, -1.0; -3.0, 1.0; -3.0, -1.0 ]
    let places = corners |> List.map turn |> Array.ofList |> PrincipalPlane.places
    let struct (first, second) = PrincipalPlane.shares places
    Assert.Equal(0.9, first, 1e-6)
    Assert.Equal(0.1, second, 1e-6)

    for struct (x, y), (a, b) in Seq.zip places corners do
        // In units of the cloud's standard deviation, sqrt 10; a sign means nothing.
        Assert.Equal(abs a / sqrt 10.0, abs x, 1e-6)
        Assert.Equal(abs b / sqrt 10.0, abs y, 1e-6)

[<Fact>]
let ``the shares of a cloud's variance fall, and are at most all of it`` () =
    check (
        Prop.forAll (Arb.fromGen clouds) (fun rows ->
            let struct (first, second) = rows |> PrincipalPlane.places |> PrincipalPlane.shares
            second >= 0.0 && first >= second - 1e-3 && first + second <= 1.0 + 1e-9)
    )

[<Fact>]
let ``no direction holds more of a cloud's variance than the first component`` () =
    check (
        Prop.forAll (Arb.fromGen clouds) (fun rows ->
            let struct (first, _) = rows |> PrincipalPlane.places |> PrincipalPlane.shares
            let width = rows[0].Length
            let mean = Array.init width (fun j -> rows |> Array.averageBy (fun row -> row[j]))
            let variance j = rows |> Array.averageBy (fun row -> (row[j] - mean[j]) ** 2.0)
            let total = Seq.init width variance |> Seq.sum
            total = 0.0 || Seq.init width variance |> Seq.forall (fun v -> v / total <= first + 1e-3))
    )

[<Fact>]
let ``moving and scaling a cloud leaves its places on the first component alone, but for the sign`` () =
    check (
        Prop.forAll (Arb.fromGen clouds) (fun rows ->
            let moved = rows |> Array.map (Array.map (fun x -> 4.0 * x + 8.0))
            let struct (first, second) = rows |> PrincipalPlane.places |> PrincipalPlane.shares

            // Of two components that are as strong as each other rounding chooses one.
            first - second < 0.05
            || Array.forall2
                (fun (struct (x, _)) (struct (x', _)) -> close (abs x) (abs x'))
                (PrincipalPlane.places rows)
                (PrincipalPlane.places moved))
    )

[<Fact>]
let ``points that all coincide lie at the origin`` () =
    let places = Array.replicate 4 [| 1.0; 2.0; 3.0 |] |> PrincipalPlane.places
    Assert.All(places, fun place -> Assert.Equal(struct (0.0, 0.0), place))

/// A graph's answers: test nodes with labels, and others.
let private answers count : Prediction list = [
    for i in 0 .. count - 1 ->
        {
            Id = $"n%d{i}"
            Split = (if i % 2 = 0 then Test else Train)
            Label = (if i % 10 = 4 then None else Some $"class %d{i % 3}")
            Lm = None
            Gnn = None
        }
]

let private map count =
    let random = Random 1
    let draw _ = random.NextSingle() - 0.5f
    let logits: float32[] = Array.init (3 * count) draw
    logits[0] <- -infinityf
    EmbeddingMap.create (answers count) (Vectors.ofArray 5 (Array.init (5 * count) draw)) (Posterior.ofLogits 3 logits)

[<Fact>]
let ``a map shows up to a thousand test nodes that have a label, with finite places`` () =
    Assert.Equal(8, (map 20).Length)
    Assert.Equal(1000, (map 4000).Length)
    Assert.Empty(map 6)

    for point in map 4000 do
        let i = int (point.Id.Substring 1)
        Assert.True(i % 2 = 0 && i % 10 <> 4)
        Assert.Equal($"class %d{i % 3}", point.Class)

        for student in [ Student.Lm; Student.Gnn ] do
            let struct (x, y) = MapPoint.place student point
            Assert.True(Double.IsFinite x && Double.IsFinite y)

[<Fact>]
let ``a map comes back from its file, and a damaged one names line and column`` () =
    MadeUp.inFolder (fun folder ->
        let path = Path.Combine(folder, "map.csv")
        let points = MadeUp.predictions (Random 1) 6 60 |> MadeUp.map (Random 2) 6
        MapFile.write path points |> Result.orRaise
        Assert.Equal<MapPoint list>(points, MapFile.read path |> Result.orRaise)

        File.WriteAllText(path, "id,class,lmX,lmY,gnnX,gnnY\na,b,1,2,3,4\na,b,1,2,NaN,4\n")

        match MapFile.read path with
        | Error(InFile(file, place, found, _)) ->
            Assert.Equal(path, file)
            Assert.Equal("line 3, column 'gnnX'", place)
            Assert.Equal("'NaN'", found)
        | other -> Assert.Fail $"%A{other}")
