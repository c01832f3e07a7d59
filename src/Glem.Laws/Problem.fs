namespace Glem.Laws

open FsCheck
open FsCheck.FSharp
open Glem

/// What a law may turn in a run: one choice of everything that a step's recipe can say.
type Setting = {
    Order: Order
    Seed: int
    /// Weights of pseudo labels in the E-step and in the M-step.
    Alpha: float
    Beta: float
    Filter: Filter
    Sampling: Sampling
    Softness: Softness
    Reduction: Reduction
    Divergence: Divergence
    /// Dropout, small batches, noise in the tables.
    IsNoisy: bool
}

/// A scene, and how EM runs on it.
type Problem = { Scene: Scene; Setting: Setting }

module Problem =
    let mix value = Mix.create "mix" value |> Result.orRaise
    let temperature value = Temperature.create "temperature" value |> Result.orRaise
    let fraction value = Fraction.create "fraction" value |> Result.orRaise
    let ratio value = Ratio.create "ratio" value |> Result.orRaise

    let filters = [ Everyone; Top(fraction 0.5); AtLeast 0.6; Balanced(fraction 0.8) ]
    let samplings = [ All; Window(ratio 0.5); EachEpoch(ratio 0.5) ]
    let softnesses = [ Soft(temperature 0.5); Hard; Sampled Temperature.one ]
    let reductions = [ GroupMeans; Sums; CertaintyMeans ]
    let divergences = [ TeacherToStudent; StudentToTeacher; JensenShannon ]

    /// Every choice that a recipe accepts, about equally often.
    let setting = gen {
        let! order = Gen.elements [ LmFirst; GnnFirst ]
        let! seed = Gen.choose (0, 1000000)
        let! alpha = Gen.elements [ 0.0; 0.3; 0.8 ]
        let! beta = Gen.elements [ 0.0; 0.3; 0.8 ]
        let! filter = Gen.elements filters
        let! sampling = Gen.elements samplings
        let! softness = Gen.elements softnesses
        let! reduction = Gen.elements reductions
        let! divergence = Gen.elements divergences

        return {
            Order = order
            Seed = seed
            Alpha = alpha
            Beta = beta
            Filter = filter
            Sampling = sampling
            // StudentToTeacher is for soft labels: a recipe with one-hot ones is refused.
            Softness = if divergence = StudentToTeacher then Soft(temperature 0.5) else softness
            Reduction = reduction
            Divergence = divergence
            IsNoisy = true
        }
    }

    /// Problems on graphs of at most so many classes and nodes.
    let upTo mostClasses mostNodes =
        Scene.upTo mostClasses mostNodes
        |> Scene.beside setting
        |> Arb.convert (fun (scene, setting) -> { Scene = scene; Setting = setting }) (fun problem ->
            problem.Scene, problem.Setting)

    let mapScene f (problem: Problem) = { problem with Scene = f problem.Scene }

    let mapSetting f (problem: Problem) = {
        problem with
            Setting = f problem.Setting
    }

    /// Who teaches in a step, and how.
    let teaching (problem: Problem) : Teaching = {
        Pool = Pool.unlabelled (Scene.supervision problem.Scene)
        Filter = problem.Setting.Filter
        Sureness = Sureness.confidence
        Sampling = problem.Setting.Sampling
        Softness = [ problem.Setting.Softness ]
    }

    let private objective weight (problem: Problem) : Objective = {
        Mix = [ mix weight ]
        Reduction = problem.Setting.Reduction
        Divergence = problem.Setting.Divergence
        Smoothing = Smoothing.none
    }

    /// What the E-step minimises.
    let eObjective problem = objective problem.Setting.Alpha problem

    /// What the M-step minimises.
    let mObjective problem = objective problem.Setting.Beta problem
