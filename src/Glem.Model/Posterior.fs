namespace Glem

open System

/// Source of a posterior: the language model, side q.
[<Sealed; AbstractClass>]
type Lm = class end

/// Source of a posterior: the graph neural network, side p.
[<Sealed; AbstractClass>]
type Gnn = class end

/// Class probabilities [n; c], each row on the simplex. 'Source (Lm or Gnn) is who predicted them, so a student
/// cannot be handed its own. Holds the logits it came from: ofLogits of them gives the same posterior, bit for bit.
type Posterior<'Source> = private {
    logits: float32[]
    rows: float32[]
    classCount: int
} with

    member this.ClassCount = this.classCount
    member this.NodeCount = this.rows.Length / this.classCount

    /// The probabilities, row-major : [n; c].
    member this.Rows = ReadOnlyMemory<float32>(this.rows)

    /// Logits with these probabilities, row-major : [n; c]. -infinity stands for probability 0.
    member this.Logits = ReadOnlyMemory<float32>(this.logits)

    /// The probabilities of one node : [c].
    member this.Row(i: int<node>) = ReadOnlySpan<float32>(this.rows, int i * this.classCount, this.classCount)

/// Softmax over one row, in float64 whatever the row's own type: float32 sums would decide ties.
module internal Softmax =
    /// ln p_k = z_k - logsumexp(z), shifted by the largest logit so that it cannot overflow.
    let logProbabilities (z: float[]) =
        let top = Array.max z
        let logSum = top + log (z |> Array.sumBy (fun x -> exp (x - top)))
        z |> Array.map (fun x -> x - logSum)

    /// The first of the largest.
    let argmax (z: float[]) =
        let mutable best = 0

        for k in 1 .. z.Length - 1 do
            if z[k] > z[best] then
                best <- k

        best * 1<cls>

module Posterior =
    let private logitsOf (posterior: Posterior<'s>) i =
        Array.init posterior.classCount (fun k -> float posterior.logits[i * posterior.classCount + k])

    let private perRow (f: float[] -> 'a) (posterior: Posterior<'s>) =
        Array.init posterior.NodeCount (fun i -> f (logitsOf posterior i))

    let private sameShape (p: Posterior<'a>) (q: Posterior<'b>) =
        if p.ClassCount <> q.ClassCount || p.NodeCount <> q.NodeCount then
            let shape n c = $"[%d{n}; %d{c}]"
            let first, second = shape p.NodeCount p.ClassCount, shape q.NodeCount q.ClassCount
            invalidArg (nameof q) $"posteriors of shapes %s{first} and %s{second}"

    /// Softmax of each row of logits [n; c].
    /// Raises GlemException naming the row that holds NaN, +infinity or nothing but -infinity (a diverged model:
    /// it must stop the run, not teach); ArgumentException where the length is no multiple of c.
    let ofLogits (classCount: int) (logits: float32[]) : Posterior<'Source> =
        if classCount < 1 || logits.Length % classCount <> 0 then
            invalidArg (nameof logits) $"%d{logits.Length} logits are no rows of %d{classCount} classes"

        let rows = Array.zeroCreate logits.Length

        for i in 0 .. logits.Length / classCount - 1 do
            let z = Array.init classCount (fun k -> float logits[i * classCount + k])

            match z |> Array.tryFind (fun x -> Double.IsNaN x || Double.IsPositiveInfinity x) with
            | Some x -> raise (GlemException(InValue($"logits of node %d{i}", string x, "finite numbers")))
            | None ->
                if Array.forall Double.IsNegativeInfinity z then
                    raise (GlemException(InValue($"logits of node %d{i}", "only -infinity", "a finite number")))

            Softmax.logProbabilities z
            |> Array.iteri (fun k logP -> rows[i * classCount + k] <- float32 (exp logP))

        {
            logits = Array.copy logits
            rows = rows
            classCount = classCount
        }

    /// Probabilities [n; c] from outside. Error names the row with a negative or non-finite entry, or a sum
    /// further than 1e-4 from 1; what passes is normalised.
    let ofRows (classCount: int) (rows: float32[]) : Result<Posterior<'Source>, GlemError> =
        if classCount < 1 || rows.Length % classCount <> 0 then
            let found = $"%d{rows.Length} numbers"
            Error(InValue("probabilities", found, $"rows of %d{classCount} classes"))
        else
            let badRow i =
                let row = Array.sub rows (i * classCount) classCount
                let sum = row |> Array.sumBy float

                match row |> Array.tryFind (fun x -> not (Single.IsFinite x) || x < 0f) with
                | Some x -> Some(InValue($"probabilities of node %d{i}", string x, "numbers from 0 to 1"))
                | None when abs (sum - 1.0) > 1e-4 ->
                    let expected = "1 (did you pass logits? use Posterior.ofLogits)"
                    Some(InValue($"probabilities of node %d{i}", $"sum %g{sum}", expected))
                | None -> None

            match Seq.init (rows.Length / classCount) badRow |> Seq.tryPick id with
            | Some error -> Error error
            | None -> Ok(rows |> Array.map log |> ofLogits classCount)

    /// 1/c everywhere: a teacher that knows nothing.
    let uniform (nodeCount: int) (classCount: int) : Posterior<'Source> =
        ofLogits classCount (Array.zeroCreate (nodeCount * classCount))

    /// The likeliest class of each node, ties to the lowest class : [n].
    let argmax posterior = perRow Softmax.argmax posterior

    /// Probability of the likeliest class : [n].
    let confidence posterior = perRow (Softmax.logProbabilities >> Array.max >> exp) posterior

    /// ln p of one class of one node; -infinity where its probability is 0.
    let logProbability (i: int<node>) (k: int<cls>) posterior =
        (Softmax.logProbabilities (logitsOf posterior (int i)))[int k]

    /// H(p) = -sum p ln p of each row, in nats : [n].
    let entropy posterior =
        posterior
        |> perRow (fun z ->
            -(Softmax.logProbabilities z
              |> Array.sumBy (fun logP -> if exp logP = 0.0 then 0.0 else exp logP * logP)))

    // sum over k of p_k * term(ln p_k, ln q_k), where p_k = 0 contributes nothing even against ln q_k = -infinity.
    let private expectation term (p: Posterior<'a>) (q: Posterior<'b>) =
        sameShape p q

        Array.init p.NodeCount (fun i ->
            (Softmax.logProbabilities (logitsOf p i), Softmax.logProbabilities (logitsOf q i))
            ||> Array.map2 (fun logP logQ -> if exp logP = 0.0 then 0.0 else exp logP * term logP logQ)
            |> Array.sum)

    /// CE(p, q) = -sum p ln q of each row : [n]. As a loss in q with a fixed teacher p it is KL(p || q) up to a
    /// constant, which is why GLEM's E-step trains on soft labels.
    let crossEntropy (p: Posterior<'a>) (q: Posterior<'b>) = expectation (fun _ logQ -> -logQ) p q

    /// KL(p || q) of each row, in nats : [n].
    let kl (p: Posterior<'a>) (q: Posterior<'b>) = expectation (fun logP logQ -> logP - logQ) p q

    /// Whether no probability differs by more than the tolerance.
    let isClose (tolerance: float) (p: Posterior<'a>) (q: Posterior<'b>) =
        sameShape p q
        Array.forall2 (fun (x: float32) (y: float32) -> abs (float x - float y) <= tolerance) p.rows q.rows

    // Rows rewritten from logits whose largest is 0, where a division cannot overflow.
    let private mapCentred (f: float[] -> float[]) (posterior: Posterior<'s>) : Posterior<'s> =
        posterior
        |> perRow (fun z ->
            let top = Array.max z
            z |> Array.map (fun x -> x - top) |> f |> Array.map float32)
        |> Array.concat
        |> ofLogits posterior.classCount

    /// softmax(z / temperature): towards argmax as the temperature falls to 0, towards uniform as it grows.
    let sharpen (temperature: Temperature) posterior = mapCentred (Array.map (fun z -> z / temperature.Value)) posterior

    /// All probability on the argmax (hard pseudo labels).
    let harden posterior =
        posterior
        |> mapCentred (fun z ->
            let best = int (Softmax.argmax z)
            Array.init z.Length (fun k -> if k = best then 0.0 else Double.NegativeInfinity))

    /// All probability on one class of each row, drawn from the row. A node's luck depends on the key and its index
    /// alone.
    let sample (key: Key) (posterior: Posterior<'s>) : Posterior<'s> =
        let c = posterior.classCount

        let row i =
            let logits = logitsOf posterior i
            // 53 bits: a uniform number in [0, 1).
            let luck = float (Key.seed (Key.at i key) >>> 11) * 1.1102230246251565e-16
            let upTo = Softmax.logProbabilities logits |> Array.map exp |> Array.scan (+) 0.0
            // Rounding may leave the last sum below 1: then the likeliest class it is.
            let drawn =
                seq { 0 .. c - 1 }
                |> Seq.tryFind (fun k -> luck < upTo[k + 1])
                |> Option.defaultWith (fun () -> int (Softmax.argmax logits))

            Array.init c (fun k -> if k = drawn then 0f else Single.NegativeInfinity)

        Array.init posterior.NodeCount row |> Array.concat |> ofLogits c

    /// Total variation of two posteriors, half the sum of |p - q|, of each row, 0 to 1 : [n].
    let totalVariation (p: Posterior<'a>) (q: Posterior<'b>) =
        sameShape p q

        Array.init p.NodeCount (fun i ->
            let pRow, qRow = p.Row(i * 1<node>).ToArray(), q.Row(i * 1<node>).ToArray()
            0.5 * Array.sum (Array.map2 (fun x y -> abs (float x - float y)) pRow qRow))
