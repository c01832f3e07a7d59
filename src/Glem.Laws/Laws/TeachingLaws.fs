namespace Glem.Laws

open FsCheck.FSharp
open Glem

/// Which nodes teach, and what.
module TeachingLaws =
    let private pool scene = Pool.unlabelled (Scene.supervision scene)
    let private keep filter scene = Filter.keep filter Sureness.confidence (Scene.teacher scene) (pool scene)
    let private everyNode (scene: Scene) = Array.init scene.NodeCount (fun i -> i * 1<node>)

    let private nodesIn parts (scene: Scene) =
        everyNode scene |> Array.filter (fun i -> List.contains scene.Actors[int i].Part parts)

    let private round scene number : Turn = {
        Round = number
        Key = Key.ofSeed 3 |> Key.at number
        SideKey = Key.ofSeed (scene: Scene).NodeCount
    }

    let private withSetting = Problem.upTo 5 40

    let private targetsOf number (problem: Problem) =
        Teaching.targets
            (Problem.teaching problem)
            (Scene.supervision problem.Scene)
            (round problem.Scene number)
            (Scene.teacher problem.Scene)

    let private pools = {
        Name = "a pool holds the nodes of its parts, and never a training node"
        Statement = "unlabelled = V \\ L; held-out = valid + test; validation; unassigned: each by the split alone"
        Source = "official code: pool = ~is_gold; papers100M: valid + test"
        Guards = "a gold node that is taught by the teacher; an unlabelled node that is forgotten"
        Mutation = "held-out without the validation nodes"
        Cases =
            Law.on "pools" Scene.domain (fun scene ->
                let supervision, split = Scene.supervision scene, Scene.split scene

                Pool.unlabelled supervision = nodesIn [ Valid; Test; Unassigned ] scene
                && Pool.heldOut split supervision = nodesIn [ Valid; Test ] scene
                && Pool.validation split supervision = nodesIn [ Valid ] scene
                && Pool.unassigned split supervision = nodesIn [ Unassigned ] scene)
    }

    let private exactSize = {
        Name = "a top fraction keeps exactly its share of the pool"
        Statement = "|Top r| = floor(r |pool|), and Top 1 is the pool"
        Source = "official code, pl_filter: topk(int(r |pool|))"
        Guards = "a threshold where a fraction is meant; 0.29 of 100 = 28"
        Mutation = "a share rounded up"
        Cases =
            Law.on "filters" (Scene.withNumber 0.0 1.0) (fun (scene, share) ->
                // Thousandths in whole numbers: the expected size does not depend on floating point.
                let expected = int (System.Math.Round(1000.0 * share)) * (pool scene).Length / 1000

                (keep (Top(Problem.fraction share)) scene).Length = expected
                && keep (Top Fraction.all) scene = pool scene)
    }

    let private nested = {
        Name = "a stricter filter keeps a subset, and never a gold node"
        Statement = "r <= s: Top r is in Top s, Balanced r in Balanced s, AtLeast s in AtLeast r; all in the pool"
        Source = "official code, pl_filter"
        Guards = "a filter that ranks all nodes, gold ones included; ties that fall differently at each size"
        Mutation = "ties broken by a hash of node and size"
        Cases =
            Law.on "filters" (Scene.withNumbers 0.0 1.0) (fun (scene, (a, b)) ->
                let low, high = min a b, max a b
                let isWithin smaller larger = Set.isSubset (set (keep smaller scene)) (set (keep larger scene))
                let all = set (pool scene)

                isWithin (Top(Problem.fraction low)) (Top(Problem.fraction high))
                && isWithin (Balanced(Problem.fraction low)) (Balanced(Problem.fraction high))
                && isWithin (AtLeast high) (AtLeast low)
                && Set.isSubset (set (keep (AtLeast low) scene)) all
                && Set.isSubset (set (keep (Balanced(Problem.fraction high)) scene)) all)
    }

    let private surest = {
        Name = "a filter keeps nobody less sure than one it drops, and of equals the lower node"
        Statement =
            "k kept, d dropped: s_k > s_d, or s_k = s_d and k < d; for Balanced among nodes of one predicted class"
        Source = "official code, pl_filter"
        Guards = "ties that another machine breaks otherwise"
        Mutation = "the least sure kept"
        Cases =
            Law.on "filters" (Scene.withNumber 0.0 1.0) (fun (scene, share) ->
                let teacher = Scene.teacher scene
                // As the filter reads them: float32 probabilities.
                let sure (i: int<node>) = teacher.Row(i).ToArray() |> Array.max
                let predicted = Posterior.argmax teacher

                let isFair filter isComparable =
                    let kept = set (keep filter scene)
                    let dropped = Set.difference (set (pool scene)) kept

                    Seq.allPairs kept dropped
                    |> Seq.forall (fun (k, d) ->
                        not (isComparable k d) || sure k > sure d || (sure k = sure d && k < d))

                isFair (Top(Problem.fraction share)) (fun _ _ -> true)
                && isFair (Balanced(Problem.fraction share)) (fun k d -> predicted[int k] = predicted[int d])
                && isFair (AtLeast share) (fun k d -> sure k <> sure d))
    }

    let private balanced = {
        Name = "a balanced filter gives no class more than its share"
        Statement = "of each predicted class min(its size, floor(r |pool|) / c) nodes are kept"
        Source = "per-class selection, as in Zou et al. 2018 (CBST)"
        Guards = "a frequent class that drowns the rare ones"
        Mutation = "the whole share for each class"
        Cases =
            Law.on "filters" (Scene.withNumber 0.0 1.0) (fun (scene, share) ->
                let predicted = Posterior.argmax (Scene.teacher scene)

                let sizes nodes =
                    Array.init scene.ClassCount (fun k ->
                        nodes |> Array.filter (fun i -> int predicted[int i] = k) |> Array.length)

                let quota = (Problem.fraction share).Of (pool scene).Length / scene.ClassCount
                sizes (keep (Balanced(Problem.fraction share)) scene) = (sizes (pool scene) |> Array.map (min quota)))
    }

    let private poolOrder = {
        Name = "a filter does not depend on the order of its pool"
        Statement = "keep f (reverse pool) = keep f pool"
        Source = "a pool is a set"
        Guards = "ties that fall to whoever is listed first"
        Mutation = "ties in the order of the pool"
        Cases =
            Law.on "filters" Scene.withSeed (fun (scene, seed) ->
                Problem.filters
                |> List.forall (fun filter ->
                    let shuffled = Key.shuffle (Key.ofSeed seed) (pool scene)
                    Filter.keep filter Sureness.confidence (Scene.teacher scene) shuffled = keep filter scene))
    }

    let private windowSizes =
        Gen.zip3 (Gen.choose (1, 30)) (Gen.choose (1, 40)) (Gen.choose (0, 1000000)) |> Arb.fromGen

    let private windowCovers = {
        Name = "windows cover exactly: a full turn of them teaches every node equally often"
        Statement = "for n nodes and size s, in any n consecutive rounds every node is in s windows"
        Source = "official code, inf_node_ranges: its window is empty whenever (i + 1) s = 0 mod 2n"
        Guards = "an empty window; a node that is skipped where the window wraps around"
        Mutation = "no wrap-around: the window ends with the list"
        Cases =
            Law.on "sampling" windowSizes (fun (n, size, seed) ->
                let nodes = Array.init n (fun i -> i * 1<node>)
                let size = min size n
                let first = 1 + seed % 50

                let turns =
                    [| first .. first + n - 1 |]
                    |> Array.map (fun round -> Sampling.window (Key.ofSeed seed) round size nodes)

                turns |> Array.forall (fun window -> window.Length = size && Array.distinct window = window)
                && turns |> Array.concat |> Array.countBy id |> Array.map snd = Array.create n size)
    }

    let private windowsFollow = {
        Name = "no node teaches twice before every node has taught"
        Statement = "the first ceil(n / s) windows cover all n nodes"
        Source = "official code, inf_tr_n_nodes"
        Guards = "windows that are drawn independently of each other"
        Mutation = "every round starts its window at the round's number instead of where the last one ended"
        Cases =
            Law.on "sampling" windowSizes (fun (n, size, seed) ->
                let nodes = Array.init n (fun i -> i * 1<node>)
                let size = min size n
                let rounds = (n + size - 1) / size

                [ 1..rounds ]
                |> List.collect (fun round -> Sampling.window (Key.ofSeed seed) round size nodes |> List.ofArray)
                |> List.distinct
                |> List.length
                    =
                    n)
    }

    let private epochs = {
        Name = "each epoch teaches all gold labels and exactly its number of pseudo labels, never one twice"
        Statement = "|epoch e| = |gold| + min(ceil(r |L|), |kept|) for every e; every position is legal and differs"
        Source = "official code, GCN: int(|train| * gnn_pl_ratio) nodes re-sampled in every epoch"
        Guards = "epochs of different sizes, whose loss would have another scale; draws with replacement"
        Mutation = "one pseudo label fewer in odd epochs"
        Cases =
            Law.on "sampling" (withSetting |> Scene.beside (Gen.choose (0, 100))) (fun (problem, epoch) ->
                let problem =
                    problem
                    |> Problem.mapSetting (fun setting -> {
                        setting with
                            Sampling = EachEpoch(Problem.ratio 0.5)
                    })

                let targets = targetsOf 1 problem
                let positions = Targets.epoch epoch targets
                let gold, pseudo = positions |> Array.partition (fun at -> targets.IsGold[at])
                let kept = (keep problem.Setting.Filter problem.Scene).Length
                let train = (Scene.gold problem.Scene).Length

                Array.distinct positions = positions
                && Array.sort positions = positions
                && gold.Length = train
                && pseudo.Length = targets.PseudoPerEpoch
                && pseudo.Length = min kept ((train + 1) / 2))
    }

    let private redrawn = {
        Name = "epochs draw anew, and the same key draws the same"
        Statement = "epoch e is a function of the key and e; over 20 epochs every node of a half-sized sample teaches"
        Source = "official code, GCN"
        Guards = "the unshuffled pseudo-label loader of the official GAMLP, whose first nodes teach in every epoch"
        Mutation = "the epoch's number left out of its key"
        Cases =
            Law.on "sampling" Scene.withSeed (fun (scene, seed) ->
                let supervision = Scene.supervision scene
                let nodes = pool scene
                // A node that is in half of the draws is in none of 60 with probability 2^-60.
                let size = (nodes.Length + 1) / 2

                let targets () =
                    Targets.ofTeacher supervision (Scene.teacher scene) nodes
                    |> Targets.drawnEachEpoch (Key.ofSeed seed) size

                let epochs targets = [| 0..59 |] |> Array.map (fun epoch -> Targets.epoch epoch targets)

                epochs (targets ()) = epochs (targets ())
                && (epochs (targets ()) |> Array.concat |> Array.distinct |> Array.length) = (targets ()).Count)
    }

    let private goldIsGold = {
        Name = "a training node's target is its gold label, one-hot, whatever the teacher thinks and whoever is asked"
        Statement = "n in L: target_n = e_{y_n}, also where n is in the pool"
        Source = "Zhao et al. 2023, equations 5 and 6; official code, SeqGraph.y_hat"
        Guards = "gold rows overwritten by pseudo labels"
        Mutation = "the teacher's row for every node of the pool"
        Cases =
            Law.on "targets" Scene.domain (fun scene ->
                let targets = Targets.ofTeacher (Scene.supervision scene) (Scene.teacher scene) (everyNode scene)
                let position = targets.Nodes |> Array.indexed |> Array.map (fun (at, i) -> i, at) |> Map.ofArray

                Scene.gold scene
                |> Array.forall (fun (i, k) ->
                    let at = position[i]
                    let row = targets.Rows.Slice(at * scene.ClassCount, scene.ClassCount).ToArray()
                    targets[at] = Gold k && row = Array.init scene.ClassCount (fun j -> if j = int k then 1f else 0f)))
    }

    let private onlyKept = {
        Name = "what is taught is gold, and the teacher's rows of kept nodes, and nothing else"
        Statement = "pseudo nodes are kept by the filter (exactly they, with sampling All); their row is softened p_n"
        Source = "Zhao et al. 2023, equation 5"
        Guards = "a filter that is computed and not used; a row of another node"
        Mutation = "the rows of the node before"
        Cases =
            Law.on "targets" withSetting (fun problem ->
                let scene = problem.Scene
                let targets = targetsOf 1 problem
                let kept = keep problem.Setting.Filter scene

                let pseudo = [|
                    for at in 0 .. targets.Count - 1 do
                        if not targets.IsGold[at] then
                            targets.Nodes[at]
                |]

                let row (i: int<node>) =
                    match problem.Setting.Softness with
                    | Soft tau -> Some((Posterior.sharpen tau (Scene.teacher scene)).Row(i).ToArray())
                    | Hard -> Some((Posterior.harden (Scene.teacher scene)).Row(i).ToArray())
                    | Sampled _ -> None

                let isItsOwn at =
                    match targets[at], row targets.Nodes[at] with
                    | Pseudo taught, Some expected -> taught = expected
                    | Pseudo taught, None -> Array.max taught = 1f && Array.sum taught = 1f
                    | Gold _, _ -> true

                (match problem.Setting.Sampling with
                 | Window _ -> Set.isSubset (set pseudo) (set kept)
                 | _ -> pseudo = kept)
                && (targets.Nodes |> Array.filter (fun i -> scene.Actors[int i].Part = Train)) =
                    (Scene.gold scene |> Array.map fst)
                && Seq.forall isItsOwn (seq { 0 .. targets.Count - 1 }))
    }

    let private distributions = {
        Name = "every target is a distribution, smoothed or not"
        Statement = "sum_k t_nk = 1, t_nk >= 0, for every softness and every smoothing share"
        Source = "Szegedy et al. 2016 (label smoothing); official code, label_smoothing_factor"
        Guards = "smoothing that adds s/c without taking s away"
        Mutation = "smoothing without the factor 1 - s"
        Cases =
            Law.on
                "targets"
                (withSetting |> Scene.beside (Gen.zip (Scene.number 0.0 1.0) (Scene.number 0.0 1.0)))
                (fun (problem, (gold, pseudo)) ->
                    let isDistribution (row: float32[]) =
                        Array.forall (fun t -> t >= 0f) row && Law.close 1e-5 1.0 (Array.sumBy float row)

                    Objective.trainingRows { Gold = gold; Pseudo = pseudo } (targetsOf 1 problem)
                    |> Array.chunkBySize problem.Scene.ClassCount
                    |> Array.forall isDistribution)
    }

    let private smoothing = {
        Name = "smoothing reaches its own group only"
        Statement = "t'_n = (1 - s) t_n + s/c with gold's s on gold rows and the pseudo labels' s on theirs"
        Source = "Szegedy et al. 2016; official code smooths both with one factor"
        Guards = "pseudo labels that are smoothed by the gold labels' share"
        Mutation = "gold's share on both groups"
        Cases =
            Law.on
                "targets"
                (withSetting |> Scene.beside (Gen.zip (Scene.number 0.0 1.0) (Scene.number 0.0 1.0)))
                (fun (problem, (gold, pseudo)) ->
                    let targets = targetsOf 1 problem
                    let c = problem.Scene.ClassCount
                    let rows share = Objective.trainingRows share targets |> Array.chunkBySize c
                    let plain, smoothed = rows Smoothing.none, rows { Gold = gold; Pseudo = pseudo }

                    [| 0 .. targets.Count - 1 |]
                    |> Array.forall (fun at ->
                        let s = if targets.IsGold[at] then gold else pseudo

                        Array.forall2
                            (fun t t' -> Law.close 1e-5 ((1.0 - s) * float t + s / float c) (float t'))
                            plain[at]
                            smoothed[at]))
    }

    let private perRound = {
        Name = "a setting per round has its own value in each round, and the last one holds on"
        Statement = "v_r = values[min(r, length)], r = 1, 2, …"
        Source = "schedules over rounds"
        Guards = "rounds counted from 0, so that the first value is never read"
        Mutation = "rounds counted from 0"
        Cases =
            Law.on "schedules" (Gen.zip (Gen.choose (1, 5)) (Gen.choose (1, 12)) |> Arb.fromGen) (fun (length, round) ->
                PerRound.at round [ 1..length ] = min round length)
    }

    let private heldOut = {
        Name = "held-out labels do not change what a student is taught"
        Statement = "targets are a function of the training labels, the teacher and the turn"
        Source = "Supervision (src/Glem.Model/Supervision.fs) cannot be asked for a held-out label"
        Guards = "test labels that reach training"
        Mutation = "Supervision built from the labels of training and validation nodes"
        Cases =
            Law.on "targets" withSetting (fun problem ->
                targetsOf 2 problem =
                    targetsOf 2 (Problem.mapScene (Scene.relabel [ Valid; Test; Unassigned ]) problem))
    }

    let private renamed = {
        Name = "renaming nodes or classes renames the targets"
        Statement = "targets(pi problem) = pi targets(problem), without ties and draws"
        Source = "equivariance"
        Guards = "an index that is mistaken for another"
        Mutation = "the rows of the node before"
        Cases =
            Law.on "targets" Scene.withSeed (fun (scene, seed) ->
                let teaching softness scene : Teaching = {
                    Pool = pool scene
                    Filter = AtLeast 0.5
                    Sureness = Sureness.confidence
                    Sampling = All
                    Softness = [ softness ]
                }

                let byNode (scene: Scene) =
                    let targets =
                        Teaching.targets
                            (teaching (Soft Temperature.one) scene)
                            (Scene.supervision scene)
                            (round scene 1)
                            (Scene.teacher scene)

                    Array.zip targets.Nodes (targets.Rows.ToArray() |> Array.chunkBySize scene.ClassCount)
                    |> Map.ofArray

                let order = Scene.nodeOrder seed scene

                let moved =
                    byNode scene |> Map.toSeq |> Seq.map (fun (i, row) -> order[int i] * 1<node>, row) |> Map.ofSeq

                let names = Scene.classOrder seed scene
                let recoloured = byNode (Scene.renameClasses names scene)

                byNode (Scene.renameNodes order scene) = moved
                // Sums over classes in another order round otherwise; a confidence on the threshold may cross it.
                && (byNode scene
                    |> Map.forall (fun i row ->
                        match recoloured.TryFind i with
                        | Some other ->
                            row
                            |> Array.indexed
                            |> Array.forall (fun (k, x) -> Law.close 1e-6 (float x) (float other[names[k]]))
                        | None -> abs (Array.max row - 0.5f) < 1e-6f)))
    }

    let private controls = {
        Name = "a control changes who teaches and nothing else"
        Statement =
            "shuffled: the same rows on the same pool; itself: the student's; oracle: the label's corner; gold untouched"
        Source = "our own: EM's gain against size-matched random labels, self-training and a ceiling"
        Guards = "a control that also changes how many teach, or how sure they are"
        Mutation = "rows handed round among all nodes, training nodes too"
        Cases =
            Law.on "teachers" Scene.withSeed (fun (scene, seed) ->
                let other, own, pool = Scene.teacher scene, Scene.student scene, pool scene
                let says teacher = Teacher.says teacher (Key.ofSeed seed) pool own other
                let row (posterior: Posterior<'s>) i = posterior.Row(i).ToArray()
                let outside = everyNode scene |> Array.except pool
                let shuffled, truth = says Shuffled, says (Oracle(Scene.audit scene))

                says Other = other
                && row (says Itself) 0<node> = row own 0<node>
                && outside |> Array.forall (fun i -> row shuffled i = row other i)
                && (pool |> Array.map (row shuffled) |> Array.sort) = (pool |> Array.map (row other) |> Array.sort)
                && everyNode scene
                   |> Array.forall (fun i ->
                       match (Scene.audit scene).Label i with
                       | ValueSome label -> (row truth i)[int label] = 1f
                       | ValueNone -> row truth i = row other i))
    }

    let chapter = {
        Title = "Who teaches, and what"
        Laws = [
            pools
            exactSize
            nested
            surest
            balanced
            poolOrder
            windowCovers
            windowsFollow
            epochs
            redrawn
            goldIsGold
            onlyKept
            distributions
            smoothing
            perRound
            heldOut
            renamed
            controls
        ]
    }
