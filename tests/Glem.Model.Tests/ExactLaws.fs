module Glem.Model.Tests.ExactLaws

open Glem
open Xunit

// A path a - b, a gold of class 0, b unlabelled but for validation; one feature, 1 on both.
let private pair coupling =
    let labels = Labels.ofIndices [| "x"; "y" |] [| 0; 1; 1 |] |> Result.orRaise
    let supervision = Supervision.ofSplit labels (Split.ofParts [| Train; Train; Valid |]) |> Result.orRaise
    let edges = Csr.symmetric 3 [ struct (0, 2) ]

    Exact.create 1 [| 1.0; 1.0; 1.0 |] edges supervision |> Result.orRaise,
    {
        Unary = [| 0.0; 0.0 |]
        Coupling = coupling
    }

[<Fact>]
let ``the posterior of a node beside a gold node is the logistic of the coupling`` () =
    let problem, phi = pair 2.0
    let p: Posterior<Gnn> = Exact.p problem phi
    // exp 2 to 1 for the neighbour's class.
    Assert.Equal(1.0 / (1.0 + exp -2.0), float (p.Row(2<node>)[0]), 1e-6)

[<Fact>]
let ``the evidence of a model that knows nothing is that of guessing`` () =
    let problem, phi = pair 0.0
    Assert.Equal(-2.0 * log 2.0, Exact.logEvidence problem phi, 1e-12)

[<Fact>]
let ``a graph with too many labellings is an error that says how many`` () =
    let n = 40
    let labels = Labels.ofIndices [| "x"; "y" |] (Array.init n (fun i -> i % 2)) |> Result.orRaise
    let supervision = Supervision.ofSplit labels (Split.ofParts (Array.create n Train)) |> Result.orRaise

    match Exact.create 1 (Array.zeroCreate n) (Csr.symmetric n []) supervision with
    | Ok _ -> failwith "expected an error"
    | Error error -> Assert.Contains("2^40", GlemError.message error)

[<Fact>]
let ``features that do not fit the graph are refused`` () =
    let labels = Labels.ofIndices [| "x" |] [| 0 |] |> Result.orRaise
    let supervision = Supervision.ofSplit labels (Split.ofParts [| Train |]) |> Result.orRaise

    Assert.Throws<System.ArgumentException>(fun () ->
        Exact.create 2 [| 1.0 |] (Csr.symmetric 1 []) supervision |> ignore)
    |> ignore
