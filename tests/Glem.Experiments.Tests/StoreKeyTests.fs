/// Keys of stages: what changes a result changes the key, and nothing else does.
module Glem.Experiments.Tests.StoreKeyTests

open System
open System.Text.Json.Nodes
open FsCheck.FSharp
open Glem
open Xunit

/// A JSON value whose objects have no order.
type private Tree =
    | Null
    | Truth of bool
    | Whole of int64
    | Real of float
    | Text of string
    | Items of Tree list
    | Fields of Map<string, Tree>

/// As JSON. Objects list their keys from the first to the last, or the other way round.
let rec private node reversed tree : JsonNode | null =
    match tree with
    | Null -> null
    | Truth value -> JsonValue.Create value
    | Whole value -> JsonValue.Create value
    | Real value -> JsonValue.Create value
    | Text value -> JsonValue.Create value
    | Items items -> JsonArray(items |> List.map (node reversed) |> Array.ofList)
    | Fields fields ->
        let result = JsonObject()
        let listed = Map.toList fields

        for key, value in (if reversed then List.rev listed else listed) do
            result.Add(key, node reversed value)

        result

/// Words that are easily taken for one another, whole numbers that no double tells apart, and what ends a string.
let private words = [
    ""
    "a"
    "b"
    "ab"
    "A"
    "a\"b"
    "\\"
    "é"
    "\u0001"
    "1"
    "null"
    "[]"
    "a,b"
    "\U0001F600"
]

let rec private treeOf size : FsCheck.Gen<Tree> =
    let leaves = [
        Gen.constant Null
        Gen.elements [ true; false ] |> Gen.map Truth
        Gen.elements [ 0L; 1L; -1L; 10L; 9007199254740992L; 9007199254740993L; Int64.MaxValue ]
        |> Gen.map Whole
        Gen.elements [ 0.5; -0.5; 0.3; 0.1 + 0.2; 1e-7; 1.5e300; Double.Epsilon ] |> Gen.map Real
        Gen.elements words |> Gen.map Text
    ]

    if size = 0 then
        Gen.oneof leaves
    else
        let inner = treeOf (size / 3)
        let items = Gen.listOfLength 2 inner |> Gen.map Items
        let fields = Gen.zip (Gen.elements words) inner |> Gen.listOf |> Gen.map (Map.ofList >> Fields)
        Gen.oneof (items :: fields :: Gen.constant (Items []) :: leaves)

type private Stage = {
    Kind: string
    Configuration: Tree
    Inputs: StageKey list
}

let private keys = [ for digit in "01ab" -> StageKey.ofText (String(digit, 64)) |> Option.get ]

let private stages = gen {
    let! kind = Gen.elements [ "lm"; "gnn"; "e-step" ]

    let! configuration =
        Gen.sized (fun size -> Gen.map (fun tree -> Fields(Map [ "a", tree ])) (treeOf (min size 20)))

    let! inputs = Gen.elements keys |> Gen.listOf |> Gen.map (List.truncate 3)

    return {
        Kind = kind
        Configuration = configuration
        Inputs = inputs
    }
}

let private key reversed (stage: Stage) =
    (StageSpec.create stage.Kind "a name" (node reversed stage.Configuration |> nonNull) stage.Inputs).Key

let private holds count (generator: FsCheck.Gen<'a>) (property: 'a -> bool) =
    FsCheck.Check.One(
        FsCheck.Config.QuickThrowOnFailure.WithMaxTest count,
        Prop.forAll (Arb.fromGen generator) property
    )

[<Fact>]
let ``two stages have one key exactly where kind, configuration and inputs are equal`` () =
    // Half of the pairs differ in one part only.
    let pairs = gen {
        let! a = stages
        let! b = stages

        return!
            Gen.elements [
                a, b
                a,
                {
                    b with
                        Kind = a.Kind
                        Inputs = a.Inputs
                }
                a, { a with Inputs = b.Inputs }
                a, { a with Kind = b.Kind }
            ]
    }

    holds 3000 pairs (fun (a, b) -> (key false a = key false b) = (a = b))

[<Fact>]
let ``the order of an object's keys is not in the key`` () =
    holds 500 stages (fun stage -> key false stage = key true stage)

[<Fact>]
let ``the canonical text is JSON of the same value`` () =
    holds 500 stages (fun stage ->
        let original = node true stage.Configuration |> nonNull
        JsonNode.DeepEquals(JsonNode.Parse(CanonicalJson.ofNode original), original))

/// RFC 8785, appendix B and section 3.2.2, and what it leaves to doubles here.
[<Theory>]
[<InlineData("0", "0")>]
[<InlineData("-0", "0")>]
[<InlineData("0.000e5", "0")>]
[<InlineData("1.0", "1")>]
[<InlineData("100E-2", "1")>]
[<InlineData("4.50", "4.5")>]
[<InlineData("2e-3", "0.002")>]
[<InlineData("1E30", "1e+30")>]
[<InlineData("0.000000000000000000000000001", "1e-27")>]
[<InlineData("333333333.33333329", "333333333.3333333")>]
[<InlineData("295147905179352830000", "295147905179352830000")>]
[<InlineData("1e21", "1e+21")>]
[<InlineData("999999999999999900000", "999999999999999900000")>]
[<InlineData("0.000001", "0.000001")>]
[<InlineData("0.0000001", "1e-7")>]
[<InlineData("5e-324", "5e-324")>]
[<InlineData("-1.7976931348623157e308", "-1.7976931348623157e+308")>]
[<InlineData("9007199254740993", "9007199254740993")>]
[<InlineData("18446744073709551615", "18446744073709551615")>]
[<InlineData("-12.5e1", "-125")>]
let ``a number has one spelling`` (raw: string) (expected: string) =
    Assert.Equal($"[%s{expected}]", JsonNode.Parse $"[%s{raw}]" |> nonNull |> CanonicalJson.ofNode)

[<Fact>]
let ``a key is the SHA-256 that anybody computes of the documented text`` () =
    // printf '["glem stage",1,"lm",{"a":1,"b":[null,0.5]},[]]' | sha256sum
    let configuration = JsonNode.Parse """{ "b": [null, 5e-1], "a": 1.0 }""" |> nonNull
    let spec = StageSpec.create "lm" "LM" configuration []
    Assert.Equal("7a0c50628b5725d62c79407b6f96c9e26786e4960a6dfa6d0e454289306039d2", spec.Key.Text)

[<Fact>]
let ``a stage's name, and what becomes of the node that it was made from, are not in the key`` () =
    let configuration = Json.object [ "a", Json.int 1 ]
    let spec = StageSpec.create "lm" "LM" configuration []
    Assert.Equal(spec.Key, (StageSpec.create "lm" "another" configuration []).Key)
    configuration["a"] <- JsonValue.Create 2
    Assert.Equal("""{"a":1}""", spec.Configuration.ToJsonString())
    Assert.NotEqual(spec.Key, (StageSpec.create "lm" "LM" configuration []).Key)

[<Theory>]
[<InlineData("")>]
[<InlineData("LM")>]
[<InlineData("../lm")>]
[<InlineData("lm/a")>]
[<InlineData("1m")>]
[<InlineData("damaged")>]
let ``a kind that could not be a folder of its own is refused`` (kind: string) =
    let problem =
        Assert.Throws<ArgumentException>(fun () -> StageSpec.create kind "a" (JsonObject()) [] |> ignore)

    Assert.Contains(kind, problem.Message)

[<Fact>]
let ``a key is 64 lower-case hexadecimal digits`` () =
    let text = String('a', 64)
    Assert.Equal(Some text, StageKey.ofText text |> Option.map _.Text)

    for other in
        [
            ""
            text[1..]
            text + "a"
            text.ToUpperInvariant()
            text[1..] + "g"
            text[1..] + "/"
        ] do
        Assert.Equal(None, StageKey.ofText other)
