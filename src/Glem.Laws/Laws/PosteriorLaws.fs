namespace Glem.Laws

open System
open FsCheck.FSharp
open Glem

/// Class probabilities, and how a teacher's become pseudo labels.
module PosteriorLaws =
    let private rows (posterior: Posterior<'s>) = posterior.Rows.ToArray() |> Array.chunkBySize posterior.ClassCount

    let private isDistribution (row: float32[]) =
        Array.forall (fun p -> p >= 0f && p <= 1f) row && Law.close 1e-6 1.0 (Array.sumBy float row)

    let private simplex = {
        Name = "every row of a posterior is on the simplex, for logits of any size"
        Statement = "p_nk >= 0 and sum_k p_nk = 1, for logits up to 800 and below -800"
        Source = "Zhao et al. 2023, section 4: Cat(softmax(·))"
        Guards = "an exp that overflows, or a row that is normalised over nodes instead of classes"
        Mutation = "softmax without subtracting the row's largest logit"
        Cases =
            Law.on "posteriors" Scene.domain (fun scene -> rows (Scene.teacher scene) |> Array.forall isDistribution)
    }

    let private shift = {
        Name = "adding a constant to a row of logits leaves the posterior alone"
        Statement = "softmax(z + k) = softmax(z)"
        Source = "definition of softmax"
        Guards = "logits read as log-probabilities"
        Mutation = "probabilities exp(z_k) instead of exp(z_k) / sum_j exp(z_j)"
        Cases =
            Law.on "posteriors" (Scene.withNumber -50.0 50.0) (fun (scene, k) ->
                let moved =
                    scene
                    |> Scene.mapActors (fun a -> {
                        a with
                            Teacher = a.Teacher |> Array.map (fun z -> z + float32 k)
                    })
                // 1e-4: float32 rounds 800 + k itself by up to 6e-5.
                Posterior.isClose 1e-4 (Scene.teacher scene) (Scene.teacher moved))
    }

    let private cold = {
        Name = "as the temperature falls to 0, soft labels become the argmax"
        Statement = "softmax(z / tau) -> one-hot on argmax z as tau -> 0"
        Source = "official code, pseudo_temp; GMNN, --tau"
        Guards = "a temperature that multiplies instead of dividing; an overflow at small tau"
        Mutation = "softmax(z * tau)"
        Cases =
            Law.on "posteriors" Scene.domain (fun scene ->
                let p = Scene.teacher scene

                let isTied (row: float32[]) =
                    let sorted = Array.sortDescending row in row.Length > 1 && sorted[0] - sorted[1] < 1e-4f

                let cold = Posterior.sharpen (Problem.temperature 1e-6) p |> rows

                Array.forall2
                    (fun (row, cold) hard -> isTied row || cold = hard)
                    (Array.zip (rows p) cold)
                    (rows (Posterior.harden p)))
    }

    let private hot = {
        Name = "as the temperature grows, soft labels become uniform"
        Statement = "softmax(z / tau) -> 1/c as tau -> infinity"
        Source = "official code, pseudo_temp"
        Guards = "a temperature that is ignored"
        Mutation = "softmax(z * tau)"
        Cases =
            Law.on "posteriors" Scene.domain (fun scene ->
                let p = Scene.teacher scene
                let uniform: Posterior<Gnn> = Posterior.uniform p.NodeCount p.ClassCount
                Posterior.isClose 1e-5 uniform (Posterior.sharpen (Problem.temperature 1e9) p))
    }

    let private sharper = {
        Name = "sharpening keeps each node's likeliest class and lowers no confidence"
        Statement = "tau < 1: argmax softmax(z / tau) = argmax z, max softmax(z / tau) >= max softmax(z)"
        Source = "official code, pseudo_temp = 0.2"
        Guards = "a temperature applied to probabilities instead of logits"
        Mutation = "softmax(p / tau) of the probabilities p"
        Cases =
            Law.on "posteriors" Scene.domain (fun scene ->
                let p = Scene.teacher scene
                let cold = Posterior.sharpen (Problem.temperature 0.2) p

                Array.forall2
                    (fun before after -> after >= before - 1e-6)
                    (Posterior.confidence p)
                    (Posterior.confidence cold)
                && Array.forall2
                    (fun k (row: float32[]) -> row[int k] = Array.max row)
                    (Posterior.argmax p)
                    (rows cold))
    }

    let private hard = {
        Name = "hard labels are one-hot on the likeliest class, ties on the lowest"
        Statement = "harden(p)_nk = [k = min argmax_j p_nj]"
        Source = "PyG's and GraphStorm's GLEM: pseudo labels by argmax"
        Guards = "a tie that is broken by the machine"
        Mutation = "ties to the highest class"
        Cases =
            Law.on "posteriors" Scene.domain (fun scene ->
                let p = Scene.teacher scene

                Array.forall2
                    (fun (logits: float32[]) (row: float32[]) ->
                        row =
                            Array.init p.ClassCount (fun k ->
                                if k = Array.IndexOf(logits, Array.max logits) then 1f else 0f))
                    (scene.Actors |> Array.map _.Teacher)
                    (rows (Posterior.harden p)))
    }

    let private sampled = {
        Name = "sampled labels are one-hot and follow the posterior"
        Statement =
            "of 2000 draws from p, sum_k (drawn_k - 2000 p_k)^2 / (2000 p_k) < 60, which chance exceeds once in 10^10"
        Source = "GMNN, --draw smp"
        Guards = "a draw that favours low classes, or the same luck for every node"
        Mutation = "luck without the node's index"
        Cases =
            Law.on
                "posteriors"
                (Arb.fromGen (
                    Gen.zip
                        (Gen.choose (2, 5) |> Gen.bind (fun c -> Gen.arrayOfLength c (Scene.number -1.5 1.5)))
                        (Gen.choose (0, 1000000))
                ))
                (fun (logits, seed) ->
                    let draws, c = 2000, logits.Length

                    let p: Posterior<Gnn> =
                        Array.init draws (fun _ -> Array.map float32 logits) |> Array.concat |> Posterior.ofLogits c

                    let drawn = Posterior.sample (Key.ofSeed seed) p |> rows

                    let expected =
                        Array.init c (fun k -> float draws * exp (Posterior.logProbability 0<node> (k * 1<cls>) p))

                    let counts = Array.init c (fun k -> drawn |> Array.sumBy (fun row -> float row[k]))
                    let distance = Array.map2 (fun n e -> (n - e) * (n - e) / e) counts expected |> Array.sum

                    drawn |> Array.forall (fun row -> Array.sum row = 1f && Array.max row = 1f) && distance < 60.0)
    }

    let private entropy = {
        Name = "entropy lies between 0 and ln c"
        Statement = "0 <= H(p_n) <= ln c, and H = 0 for hard labels"
        Source = "Shannon 1948"
        Guards = "0 ln 0 = NaN; another base of the logarithm"
        Mutation = "logarithm to base 2"
        Cases =
            Law.on "posteriors" Scene.domain (fun scene ->
                let p = Scene.teacher scene
                let most = log (float p.ClassCount)

                Posterior.entropy p |> Array.forall (fun h -> h >= -1e-12 && h <= most + 1e-12)
                && Posterior.entropy (Posterior.sharpen (Problem.temperature 1e9) p)
                   |> Array.forall (fun h -> Law.close 1e-6 h most)
                && Posterior.entropy (Posterior.harden p) |> Array.forall ((=) 0.0))
    }

    let private crossEntropy = {
        Name = "cross-entropy minus entropy is KL, and KL is not negative"
        Statement = "CE(p, q) - H(p) = KL(p || q) >= 0, and KL(p || p) = 0"
        Source = "Zhao et al. 2023, section 4: why soft labels train the E-step's KL(p || q)"
        Guards = "p and q exchanged: the other direction of the divergence"
        Mutation = "cross-entropy -sum q ln p"
        Cases =
            Law.on "posteriors" Scene.domain (fun scene ->
                let p, q = Scene.teacher scene, Scene.student scene
                let difference = Array.map2 (-) (Posterior.crossEntropy p q) (Posterior.entropy p)

                Array.forall2 (Law.close 1e-9) difference (Posterior.kl p q)
                && Posterior.kl p q |> Array.forall (fun x -> x >= -1e-12)
                && Posterior.kl p p |> Array.forall ((=) 0.0))
    }

    let private finite = {
        Name = "a logit that is no number stops the run and names its node"
        Statement = "NaN or +infinity in row n: an error with n; never a posterior"
        Source = "against the official nan0, which turns a diverged loss into 0"
        Guards = "divergence that is hidden, and teaches"
        Mutation = "the check taken out"
        Cases =
            Law.on
                "posteriors"
                (Scene.domain |> Scene.beside (Gen.zip (Gen.choose (0, 1000000)) (Gen.elements [ nanf; infinityf ])))
                (fun (scene, (seed, bad)) ->
                    let logits = (Scene.teacher scene).Logits.ToArray()
                    let at = seed % logits.Length
                    logits[at] <- bad

                    try
                        Posterior.ofLogits scene.ClassCount logits |> ignore<Posterior<Gnn>>
                        false
                    with GlemException error ->
                        (GlemError.message error).Contains $"node %d{at / scene.ClassCount}:")
    }

    let private sureness = {
        Name = "a teacher that knows nothing is the least sure, one that is certain the surest"
        Statement = "each sureness (confidence, margin, -entropy) is least at 1/c and largest at one-hot"
        Source = "official code, pl_filter (confidence); Settles 2009 (margin, entropy)"
        Guards = "a filter that keeps the least sure"
        Mutation = "entropy instead of minus entropy"
        Cases =
            Law.on "sureness" Scene.domain (fun scene ->
                let sure (f: float[] -> float) (p: Posterior<Gnn>) = rows p |> Array.map (Array.map float >> f)
                let p = Scene.teacher scene

                [ Sureness.confidence; Sureness.margin; Sureness.negativeEntropy ]
                |> List.forall (fun f ->
                    let between = Array.forall2 (fun less more -> less <= more + 1e-6)

                    between (sure f (Posterior.uniform p.NodeCount p.ClassCount)) (sure f p)
                    && between (sure f p) (sure f (Posterior.harden p))))
    }

    let chapter = {
        Title = "Posteriors"
        Laws = [
            simplex
            shift
            cold
            hot
            sharper
            hard
            sampled
            entropy
            crossEntropy
            sureness
            finite
        ]
    }
