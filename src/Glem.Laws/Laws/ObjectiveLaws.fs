namespace Glem.Laws

open FsCheck.FSharp
open Glem

/// GLEM's two objectives as one loss to minimise.
module ObjectiveLaws =
    let private objective weight reduction divergence : Objective = {
        Mix = [ Problem.mix weight ]
        Reduction = reduction
        Divergence = divergence
        Smoothing = Smoothing.none
    }

    let private targets scene : Targets<Gnn> =
        Targets.ofTeacher (Scene.supervision scene) (Scene.teacher scene) (Pool.unlabelled (Scene.supervision scene))

    let private loss weight reduction divergence scene =
        Objective.loss (objective weight reduction divergence) 1 (targets scene) (Scene.student scene)

    let private inAll law =
        List.allPairs Problem.reductions Problem.divergences
        |> List.forall (fun (reduction, divergence) -> law reduction divergence)

    let private pseudoNodes scene = Pool.unlabelled (Scene.supervision scene)

    let private goldLosses scene =
        Scene.gold scene |> Array.map (fun (i, k) -> -(Posterior.logProbability i k (Scene.student scene)))

    let private pseudoLosses scene =
        let crossEntropy = Posterior.crossEntropy (Scene.teacher scene) (Scene.student scene)
        pseudoNodes scene |> Array.map (fun i -> crossEntropy[int i])

    let private linear = {
        Name = "the loss is linear in the mix"
        Statement = "L(w) = (1 - w) L(0) + w L(1), w = alpha or beta, for every reduction and divergence"
        Source = "Zhao et al. 2023, equations 5 and 6"
        Guards = "the official code's jump: full weight for gold where a batch has no pseudo label"
        Mutation = "gold labels that keep weight 1 where the mix is below a half"
        Cases =
            Law.on "objective" (Scene.withNumber 0.0 1.0) (fun (scene, w) ->
                inAll (fun reduction divergence ->
                    let loss w = loss w reduction divergence scene
                    // 1e-5: weights are float32.
                    Law.close 1e-5 (loss w) ((1.0 - w) * loss 0.0 + w * loss 1.0)))
    }

    let private paper = {
        Name = "with sums, the loss is the paper's"
        Statement = "L = alpha sum_{n in U} CE(p_n, q_n) + (1 - alpha) sum_{n in L} -ln q_n(y_n)"
        Source = "Zhao et al. 2023, equations 5 and 6"
        Guards = "alpha and 1 - alpha exchanged"
        Mutation = "alpha on gold, 1 - alpha on pseudo labels"
        Cases =
            Law.on "objective" (Scene.withNumber 0.0 1.0) (fun (scene, w) ->
                let expected = w * Array.sum (pseudoLosses scene) + (1.0 - w) * Array.sum (goldLosses scene)
                Law.close 1e-5 expected (loss w Sums TeacherToStudent scene))
    }

    let private groupMeans = {
        Name = "with group means, each group counts by its mean"
        Statement = "L = alpha mean_{U} CE(p_n, q_n) + (1 - alpha) mean_{L} -ln q_n(y_n)"
        Source = "official code, compute_loss, over the step instead of over each batch"
        Guards = "one mean over both groups, in which the larger group wins"
        Mutation = "both groups divided by the number of all nodes"
        Cases =
            Law.on "objective" (Scene.withNumber 0.0 1.0) (fun (scene, w) ->
                let expected = w * Array.average (pseudoLosses scene) + (1.0 - w) * Array.average (goldLosses scene)
                Law.close 1e-5 expected (loss w GroupMeans TeacherToStudent scene))
    }

    let private certainty = {
        Name = "with certainty means, pseudo labels weigh by how sure they are, and the group still by the mix"
        Statement =
            "w_n proportional to 1 - H(t_n) / ln c over U, sum over U = alpha, over L = 1 - alpha; equal weights where all are 0"
        Source = "per-node weights; GroupMeans where all are equally sure"
        Guards = "weights that change the balance between gold and pseudo labels; 0/0 for a teacher that knows nothing"
        Mutation = "certainties divided by their number instead of their sum"
        Cases =
            Law.on "objective" (Scene.withNumber 0.0 1.0) (fun (scene, w) ->
                let sums (targets: Targets<Gnn>) reduction =
                    let weights = Objective.nodeWeights reduction (Problem.mix w) targets

                    Array.zip weights targets.IsGold
                    |> Array.partition snd
                    |> fun (gold, pseudo) -> Array.sumBy (fst >> float) gold, Array.sumBy (fst >> float) pseudo

                let isBalanced targets =
                    let gold, pseudo = sums targets CertaintyMeans in
                    Law.close 1e-5 (1.0 - w) gold && Law.close 1e-5 w pseudo

                let targets = targets scene
                let weights = Objective.nodeWeights CertaintyMeans (Problem.mix w) targets
                let supervision = Scene.supervision scene

                let entropy = Posterior.entropy (Scene.teacher scene)

                let knowsNothing: Targets<Gnn> =
                    Targets.ofTeacher
                        supervision
                        (Posterior.uniform scene.NodeCount scene.ClassCount)
                        (pseudoNodes scene)

                let isOrdered =
                    let pseudo = [|
                        for at in 0 .. targets.Count - 1 do
                            if not targets.IsGold[at] then
                                weights[at], entropy[int targets.Nodes[at]]
                    |]

                    Seq.allPairs pseudo pseudo |> Seq.forall (fun ((w1, h1), (w2, h2)) -> h1 > h2 - 1e-6 || w1 >= w2)

                isBalanced targets
                && isBalanced knowsNothing
                && isOrdered
                && Objective.nodeWeights CertaintyMeans (Problem.mix w) knowsNothing =
                    Objective.nodeWeights GroupMeans (Problem.mix w) knowsNothing)
    }

    let private batches = {
        Name = "losses of batches add up to the loss, however the targets are split, also into batches of one kind"
        Statement = "sum over batches B of L_B = L, for every partition of the targets"
        Source = "against the official code's means of sub-batches"
        Guards = "a batch without pseudo or without gold labels that changes the weights of the others"
        Mutation = "a batch of gold labels alone counts twice"
        Cases =
            Law.on
                "objective"
                (Scene.withNumber 0.05 0.95 |> Scene.beside (Gen.choose (0, 1000000)))
                (fun ((scene, w), seed) ->
                    inAll (fun reduction divergence ->
                        let objective = objective w reduction divergence
                        let targets, student = targets scene, Scene.student scene
                        let weights = Objective.nodeWeights reduction (Problem.mix w) targets
                        let rows = Objective.trainingRows Smoothing.none targets
                        let part = Objective.batchLoss divergence weights rows targets student
                        let everyone = [| 0 .. targets.Count - 1 |]
                        let gold, pseudo = everyone |> Array.partition (fun at -> targets.IsGold[at])
                        let whole = Objective.loss objective 1 targets student

                        Law.close
                            1e-9
                            whole
                            (Key.shuffle (Key.ofSeed seed) everyone |> Array.chunkBySize 3 |> Array.sumBy part)
                        && Law.close 1e-9 whole (part gold + part pseudo)))
    }

    let private alphaZero = {
        Name = "at mix 0 the loss does not depend on the teacher, at mix 1 not on gold labels, bit for bit"
        Statement = "dL/dp = 0 at w = 0; dL/dy_L = 0 at w = 1"
        Source = "Zhao et al. 2023, equations 5 and 6"
        Guards = "0 * infinity = NaN; a normalisation that reads the other group"
        Mutation = "a weight of at least 1e-6 for both groups"
        Cases =
            Law.on "objective" Scene.domain (fun scene ->
                let otherTeacher = scene |> Scene.mapActors (fun a -> { a with Teacher = Array.rev a.Teacher })
                let otherGold = Scene.relabel [ Train ] scene

                inAll (fun reduction divergence ->
                    loss 0.0 reduction divergence scene = loss 0.0 reduction divergence otherTeacher
                    && loss 1.0 reduction divergence scene = loss 1.0 reduction divergence otherGold))
    }

    let private withoutWeight = {
        Name = "labels without weight are not in a student's data set"
        Statement = "a lesson's nodes are L at w = 0, the pseudo nodes at w = 1, both between"
        Source = "official quirk: alpha = 0 still shuffles, batches and counts the pseudo nodes"
        Guards = "a teacher that decides, without a weight, who shares a batch and how many steps there are"
        Mutation = "lessons that keep targets of weight 0"
        Cases =
            Law.on "objective" (Problem.upTo 5 40) (fun problem ->
                let scene = problem.Scene
                let gold = Scene.gold scene |> Array.map fst

                let nodes weight =
                    (Lesson.ofTargets (objective weight GroupMeans TeacherToStudent) 1 (targets scene)).Nodes

                nodes 0.0 = gold
                && nodes 1.0 = pseudoNodes scene
                && nodes 0.5 = Array.sort (Array.append gold (pseudoNodes scene)))
    }

    let private notNegative = {
        Name = "no divergence falls below its least value"
        Statement = "CE >= H(t); KL(q || t) >= 0 above the floor's slack c * 1e-7; 0 <= JS <= ln 2"
        Source = "Gibbs' inequality; Lin 1991 (Jensen-Shannon)"
        Guards = "a sign; a logarithm of something that is no distribution"
        Mutation = "the Jensen-Shannon divergence without its factor 1/2"
        Cases =
            Law.on "divergences" Scene.domain (fun scene ->
                let slack = 1e-6 * float scene.ClassCount
                let targets = targets scene
                let entropy = Posterior.entropy (Scene.teacher scene)
                let weights = Array.create targets.Count 1f
                let rows = Objective.trainingRows Smoothing.none targets

                let each divergence =
                    [| 0 .. targets.Count - 1 |]
                    |> Array.filter (fun at -> not targets.IsGold[at])
                    |> Array.map (fun at ->
                        targets.Nodes[at],
                        Objective.batchLoss divergence weights rows targets (Scene.student scene) [ at ])

                (each TeacherToStudent |> Array.forall (fun (i, d) -> d >= entropy[int i] - slack))
                && (each StudentToTeacher |> Array.forall (fun (_, d) -> d >= -slack && d <= -log Objective.floor))
                && (each JensenShannon |> Array.forall (fun (_, d) -> d >= -slack && d <= log 2.0 + slack)))
    }

    let private atEquality = {
        Name = "a student that says what its teacher says is at every divergence's least"
        Statement = "CE(p, p) = H(p); KL(p || p) = 0 up to the floor's slack; JS(p, p) = 0"
        Source = "Gibbs' inequality"
        Guards = "a divergence that wants something else than the teacher's answer"
        Mutation = "a floor of 0.1 under the teacher's probabilities"
        Cases =
            Law.on "divergences" Scene.domain (fun scene ->
                let agreeing = scene |> Scene.mapActors (fun a -> { a with Student = a.Teacher })
                let entropy = Posterior.entropy (Scene.teacher scene)
                let least = pseudoNodes scene |> Array.averageBy (fun i -> entropy[int i])
                let loss divergence = loss 1.0 GroupMeans divergence agreeing

                Law.close 1e-5 least (loss TeacherToStudent)
                && Law.close 1e-4 0.0 (loss StudentToTeacher)
                && Law.close 1e-5 0.0 (loss JensenShannon))
    }

    let private symmetric = {
        Name = "the Jensen-Shannon divergence is symmetric, KL is not"
        Statement = "JS(p, q) = JS(q, p)"
        Source = "Lin 1991"
        Guards = "one of the two KLs taken twice"
        Mutation = "the middle of Jensen-Shannon weighed 1 : 3"
        Cases =
            Law.on "divergences" Scene.domain (fun scene ->
                let exchanged =
                    scene
                    |> Scene.mapActors (fun a -> {
                        a with
                            Student = a.Teacher
                            Teacher = a.Student
                    })

                Law.close 1e-5 (loss 1.0 GroupMeans JensenShannon scene) (loss 1.0 GroupMeans JensenShannon exchanged))
    }

    let private floored = {
        Name = "KL(student || teacher) reads no teacher's probability below its floor"
        Statement = "KL(q || max(t, 1e-7)): finite also against one-hot labels, and exact where t is above the floor"
        Source = "the ELBO's own direction, Zhao et al. 2023, section 4, the evidence lower bound"
        Guards = "an infinite loss from a probability that float32 rounded to 0"
        Mutation = "no floor"
        Cases =
            Law.on "divergences" Scene.domain (fun scene ->
                let hardened =
                    scene
                    |> Scene.mapActors (fun a -> {
                        a with
                            Teacher = a.Teacher |> Array.map (fun z -> 1000f * z)
                    })

                let kl = Posterior.kl (Scene.student scene) (Scene.teacher scene)
                let isAbove i = (Scene.teacher scene).Row(i).ToArray() |> Array.forall (fun t -> float t > 1e-6)
                let targets = targets scene
                let weights, rows = Array.create targets.Count 1f, Objective.trainingRows Smoothing.none targets

                System.Double.IsFinite(loss 1.0 GroupMeans StudentToTeacher hardened)
                && Seq.forall
                    (fun at ->
                        let i = targets.Nodes[at]

                        targets.IsGold[at]
                        || not (isAbove i)
                        // 1e-4: the teacher's rows are float32.
                        || Law.close
                            1e-4
                            kl[int i]
                            (Objective.batchLoss StudentToTeacher weights rows targets (Scene.student scene) [ at ]))
                    (seq { 0 .. targets.Count - 1 }))
    }

    let private goldDistance = {
        Name = "gold labels cost -ln q(gold) under every divergence"
        Statement = "L(0) is the same for CE, KL(q || p) and JS"
        Source = "the divergence options are about the teacher"
        Guards = "gold labels that stop correcting a certain and wrong student, as under JS"
        Mutation = "the chosen divergence on gold rows too"
        Cases =
            Law.on "divergences" Scene.domain (fun scene ->
                Problem.reductions
                |> List.forall (fun reduction ->
                    let loss divergence = loss 0.0 reduction divergence scene
                    loss TeacherToStudent = loss StudentToTeacher && loss TeacherToStudent = loss JensenShannon))
    }

    let private scheduled = {
        Name = "each round has its own mix"
        Statement = "with alpha = [a; b], L in round 1 is L(a), in rounds 2, 3, … L(b)"
        Source = "alpha and beta scheduled over rounds"
        Guards = "a schedule of which every round reads the first value"
        Mutation = "rounds counted from 0"
        Cases =
            Law.on "objective" (Scene.withNumbers 0.0 1.0) (fun (scene, (a, b)) ->
                let scheduled = {
                    objective a Sums TeacherToStudent with
                        Mix = [ Problem.mix a; Problem.mix b ]
                }

                let at round = Objective.loss scheduled round (targets scene) (Scene.student scene)
                let constant w = loss w Sums TeacherToStudent scene
                at 1 = constant a && at 2 = constant b && at 7 = constant b)
    }

    let private renamed = {
        Name = "renaming nodes or classes leaves the loss alone"
        Statement = "L(pi problem) = L(problem)"
        Source = "equivariance"
        Guards = "a weight that belongs to another node"
        Mutation = "weights in the reverse order of the targets"
        Cases =
            Law.on
                "objective"
                (Scene.withNumber 0.0 1.0 |> Scene.beside (Gen.choose (0, 1000000)))
                (fun ((scene, w), seed) ->
                    inAll (fun reduction divergence ->
                        let loss scene = loss w reduction divergence scene
                        // 1e-5: sums over classes in another order, from float32 rows.
                        Law.close 1e-9 (loss scene) (loss (Scene.renameNodes (Scene.nodeOrder seed scene) scene))
                        && Law.close
                            1e-5
                            (loss scene)
                            (loss (Scene.renameClasses (Scene.classOrder seed scene) scene))))
    }

    let private nothing = {
        Name = "a step in which nothing has weight is an error that says so"
        Statement = "w = 1 without pseudo labels, w = 0 without gold: an error, not a loss of 0"
        Source = "against the official nan0"
        Guards = "a stage that trains on nothing and reports success"
        Mutation = "the check taken out"
        Cases =
            Law.on "objective" Scene.domain (fun scene ->
                let alone: Targets<Gnn> = Targets.goldOnly (Scene.supervision scene)

                let says weight targets (words: string) =
                    try
                        Objective.nodeWeights Sums (Problem.mix weight) targets |> ignore
                        false
                    with GlemException error ->
                        (GlemError.message error).Contains words

                says 1.0 alone "0 pseudo" && says 0.0 (Targets.weighing (Problem.mix 1.0) (targets scene)) "0 gold")
    }

    let chapter = {
        Title = "The objective"
        Laws = [
            linear
            paper
            groupMeans
            certainty
            batches
            alphaZero
            withoutWeight
            goldDistance
            notNegative
            atEquality
            symmetric
            floored
            scheduled
            renamed
            nothing
        ]
    }
