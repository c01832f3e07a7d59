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
    /// Pseudo labels that teach in one epoch, and the key that draws them; nothing where all do.
    drawn: struct (int * Key) voption
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

    /// How many pseudo labels teach in one epoch.
    member this.PseudoPerEpoch =
        match this.drawn with
        | ValueSome(struct (size, _)) -> size
        | ValueNone -> this.isGold |> Array.filter not |> Array.length

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
            drawn = ValueNone
        }

    /// Gold labels alone: pre-training, and the teacher-free control.
    let goldOnly (supervision: Supervision) : Targets<'Teacher> = build supervision [||] (fun _ -> [||])

    /// Gold labels, and the teacher's rows for the pool; a training node in the pool keeps its gold label.
    /// Raises ArgumentException where the teacher's shape is not the supervision's.
    let ofTeacher (supervision: Supervision) (teacher: Posterior<'Teacher>) (pool: int<node>[]) : Targets<'Teacher> =
        if teacher.NodeCount <> supervision.NodeCount || teacher.ClassCount <> supervision.ClassCount then
            invalidArg (nameof teacher) $"the teacher's shape is [%d{teacher.NodeCount}; %d{teacher.ClassCount}]"

        build supervision pool (fun i -> teacher.Row(i).ToArray())

    /// The same data set, of whose pseudo labels only `size`, drawn anew, teach in each epoch.
    let drawnEachEpoch key size (targets: Targets<'Teacher>) =
        if size >= targets.PseudoPerEpoch then
            targets
        else
            {
                targets with
                    drawn = ValueSome(struct (size, key))
            }

    /// The targets that weigh something in a mix: at 0 the gold labels alone, at 1 the pseudo labels alone. What weighs
    /// nothing may not stay in the data set: it would still decide who shares a batch and how many steps an epoch has,
    /// and an E-step with alpha = 0 would depend on its teacher.
    let weighing (mix: Mix) (targets: Targets<'Teacher>) =
        let keep isWanted drawn =
            let kept = [| 0 .. targets.Count - 1 |] |> Array.filter (fun at -> isWanted targets.isGold[at])
            let c = targets.classCount

            {
                targets with
                    nodes = kept |> Array.map (fun at -> targets.nodes[at])
                    isGold = kept |> Array.map (fun at -> targets.isGold[at])
                    distributions = kept |> Array.collect (fun at -> Array.sub targets.distributions (at * c) c)
                    drawn = drawn
            }

        if mix.Value = 0.0 then keep id ValueNone
        elif mix.Value = 1.0 then keep not targets.drawn
        else targets

    /// Positions that teach in an epoch, counted from 0, ascending: all of gold, and that epoch's pseudo labels. Every
    /// epoch has equally many.
    let epoch (number: int) (targets: Targets<'Teacher>) =
        match targets.drawn with
        | ValueNone -> Array.init targets.Count id
        | ValueSome(struct (size, key)) ->
            let pseudo = [|
                for at in 0 .. targets.Count - 1 do
                    if not targets.isGold[at] then
                        targets.nodes[at]
            |]

            let teaches = Sampling.draw (Key.at number key) size pseudo |> System.Collections.Generic.HashSet

            Array.init targets.Count id
            |> Array.filter (fun at -> targets.isGold[at] || teaches.Contains targets.nodes[at])
