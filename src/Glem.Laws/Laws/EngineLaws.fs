namespace Glem.Laws

open System.Collections.Generic
open FsCheck.FSharp
open Glem

/// What EM keeps to, whichever students fill its two sides.
module EngineLaws =
    let private rounds = 2

    /// What a computation came to: its answer, or the error that stopped it.
    let private outcome (f: unit -> 'a) =
        try
            Ok(f ())
        with GlemException error ->
            Error error

    let private states instance problem = outcome (fun () -> Instance.run rounds instance problem)

    let private simplex = {
        Name = "after any number of steps, what a student says is on the simplex"
        Statement = "p_nk >= 0, sum_k p_nk = 1 in every state"
        Source = "Zhao et al. 2023, section 4"
        Guards = "a step that hands on logits as probabilities"
        Mutation = "probabilities exp(z_k) instead of exp(z_k) / sum_j exp(z_j)"
        Cases =
            Instance.cases Instances.all (fun instance problem ->
                Instance.run rounds instance problem
                |> List.forall (fun state ->
                    Instance.said state
                    |> Array.chunkBySize problem.Scene.ClassCount
                    |> Array.forall (fun row ->
                        Array.forall (fun p -> p >= 0f) row && Law.close 1e-5 1.0 (Array.sumBy float row))))
    }

    let private goldSurvives = {
        Name = "gold labels survive any number of rounds"
        Statement = "in every state, the targets that the next step is given have e_{y_n} on every n in L"
        Source = "Zhao et al. 2023, equations 5 and 6"
        Guards = "gold rows that a round overwrites"
        Mutation = "the teacher's row for every node of the pool"
        Cases =
            Instance.cases Instances.all (fun instance problem ->
                let supervision = Scene.supervision problem.Scene
                let everyone = Array.init problem.Scene.NodeCount (fun i -> i * 1<node>)

                let teaching = {
                    Problem.teaching problem with
                        Pool = everyone
                        Sampling = All
                }

                let keepsGold (targets: Targets<'t>) =
                    let taught =
                        Array.zip targets.Nodes (Array.init targets.Count (fun at -> targets[at])) |> Map.ofArray

                    Scene.gold problem.Scene |> Array.forall (fun (i, k) -> taught[i] = Gold k)

                Instance.run rounds instance problem
                |> List.forall (fun state ->
                    match state with
                    | ReadyForE(p = p) ->
                        Targets.ofTeacher supervision p everyone |> keepsGold
                        && Teaching.targets teaching supervision (Em.turn state) p |> keepsGold
                    | ReadyForM(q = q) ->
                        Targets.ofTeacher supervision q everyone |> keepsGold
                        && Teaching.targets teaching supervision (Em.turn state) q |> keepsGold))
    }

    let private alternates = {
        Name = "steps alternate, two a round, beginning with the side that the order names"
        Statement = "LM-first: q1 p1 q2 p2 …; GNN-first: p1 q1 p2 q2 …"
        Source = "official code, em_order"
        Guards = "a round that counts from 0 for one side and from 1 for the other"
        Mutation = "the round of a step counted as steps / 2"
        Cases =
            Instance.cases Instances.all (fun instance problem ->
                let made =
                    Instance.run rounds instance problem
                    |> List.map (fun state ->
                        match Em.fitted state with
                        | Pretrained -> "pre-trained"
                        | FittedQ(round, _, _) -> $"q%d{round}"
                        | FittedP(round, _, _) -> $"p%d{round}")

                (Em.fitted (instance.Start problem)).IsPretrained
                && made =
                    match problem.Setting.Order with
                    | LmFirst -> [ "q1"; "p1"; "q2"; "p2" ]
                    | GnnFirst -> [ "p1"; "q1"; "p2"; "q2" ])
    }

    let private turns = {
        Name = "no two fits of a run get the same key, and each gets its round"
        Statement = "the turns' keys differ; their rounds are 1 1 2 2 3 3; a side's own key is the same in all"
        Source = "randomness is a key, split per stage and round (src/Glem.Model/Key.fs)"
        Guards = "two stages that draw the same dropout masks"
        Mutation = "both sides' keys named alike"
        Cases =
            Instance.cases [ Tables.instance ] (fun instance problem ->
                let seen = List<string * Turn>()
                let steps = instance.Steps problem

                let watched: Steps = {
                    FitQ =
                        fun turn phi p theta ->
                            seen.Add("q", turn)
                            steps.FitQ turn phi p theta
                    FitP =
                        fun turn theta q phi ->
                            seen.Add("p", turn)
                            steps.FitP turn theta q phi
                }

                instance.Start problem |> Em.run 3 watched |> Seq.iter ignore

                (seen |> Seq.map (fun (_, turn) -> turn.Round) |> List.ofSeq) = [ 1; 1; 2; 2; 3; 3 ]
                && (seen |> Seq.map (fun (_, turn) -> turn.Key) |> Seq.distinct |> Seq.length) = 6
                && (seen |> Seq.map (fun (side, turn) -> side, turn.SideKey) |> Seq.distinct |> Seq.length) = 2
                && (seen |> Seq.map (fun (_, turn) -> turn.SideKey) |> Seq.distinct |> Seq.length) = 2)
    }

    let private isLazy = {
        Name = "a run is lazy: asking for the first state runs one step"
        Statement = "head (run f s) calls f once"
        Source = "a run is a lazily unfolded sequence of states (src/Glem.Model/Em.fs)"
        Guards = "a shell that cannot stop, show or snapshot between two steps"
        Mutation = "the run collected into a list"
        Cases =
            Instance.cases [ Tables.instance ] (fun instance problem ->
                let mutable calls = 0
                let steps = instance.Steps problem

                let counted: Steps = {
                    FitQ =
                        fun turn phi p theta ->
                            calls <- calls + 1
                            steps.FitQ turn phi p theta
                    FitP =
                        fun turn theta q phi ->
                            calls <- calls + 1
                            steps.FitP turn theta q phi
                }

                instance.Start problem |> Em.run 100 counted |> Seq.head |> ignore
                calls = 1)
    }

    let private teacherStays = {
        Name = "a student's step leaves its teacher's parameters as they are"
        Statement = "E-step: phi_t+1 = phi_t; M-step: theta_t+1 = theta_t, bit for bit"
        Source = "Zhao et al. 2023, section 4: phi fixed, theta fixed"
        Guards = "gradients that flow through the LM's embeddings; tensors that two students share"
        Mutation = "a graph model that scales the LM's embeddings in place"
        Cases =
            Instance.cases Instances.all (fun instance problem ->
                let start = instance.Start problem

                start :: Instance.run rounds instance problem
                |> List.pairwise
                |> List.forall (fun (before, after) ->
                    let theta, phi = Instance.parameters before
                    let thetaAfter, phiAfter = Instance.parameters after

                    match before with
                    | ReadyForE _ -> phi = phiAfter && phi.IsUntouched
                    | ReadyForM _ -> theta = thetaAfter && theta.IsUntouched))
    }

    let private otherRows (posterior: Posterior<'s>) : Posterior<'s> =
        posterior.Logits.ToArray() |> Array.rev |> Posterior.ofLogits posterior.ClassCount

    let private both (alpha: float) =
        Problem.mapSetting (fun setting -> {
            setting with
                Alpha = alpha
                Beta = alpha
        })

    let private ignoresTeacher = {
        Name = "at alpha = 0 the E-step does not depend on the teacher, bit for bit; the same for beta and the M-step"
        Statement =
            "alpha = 0: FitQ(turn, phi, p, theta) = FitQ(turn, phi, p', theta) for all p, p', filters and samplings"
        Source = "Zhao et al. 2023, equations 5 and 6"
        Guards =
            "the official code at alpha = 0: the teacher's filter still decides the batches, their number, and the checkpoint"
        Mutation = "lessons that keep targets of weight 0"
        Cases =
            Instance.cases Instances.withMix (fun instance problem ->
                let problem = both 0.0 problem
                let steps = instance.Steps problem
                let state = instance.Start problem

                // What p says may read q as a feature; what p learns may not.
                match state with
                | ReadyForE(theta = theta; phi = phi; p = p) ->
                    steps.FitQ (Em.turn state) phi p theta = steps.FitQ (Em.turn state) phi (otherRows p) theta
                | ReadyForM(theta = theta; phi = phi; q = q) ->
                    let learn q = steps.FitP (Em.turn state) theta q phi |> fst
                    learn q = learn (otherRows q))
    }

    let private ignoresGold = {
        Name = "at alpha = 1 the E-step does not depend on gold labels, bit for bit; the same for beta and the M-step"
        Statement =
            "alpha = 1: FitQ(y_L) = FitQ(y'_L) for all y_L, y'_L, apart from labels that a model reads as features"
        Source = "Zhao et al. 2023, equations 5 and 6"
        Guards = "gold labels that are trained on with weight 0, and batched"
        Mutation = "a weight of at least 1e-6 for both groups"
        Cases =
            Instance.cases Instances.withMix (fun instance problem ->
                let problem = both 1.0 problem
                let other = Problem.mapScene (Scene.relabel [ Train ]) problem
                let state = instance.Start problem

                // Where the filter keeps nobody there is nothing to learn: the same error for both.
                let fit problem =
                    outcome (fun () ->
                        let steps = instance.Steps problem

                        match state with
                        | ReadyForE(theta = theta; phi = phi; p = p) ->
                            steps.FitQ (Em.turn state) phi p theta |> fun (theta, q) -> theta, q.Rows.ToArray()
                        | ReadyForM(theta = theta; phi = phi; q = q) ->
                            steps.FitP (Em.turn state) theta q phi |> fun (phi, p) -> phi, p.Rows.ToArray())

                fit problem = fit other)
    }

    let private testLabels = {
        Name = "other test labels change no bit of any parameter or prediction"
        Statement = "run(y_test) = run(y'_test), states and all"
        Source = "the poison test"
        Guards = "a test label that reaches training or selection"
        Mutation = "Validation built from validation and test nodes"
        Cases =
            Instance.cases Instances.all (fun instance problem ->
                states instance problem =
                    states instance (Problem.mapScene (Scene.relabel [ Test; Unassigned ]) problem))
    }

    let private validationLabels = {
        Name = "tables, which choose no checkpoint, do not depend on validation labels either"
        Statement = "run(y_valid) = run(y'_valid)"
        Source = "the poison test"
        Guards = "a validation label that teaches"
        Mutation = "Supervision built from the labels of training and validation nodes"
        Cases =
            Instance.cases [ Tables.instance; ExactTables.meanField; ExactTables.joint ] (fun instance problem ->
                states instance problem = states instance (Problem.mapScene (Scene.relabel [ Valid ]) problem))
    }

    let private resumes = {
        Name = "a run resumed at any of its states equals the uninterrupted one"
        Statement = "drop (k + 1) (run s_0) = run s_k for every k, bit for bit"
        Source = "against the official --em_range, which loses the history"
        Guards = "state outside the state: a generator, an optimiser, a counter"
        Mutation = "rounds counted from where the run was resumed"
        Cases =
            Instance.cases Instances.all (fun instance problem ->
                let whole = Instance.run rounds instance problem

                whole
                |> List.indexed
                |> List.forall (fun (at, state) ->
                    (Em.run rounds (instance.Steps problem) state |> Seq.toList) = List.skip (at + 1) whole))
    }

    let private watched rule (instance: Instance) problem =
        let validation = Scene.validation problem.Scene

        Convergence.start validation (instance.Start problem)
        |> Convergence.run rule validation (instance.Steps problem)
        |> Seq.toList

    let private rules =
        Gen.zip (Gen.elements [ 0.0; 0.05; 0.3; 1.0 ]) (Gen.elements [ 0; 1; 2 ])
        |> Gen.map (fun (epsilon, patience) -> {
            Rounds = 3
            Epsilon = epsilon
            Patience = patience
        })

    let private stopsAlike = {
        Name = "a run that is watched for convergence, resumed at any state, stops where the uninterrupted one does"
        Statement = "drop (k + 1) (run rule w_0) = run rule w_k; patience and epsilon count on"
        Source = "early stopping (Prechelt 1998), on rounds instead of epochs"
        Guards = "patience that starts again with the process"
        Mutation = "a resumed run that counts its patience anew"
        Cases =
            Instance.casesBeside
                rules
                [ Tables.instance; ExactTables.meanField; ExactTables.joint; Networks.twoGnns ]
                (fun instance (problem, rule) ->
                    let whole = watched rule instance problem
                    let validation = Scene.validation problem.Scene

                    whole
                    |> List.indexed
                    |> List.forall (fun (at, state) ->
                        (Convergence.run rule validation (instance.Steps problem) state |> Seq.toList) =
                            List.skip (at + 1) whole))
    }

    let private stopsInTime = {
        Name = "a stop rule ends a run after a whole round, at most its number of rounds, and only when it says so"
        Statement =
            "a stopped run is a prefix of the unstopped one; it is over iff rounds are done, both sides moved < epsilon, or patience ran out"
        Source = "early stopping (Prechelt 1998), on rounds instead of epochs"
        Guards = "a run that is cut between E-step and M-step; a posterior compared with itself"
        Mutation = "a run that settles as soon as one side has"
        Cases =
            Instance.casesBeside rules [ Tables.instance; ExactTables.joint ] (fun instance (problem, rule) ->
                let unstopped = watched (StopRule.rounds rule.Rounds) instance problem
                let stopped = watched rule instance problem
                let validation = Scene.validation problem.Scene

                let accuracy state =
                    match state with
                    | ReadyForE(p = p) -> Predictions.onValidation validation p |> Metrics.accuracy
                    | ReadyForM(q = q) -> Predictions.onValidation validation q |> Metrics.accuracy

                // Recomputed from the states alone: what each side said in round r, and the best accuracy up to it.
                let start = instance.Start problem
                let states = start :: (unstopped |> List.map _.State)

                let moved (now: float32[]) (before: float32[]) =
                    Array.map2 (fun x y -> abs (float x - float y)) now before
                    |> Array.sum
                    |> fun sum -> sum / 2.0 / float problem.Scene.NodeCount

                let isOver round =
                    let at = 2 * round
                    let has side = at - side - 2 >= 0

                    let settled side =
                        has side
                        && moved (Instance.said states[at - side]) (Instance.said states[at - side - 2]) < rule.Epsilon

                    let accuracies = states |> List.take (at + 1) |> List.map accuracy
                    let bestRound = (List.findIndex ((=) (List.max accuracies)) accuracies + 1) / 2

                    round = rule.Rounds
                    || (settled 0 && settled 1)
                    || (rule.Patience > 0 && round - bestRound >= rule.Patience)

                let last = Seq.find isOver (seq { 1 .. rule.Rounds })
                stopped = List.take (2 * last) unstopped)
    }

    let private reproducible = {
        Name = "the same configuration and seed give the same bits"
        Statement = "run(problem) = run(problem), twice in one process"
        Source = "reproducibility: docs/reproducibility.md"
        Guards = "a clock, a hash, a global generator, a reduction whose order is luck"
        Mutation = "keys that absorb the process's clock"
        Cases = Instance.cases Instances.all (fun instance problem -> states instance problem = states instance problem)
    }

    let private seedsMatter = {
        Name = "different seeds differ in every stage"
        Statement = "seed <> seed': theta_t and phi_t differ after every step"
        Source = "against the official code, whose pre-training and LM ignore the seed"
        Guards = "a stage that is the same in all ten of ten runs"
        Mutation = "every turn's key from seed 0"
        Cases =
            Instance.cases Instances.random (fun instance problem ->
                // From one state, so that each step must differ by its own key.
                let next (state: State) seed : State =
                    let key = Key.ofSeed seed

                    match state with
                    | ReadyForE(steps, _, theta, phi, p) -> ReadyForE(steps, key, theta, phi, p)
                    | ReadyForM(steps, _, theta, phi, q) -> ReadyForM(steps, key, theta, phi, q)
                    |> Em.step (instance.Steps problem)

                let start, seed = instance.Start problem, problem.Setting.Seed
                let first, other = next start seed, next start (seed + 1)

                let differ before (a: State) (b: State) =
                    let thetaA, phiA = Instance.parameters a
                    let thetaB, phiB = Instance.parameters b

                    match (before: State) with
                    | ReadyForE _ -> thetaA <> thetaB
                    | ReadyForM _ -> phiA <> phiB

                // One class leaves networks nothing to learn, by whatever luck.
                problem.Scene.ClassCount = 1
                || (differ start first other && differ first (next first seed) (next first (seed + 1))))
    }

    let private nanStops = {
        Name = "a NaN in a student's parameters stops the run and names its place"
        Statement =
            "NaN in theta (E-step next) or phi (M-step next): an error that names the node, or the step and its loss"
        Source = "against the official nan0"
        Guards = "a diverged student that goes on to teach"
        Mutation = "the checks of rows and losses taken out"
        Cases =
            Instance.cases Instances.all (fun instance problem ->
                // With something to learn in both steps.
                let problem = both 0.3 problem

                try
                    instance.Spoilt problem |> Em.step (instance.Steps problem) |> ignore
                    false
                with GlemException error ->
                    let message = GlemError.message error
                    message.Contains "NaN" && (message.Contains "node " || message.Contains "-step 1"))
    }

    let private renamed = {
        Name = "renaming nodes renames what both sides say"
        Statement = "run(pi problem) = pi run(problem), without draws and ties, up to rounding"
        Source = "equivariance of the engine, the tables, BERT and the GCN"
        Guards = "an index that is mistaken for another; a node's place that leaks into its prediction"
        Mutation = "the rows of the node before"
        Cases =
            Instance.casesBeside (Gen.choose (0, 1000000)) Instances.equivariant (fun instance (problem, seed) ->
                let still =
                    problem
                    |> Problem.mapSetting (fun setting -> {
                        setting with
                            IsNoisy = false
                            Filter = Everyone
                            Sampling = All
                            Softness = Soft Temperature.one
                            Divergence = TeacherToStudent
                    })

                // Weights that differ by rounding may choose another of two checkpoints: the first step alone has one.
                let order = Scene.nodeOrder seed still.Scene
                let last problem = Instance.run 1 instance problem |> List.last |> Instance.said
                let before, after = last still, last (Problem.mapScene (Scene.renameNodes order) still)
                let c = still.Scene.ClassCount

                Seq.forall
                    (fun cell -> Law.close 1e-3 (float before[cell]) (float after[order[cell / c] * c + cell % c]))
                    (seq { 0 .. before.Length - 1 }))
    }

    let private recoloured = {
        Name = "renaming classes renames what both sides say"
        Statement = "run(sigma problem) = sigma run(problem), where no weights are drawn for classes and nothing ties"
        Source = "equivariance of the engine and the tables"
        Guards = "a class that is favoured for its number"
        Mutation = "0.01 added to the first class's logit when sharpening"
        Cases =
            Instance.casesBeside
                (Gen.choose (0, 1000000))
                [ Tables.instance; ExactTables.joint ]
                (fun instance (problem, seed) ->
                    let still =
                        problem
                        |> Problem.mapSetting (fun setting -> {
                            setting with
                                IsNoisy = false
                                Filter = Everyone
                                Sampling = All
                                Softness = Soft Temperature.one
                        })

                    let order = Scene.classOrder seed still.Scene
                    let last problem = Instance.run rounds instance problem |> List.last |> Instance.said
                    let before, after = last still, last (Problem.mapScene (Scene.renameClasses order) still)
                    let c = still.Scene.ClassCount

                    Seq.forall
                        (fun cell -> Law.close 1e-3 (float before[cell]) (float after[cell / c * c + order[cell % c]]))
                        (seq { 0 .. before.Length - 1 }))
    }

    let chapter = {
        Title = "The engine, over every pair of students"
        Laws = [
            alternates
            turns
            isLazy
            simplex
            goldSurvives
            ignoresTeacher
            ignoresGold
            teacherStays
            testLabels
            validationLabels
            resumes
            stopsAlike
            stopsInTime
            reproducible
            seedsMatter
            nanStops
            renamed
            recoloured
        ]
    }
