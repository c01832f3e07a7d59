namespace Glem.Laws

open System
open FsCheck
open FsCheck.FSharp

/// How much to try: generated cases for a law on the cheapest instance, and where the generator starts.
type Effort = { Count: int; Seed: int }

/// What trying came to.
type Verdict =
    | Holds of cases: int
    /// The smallest counter-example found, and what became of the law on it.
    | Broken of counterExample: string

/// One thing that a law is tried on.
type Case = {
    /// What it is tried on: "tables", "LM and GCN", or the part of the core it speaks of.
    Instance: string
    Try: Effort -> Verdict
}

/// A law of the method: what holds, why one should care, and what it is tried on. The specification is a list of these.
type Law = {
    /// A sentence.
    Name: string
    /// One line of mathematics, or of words where there is none.
    Statement: string
    /// The paper and section, or where else it comes from.
    Source: string
    /// The fault that breaks it, as one that has been made or could be.
    Guards: string
    /// The change to the code with which it was seen to fail.
    Mutation: string
    Cases: Case list
}

/// A chapter of the specification.
type Chapter = { Title: string; Laws: Law list }

exception private DoesNotHold

/// Keeps the counter-example that FsCheck found instead of printing it.
type private Witness() =
    let mutable verdict = Holds 0

    let shown (value: obj) = (sprintf "%A" value).Trim()

    member _.Verdict = verdict

    interface IRunner with
        member _.OnStartFixture _ = ()
        member _.OnArguments(_, _, _) = ()
        member _.OnShrink(_, _) = ()

        member _.OnFinished(_, result) =
            verdict <-
                match result with
                | TestResult.Passed(data, _) -> Holds data.NumberOfTests
                | TestResult.Exhausted data -> Broken $"no legal case among the first %d{data.NumberOfTests}"
                | TestResult.Failed(data, _, smallest, outcome, _, _, _) ->
                    let why =
                        match outcome with
                        | Outcome.Failed DoesNotHold -> "it does not hold of"
                        | Outcome.Failed problem -> $"%s{problem.GetType().Name}: %s{problem.Message} on"
                        | _ -> "it was rejected on"

                    let values = smallest |> List.map shown |> String.concat "\n"

                    Broken
                        $"case %d{data.NumberOfTests}, made smaller %d{data.NumberOfShrinks} times: %s{why}\n%s{values}"

module Law =
    /// The effort of tests and of `glem laws`.
    let usual = { Count = 100; Seed = 1 }

    /// The law on values of the domain, one in `cost` of the effort's count.
    let tryOn cost (domain: Arbitrary<'a>) (law: 'a -> bool) (effort: Effort) =
        let witness = Witness()
        // The gamma of SplitMix must be odd.
        let start = {
            Rnd = Rnd(uint64 (uint32 effort.Seed), 0x9E3779B97F4A7C15UL)
            Size = None
        }

        let config =
            Config.Quick.WithMaxTest(max 1 (effort.Count / cost)).WithReplay(Some start).WithRunner(witness)

        Check.One(
            config,
            Prop.forAll domain (fun value ->
                if not (law value) then
                    raise DoesNotHold)
        )

        witness.Verdict

    /// One case: the law on values of a domain, about the named part of the core.
    let on about (domain: Arbitrary<'a>) (law: 'a -> bool) = [
        {
            Instance = about
            Try = tryOn 1 domain law
        }
    ]

    /// The law on a hundred values of the domain, or an exception that holds the smallest counter-example found.
    let holds (domain: Arbitrary<'a>) (law: 'a -> bool) =
        match tryOn 1 domain law usual with
        | Holds _ -> ()
        | Broken counterExample -> failwith counterExample

    /// Whether two numbers agree to a relative (above 1) or absolute tolerance. Infinities agree with themselves.
    let close tolerance (x: float) (y: float) = x = y || abs (x - y) <= tolerance * max 1.0 (max (abs x) (abs y))
