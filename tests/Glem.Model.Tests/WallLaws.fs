/// Held-out labels cannot reach training: shown on the library's own surface.
module Glem.Model.Tests.WallLaws

open System
open System.Reflection
open Glem
open Xunit

let private methods = [
    for t in typeof<Labels>.Assembly.GetExportedTypes() do
        for m in t.GetMethods(BindingFlags.Public ||| BindingFlags.Static ||| BindingFlags.DeclaredOnly) do
            t.Name, m
]

let private taking (wanted: Type) =
    methods
    |> List.filter (fun (_, m) -> m.GetParameters() |> Array.exists (fun p -> p.ParameterType = wanted))
    |> List.map fst
    |> set

[<Fact>]
let ``all labels go only to the three views of them, and nowhere else`` () =
    Assert.Equal<Set<string>>(set [ "SupervisionModule"; "ValidationModule"; "AuditModule" ], taking typeof<Labels>)

[<Fact>]
let ``an audit goes only to its own module, to scoring, to the audit of pseudo labels and to the oracle control`` () =
    Assert.Equal<Set<string>>(
        set [
            "AuditModule"
            "PredictionsModule"
            "Select"
            "LocalHomophily"
            "PseudoLabelAuditModule"
            // Teacher.Oracle: the ceiling, which a recipe has to ask for by name.
            "Teacher"
        ],
        taking typeof<Audit>
    )

[<Fact>]
let ``validation labels go only to scoring and to the stop rule`` () =
    Assert.Equal<Set<string>>(set [ "PredictionsModule"; "Convergence" ], taking typeof<Validation>)

[<Fact>]
let ``labels show nothing of their content`` () =
    let members =
        typeof<Labels>.GetProperties(BindingFlags.Public ||| BindingFlags.Instance)
        |> Array.map _.Name
        |> set

    Assert.Equal<Set<string>>(set [ "ClassNames"; "ClassCount"; "NodeCount" ], members)
