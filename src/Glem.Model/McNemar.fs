namespace Glem

open System

/// McNemar's test: did a change go one way more often than chance would have it?
module McNemar =
    /// Exact two-sided p of b changes one way against c the other, min(1, 2 P[Binomial(b + c, 1/2) <= min(b, c)])
    /// (McNemar 1947, in its exact form). 1 without a change; never 0: what is too small for a float is given as the
    /// smallest one.
    /// Raises ArgumentException for a negative count.
    let exact (b: int) (c: int) : float =
        if b < 0 || c < 0 then
            invalidArg (nameof b) $"%d{b} and %d{c} changes"

        let n, k = b + c, min b c

        // ln C(n, k) step by step: C(n, k) itself overflows from n = 1030 on, as 2^-n underflows.
        let logBinomial = Seq.init k (fun i -> log (float (n - i) / float (i + 1))) |> Seq.sum

        // The tail relative to its largest term, C(n, k): each term is the one above it times i / (n - i + 1) < 1.
        let tail =
            seq { k .. -1 .. 1 } |> Seq.scan (fun term i -> term * float i / float (n - i + 1)) 1.0 |> Seq.sum

        let p = 2.0 * tail * exp (logBinomial - float n * log 2.0)
        min 1.0 (max Double.Epsilon p)
