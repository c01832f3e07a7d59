/// How a law is tried: what holds, holds; what does not, shows its smallest counter-example.
module Glem.Laws.Tests.LawTests

open FsCheck.FSharp
open Glem.Laws
open Xunit

let private numbers = Gen.choose (0, 1000) |> Arb.fromGen

[<Fact>]
let ``a law that holds says on how many cases`` () =
    Assert.Equal(Holds 40, Law.tryOn 5 numbers (fun x -> x >= 0) { Count = 200; Seed = 1 })

[<Fact>]
let ``a law is tried once at least, however costly`` () =
    Assert.Equal(Holds 1, Law.tryOn 500 numbers (fun x -> x >= 0) { Count = 10; Seed = 1 })

[<Fact>]
let ``a broken law shows the smallest problem that breaks it, node by node`` () =
    match Law.tryOn 1 Scene.domain (fun _ -> false) Law.usual with
    | Holds _ -> Assert.Fail "it never holds"
    | Broken counterExample ->
        Assert.Contains("1 classes, 3 nodes", counterExample)
        Assert.Contains("node 2: ", counterExample)
        Assert.Contains("edges:", counterExample)

[<Fact>]
let ``a law that raises is broken, and says what was raised`` () =
    match Law.tryOn 1 numbers (fun _ -> invalidOp "the reason") Law.usual with
    | Holds _ -> Assert.Fail "it raised"
    | Broken counterExample -> Assert.Contains("InvalidOperationException: the reason", counterExample)

[<Fact>]
let ``the same seed tries the same cases, another seed others`` () =
    let tried seed =
        let seen = ResizeArray()

        Law.tryOn
            1
            numbers
            (fun x ->
                seen.Add x
                true)
            { Count = 50; Seed = seed }
        |> ignore

        List.ofSeq seen

    Assert.Equal<int list>(tried 3, tried 3)
    Assert.NotEqual<int list>(tried 3, tried 4)
