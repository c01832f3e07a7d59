namespace Glem

open System

/// How sure a teacher is of a node, from its probabilities : [c]; higher is surer. Any other function will do.
module Sureness =
    /// Probability of the likeliest class (official: pl_filter).
    let confidence (row: float[]) = Array.max row

    /// How far the likeliest class is ahead of the second. 1 where there is only one class.
    let margin (row: float[]) =
        match row |> Array.sortDescending |> List.ofArray with
        | first :: second :: _ -> first - second
        | _ -> 1.0

    /// Minus the entropy in nats: 0 for a certain teacher, -ln c for one that knows nothing.
    let negativeEntropy (row: float[]) = row |> Array.sumBy (fun p -> if p = 0.0 then 0.0 else p * log p)

/// Which nodes of the pool teach, by how sure the teacher is of them.
type Filter =
    | Everyone
    /// The floor(fraction * |pool|) surest nodes; ties go to the lower node.
    | Top of Fraction
    /// The nodes that are at least this sure.
    | AtLeast of float
    /// Of each class that the teacher predicts, its floor(fraction * |pool| / c) surest nodes, or all where it has
    /// fewer: no class drowns the others.
    | Balanced of Fraction

module Filter =
    /// A number for each node of the pool : [|pool|]. Read the teacher at temperature 1, as the official pl_filter does.
    let private rate (sureness: float[] -> float) (teacher: Posterior<'t>) (pool: int<node>[]) =
        pool
        |> Array.map (fun i ->
            let rating = teacher.Row(i).ToArray() |> Array.map float |> sureness

            if Double.IsNaN rating then
                raise (GlemException(InValue($"sureness of node %d{int i}", "NaN", "a number")))

            struct (i, rating))

    // Array.sortBy is not stable; the node as second key makes equals fall to the lower one.
    let private surest count (rated: struct (int<node> * float)[]) =
        rated |> Array.sortBy (fun (struct (i, rating)) -> struct (-rating, i)) |> Array.truncate count

    /// The nodes that teach, ascending.
    /// Raises GlemException where `sureness` answers NaN.
    let keep (filter: Filter) (sureness: float[] -> float) (teacher: Posterior<'t>) (pool: int<node>[]) =
        let rated = rate sureness teacher pool

        match filter with
        | Everyone -> rated
        | Top fraction -> surest (fraction.Of pool.Length) rated
        | AtLeast least -> rated |> Array.filter (fun (struct (_, rating)) -> rating >= least)
        | Balanced fraction ->
            let predicted = Posterior.argmax teacher
            let each = fraction.Of pool.Length / teacher.ClassCount

            rated
            |> Array.groupBy (fun (struct (i, _)) -> predicted[int i])
            |> Array.collect (fun (_, members) -> surest each members)
        |> Array.map (fun (struct (i, _)) -> i)
        |> Array.sort
