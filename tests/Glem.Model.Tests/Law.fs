/// How the specification is checked: a law is a sentence (the test's name) that holds for every generated value.
module Glem.Model.Tests.Law

open FsCheck
open FsCheck.FSharp

let private config = Config.QuickThrowOnFailure.WithMaxTest(100).WithQuietOnSuccess true

/// The law holds for 100 values of the domain; a failure shows the smallest counterexample found and its replay.
let holds (domain: Arbitrary<'a>) (law: 'a -> bool) = Check.One(config, Prop.forAll domain law)

/// Whether two numbers agree to a relative (above 1) or absolute tolerance. Infinities agree with themselves.
let close tolerance (x: float) (y: float) = x = y || abs (x - y) <= tolerance * max 1.0 (max (abs x) (abs y))
