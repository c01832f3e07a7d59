module Glem.Model.Tests.KeyLaws

open FsCheck.FSharp
open Glem
open Glem.Laws
open Xunit

let private seeds = Gen.choose (System.Int32.MinValue, System.Int32.MaxValue) |> Arb.fromGen

[<Fact>]
let ``seeds, names and numbers all lead to different streams, in whichever order they are taken`` () =
    let names = [ ""; "a"; "b"; "ab"; "ba"; "e-step"; "m-step"; "\001"; "\000" ]
    let numbers = [ -3 .. 200 ]

    let paths root =
        List.concat [
            [ root; Key.named "b" (Key.named "a" root); Key.named "a" (Key.named "b" root) ]
            numbers |> List.map (fun i -> Key.at i root)
            numbers |> List.map (fun i -> Key.at i (Key.named "e-step" root))
            numbers |> List.map (fun i -> Key.named "e-step" (Key.at i root))
            names |> List.map (fun name -> Key.named name root)
            names |> List.map (fun name -> Key.named name (Key.named name root))
        ]

    let distinct (values: 'a list) = (List.distinct values).Length = values.Length

    Law.holds seeds (fun seed ->
        paths (Key.ofSeed seed) @ paths (Key.ofSeed (seed + 1)) |> List.map Key.seed |> distinct)

[<Fact>]
let ``the bits of seeds are fair: each is set in half of the children, within 6 standard deviations`` () =
    Law.holds seeds (fun seed ->
        let children = Array.init 1024 (fun i -> Key.seed (Key.at i (Key.ofSeed seed)))
        let set bit = children |> Array.sumBy (fun x -> int (x >>> bit &&& 1UL))
        // Standard deviation of a fair count of 1,024: 16. 12,800 counts are looked at, a law: 6 deviations.
        Seq.forall (fun bit -> abs (set bit - 512) <= 96) [ 0..63 ])

[<Fact>]
let ``a shuffle has the same items, and the same key the same order`` () =
    Law.holds seeds (fun seed ->
        let key = Key.ofSeed seed
        let shuffled = Key.shuffle key [| 1..50 |]

        Array.sort shuffled = [| 1..50 |]
        && shuffled = Key.shuffle key [| 1..50 |]
        && shuffled <> [| 1..50 |])

[<Fact>]
let ``streams are those of every machine`` () =
    // Also computed with Python integers. A change here changes every result that carries a seed.
    let key = Key.ofSeed 42 |> Key.named "e-step" |> Key.at 1
    Assert.Equal(8402020132768187737UL, Key.seed key)

[<Fact>]
let ``a key comes back from its text, and from no other text`` () =
    Law.holds seeds (fun seed ->
        let key = Key.ofSeed seed |> Key.named "labels"
        Key.ofText (Key.toText key) = Some key)

    for text in [ ""; "12"; String.replicate 32 "g"; String.replicate 33 "0" ] do
        Assert.Equal(None, Key.ofText text)
