namespace Glem

open System

/// Limited-memory BFGS for smooth convex functions (Nocedal & Wright 2006, algorithm 7.5), with a backtracking line search.
module Lbfgs =
    let private memory = 10
    let private sufficientDecrease = 1e-4

    /// The point where the largest component of the gradient is at most `tolerance`, or the point after `maximumSteps`, or where
    /// no step along the direction lowers the function any more (rounding).
    ///   objective x gradient : the value at x; fills `gradient`
    let minimise (tolerance: float) (maximumSteps: int) (objective: float[] -> float[] -> float) (start: float[]) =
        let n = start.Length
        let dot (a: float[]) (b: float[]) = Dense.dot (ReadOnlySpan a) (ReadOnlySpan b)
        let axpy (s: float) (a: float[]) (b: float[]) = Dense.axpy s (ReadOnlySpan a) (Span b)

        /// -H g, with H the inverse Hessian that the pairs (s, y), newest first, stand for.
        let direction (pairs: (float[] * float[]) list) (gradient: float[]) =
            let q = Array.map (~-) gradient

            let alphas =
                pairs
                |> List.map (fun (s, y) ->
                    let alpha = dot s q / dot s y
                    axpy -alpha y q
                    alpha)

            match pairs with
            | (s, y) :: _ ->
                let scale = dot s y / dot y y

                for i in 0 .. n - 1 do
                    q[i] <- scale * q[i]
            | [] ->
                let length = sqrt (dot q q)

                for i in 0 .. n - 1 do
                    q[i] <- q[i] / length

            List.rev (List.zip pairs alphas)
            |> List.iter (fun ((s, y), alpha) -> axpy (alpha - dot y q / dot s y) s q)

            q

        let rec search x value slope (d: float[]) size =
            let candidate = Array.copy x
            axpy size d candidate
            let gradient = Array.zeroCreate n
            let found = objective candidate gradient

            if found <= value + sufficientDecrease * size * slope then
                Some(candidate, found, gradient)
            elif size < 1e-10 then
                None
            else
                search x value slope d (size / 2.0)

        let rec descend step pairs (x: float[]) value (gradient: float[]) =
            let largest = gradient |> Array.fold (fun top g -> max top (abs g)) 0.0

            if step = maximumSteps || largest <= tolerance then
                x
            else
                let d = direction pairs gradient

                match search x value (dot d gradient) d 1.0 with
                | None -> x
                | Some(x', value', gradient') ->
                    let s = Array.map2 (-) x' x
                    let y = Array.map2 (-) gradient' gradient

                    // Only curvature keeps the approximation positive definite.
                    let pairs =
                        if dot s y > 1e-12 * dot y y then
                            List.truncate memory ((s, y) :: pairs)
                        else
                            pairs

                    descend (step + 1) pairs x' value' gradient'

        let gradient = Array.zeroCreate n
        let value = objective start gradient
        descend 0 [] start value gradient
