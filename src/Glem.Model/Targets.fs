namespace Glem

open System

/// What one node teaches a student.
type Target =
    | Gold of int<cls>
    | Pseudo of float32[]

/// A student's data set for one step: m nodes, each with its gold label or a distribution of the teacher's.
/// A training node has its gold label, one-hot, whatever the teacher thinks.
type Targets<'Teacher> = private {
    nodes: int<node>[]
    isGold: bool[]
    distributions: float32[]
    classCount: int
} with

    /// m.
    member this.Count = this.nodes.Length
    member this.ClassCount = this.classCount

    /// The nodes, ascending : [m]; a fresh array.
    member this.Nodes = Array.copy this.nodes

    /// Which of them carry gold labels : [m]; a fresh array.
    member this.IsGold = Array.copy this.isGold

    /// Target distributions, row-major : [m; c].
    member this.Rows = ReadOnlyMemory<float32>(this.distributions)

    /// The target at position 0 .. m-1.
    member this.Item(position: int) =
        let row = Array.sub this.distributions (position * this.classCount) this.classCount

        if this.isGold[position] then
            Gold(Array.IndexOf(row, 1f) * 1<cls>)
        else
            Pseudo row

/// The nodes that get pseudo labels.
module Pool =
    /// Every node that is not a training node, validation and test included (transductive, as the official code).
    let unlabelled (supervision: Supervision) = [|
        for i in 0 .. supervision.NodeCount - 1 do
            if supervision.Gold(i * 1<node>).IsNone then
                i * 1<node>
    |]

    /// The floor(fraction * |pool|) nodes on which the teacher is most confident, ascending; ties go to the lower
    /// node. Give it the posterior at temperature 1, as the official pl_filter does.
    let topFraction (fraction: Fraction) (teacher: Posterior<'t>) (pool: int<node>[]) =
        let confidence = Posterior.confidence teacher

        // Seq.sortBy is stable: of equals, the lower node stays first.
        Array.sort pool
        |> Seq.sortBy (fun i -> -confidence[int i])
        |> Seq.truncate (fraction.Of pool.Length)
        |> Seq.toArray
        |> Array.sort

module Targets =
    let private build (supervision: Supervision) (pool: int<node>[]) (pseudo: int<node> -> float32[]) =
        let taught = pool |> Array.filter (fun i -> supervision.Gold(i).IsNone)
        let nodes = Array.append supervision.Nodes taught |> Array.distinct |> Array.sort

        let row i =
            match supervision.Gold i with
            | ValueSome gold -> Array.init supervision.ClassCount (fun k -> if k = int gold then 1f else 0f)
            | ValueNone -> pseudo i

        {
            nodes = nodes
            isGold = nodes |> Array.map (fun i -> supervision.Gold(i).IsSome)
            distributions = nodes |> Array.collect row
            classCount = supervision.ClassCount
        }

    /// Gold labels alone: pre-training, and the teacher-free control.
    let goldOnly (supervision: Supervision) : Targets<'Teacher> = build supervision [||] (fun _ -> [||])

    /// Gold labels, and the teacher's rows for the pool; a training node in the pool keeps its gold label.
    /// Raises ArgumentException where the teacher's shape is not the supervision's.
    let ofTeacher (supervision: Supervision) (teacher: Posterior<'Teacher>) (pool: int<node>[]) : Targets<'Teacher> =
        if teacher.NodeCount <> supervision.NodeCount || teacher.ClassCount <> supervision.ClassCount then
            invalidArg (nameof teacher) $"the teacher's shape is [%d{teacher.NodeCount}; %d{teacher.ClassCount}]"

        build supervision pool (fun i -> teacher.Row(i).ToArray())

/// How a teacher's posterior becomes pseudo labels.
type Softness =
    /// softmax(z / temperature); 0.2 in every published recipe.
    | Soft of Temperature
    /// One-hot on the argmax.
    | Hard

/// Which pseudo labels a step uses.
type Teaching = {
    Softness: Softness
    /// Keep this share of the pool, the teacher's most confident nodes (official: pl_filter).
    TopFraction: Fraction
}

module Teaching =
    /// The step's data set: the pool of all unlabelled nodes, filtered on the posterior as it is, then softened.
    let targets (teaching: Teaching) (supervision: Supervision) (teacher: Posterior<'Teacher>) =
        let pool = Pool.unlabelled supervision |> Pool.topFraction teaching.TopFraction teacher

        let softened =
            match teaching.Softness with
            | Soft temperature -> Posterior.sharpen temperature teacher
            | Hard -> Posterior.harden teacher

        Targets.ofTeacher supervision softened pool
