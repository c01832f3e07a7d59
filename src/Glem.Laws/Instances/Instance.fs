namespace Glem.Laws

open System
open FsCheck
open Glem

/// A student's parameters of whatever type, equal where all their numbers are, bit for bit.
[<CustomEquality; NoComparison>]
type Learnt = {
    Value: objnull
    /// All its numbers, as they were when it was learnt.
    Numbers: float[]
    /// All its numbers, as they are now: others, if somebody wrote into them.
    Now: unit -> float[]
} with

    static member private Bits(numbers: float[]) = numbers |> Array.map BitConverter.DoubleToInt64Bits

    /// Whether nobody wrote into it.
    member this.IsUntouched = Learnt.Bits this.Numbers = Learnt.Bits(this.Now())

    override this.Equals other =
        match other with
        | :? Learnt as other -> Learnt.Bits this.Numbers = Learnt.Bits other.Numbers
        | _ -> false

    override this.GetHashCode() = hash this.Numbers

type State = EmState<Lm, Gnn, Learnt, Learnt>
type Steps = Fits<Lm, Gnn, Learnt, Learnt>

/// One filling of the engine's two sides, as the laws see it: its parameters are opaque.
type Instance = {
    Name: string
    /// It gets one generated problem in so many.
    Cost: int
    /// The largest graphs that it is tried on.
    Classes: int
    Nodes: int
    /// Whether its steps minimise GLEM's objective, alpha and beta included. Exact EM has its own.
    HasMix: bool
    /// Whether its steps draw from their keys.
    IsRandom: bool
    Start: Problem -> State
    /// The same with a NaN in the parameters of both sides.
    Spoilt: Problem -> State
    Steps: Problem -> Steps
} with

    override this.ToString() = this.Name

module Instance =
    let private learnt (numbers: 'a -> float[]) (value: 'a) : Learnt = {
        Value = box value
        Numbers = numbers value
        Now = fun () -> numbers value
    }

    let private value (learnt: Learnt) : 'a = unbox<'a> learnt.Value

    /// The same posterior under another name of its source, bit for bit.
    let private renamed (posterior: Posterior<'a>) : Posterior<'b> =
        posterior.Logits.ToArray() |> Posterior.ofLogits posterior.ClassCount

    /// Hides the types of the sides and their parameters.   theta, phi : all their numbers
    let steps theta phi (fits: Fits<'q, 'p, 'theta, 'phi>) : Steps = {
        FitQ =
            fun turn learntPhi p learntTheta ->
                let fitted, q = fits.FitQ turn (value learntPhi) (renamed p) (value learntTheta)
                learnt theta fitted, renamed q
        FitP =
            fun turn learntTheta q learntPhi ->
                let fitted, p = fits.FitP turn (value learntTheta) (renamed q) (value learntPhi)
                learnt phi fitted, renamed p
    }

    /// A run's start in the problem's order, its parameters' types hidden.
    let start
        theta
        phi
        (problem: Problem)
        (startTheta: 'theta, q: Posterior<'q>)
        (startPhi: 'phi, p: Posterior<'p>)
        : State =
        let key = Key.ofSeed problem.Setting.Seed |> Key.named "em"

        match problem.Setting.Order with
        | LmFirst -> Em.startWithE key (learnt theta startTheta) (learnt phi startPhi) (renamed p)
        | GnnFirst -> Em.startWithM key (learnt theta startTheta) (learnt phi startPhi) (renamed q)

    /// The problems that an instance is tried on.
    let domain (instance: Instance) = Problem.upTo instance.Classes instance.Nodes

    /// The states of `rounds` rounds.
    let run rounds (instance: Instance) problem =
        instance.Start problem |> Em.run rounds (instance.Steps problem) |> Seq.toList

    /// Both sides' parameters.
    let parameters (state: State) =
        match state with
        | ReadyForE(theta = theta; phi = phi)
        | ReadyForM(theta = theta; phi = phi) -> theta, phi

    /// What the last step said : [n; c] probabilities.
    let said (state: State) =
        match state with
        | ReadyForE(p = p) -> p.Rows.ToArray()
        | ReadyForM(q = q) -> q.Rows.ToArray()

    /// The law on problems of each instance, whose scenes may be beside something else.
    let casesBeside (companion: Gen<'b>) (instances: Instance list) (law: Instance -> Problem * 'b -> bool) =
        instances
        |> List.map (fun instance -> {
            Instance = instance.Name
            Try = Law.tryOn instance.Cost (domain instance |> Scene.beside companion) (law instance)
        })

    /// The law on problems of each instance.
    let cases (instances: Instance list) (law: Instance -> Problem -> bool) =
        instances
        |> List.map (fun instance -> {
            Instance = instance.Name
            Try = Law.tryOn instance.Cost (domain instance) (law instance)
        })
