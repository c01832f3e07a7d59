module Glem.Model.Tests.ErrorLaws

open FsCheck.FSharp
open Glem
open Glem.Laws
open Xunit

let private word =
    Gen.elements [
        "nodes.csv"
        "line 12"
        "key 'split'"
        "-3"
        "alpha"
        "a number"
        "libtorch"
        "1.5"
    ]

[<Fact>]
let ``a message is one line that names all that its error knows`` () =
    let words = Gen.arrayOfLength 4 word |> Arb.fromGen

    Law.holds words (fun w ->
        [
            InFile(w[0], w[1], w[2], w[3]), w
            InFile(w[0], "", w[2], w[3]), [| w[0]; w[2]; w[3] |]
            InSetting(w[0], w[1], w[2]), w[..2]
            InValue(w[0], w[1], w[2]), w[..2]
            Missing(w[0], w[1]), w[..1]
        ]
        |> List.forall (fun (error, known) ->
            let message = GlemError.message error
            Array.forall (fun (part: string) -> message.Contains part) known && not (message.Contains '\n')))

[<Fact>]
let ``an error that is raised keeps its message`` () =
    let error = InSetting("alpha", "1.5", "a number from 0 to 1")

    let raised = Assert.Throws<GlemException>(fun () -> Error error |> Result.orRaise |> ignore)

    Assert.Equal(GlemError.message error, raised.Message)
