namespace Glem

/// The exact McNemar test of an arm's predictions against the baseline's, pooled over seeds.
type PooledMcNemar = {
    /// Test nodes that the arm has right and the baseline wrong, counted in each seed.
    Gained: int
    /// Test nodes that the arm has wrong and the baseline right, counted in each seed.
    Lost: int
} with

    member this.PValue = McNemar.exact this.Gained this.Lost

/// An arm against a baseline over the seeds that both have: everything is about arm - baseline, in the metric's unit.
type Comparison = {
    Arm: string
    Baseline: string
    Metric: string
    /// Seed, the arm's value, the baseline's value; by rising seed.
    Pairs: (int * float * float) list
    Difference: PairedDifference
    /// 95 %, by Student's t.
    TInterval: Interval
    /// 95 %, by the bias-corrected bootstrap over seeds.
    BootstrapInterval: Interval
    /// Two-sided p of the paired t test, of this comparison alone.
    TPValue: float
    Wilcoxon: Wilcoxon
    /// TPValue after Holm's correction over all arms that were compared with the baseline.
    HolmP: float
    /// None where either side kept no predictions.
    McNemar: PooledMcNemar option
    /// Share of the seeds whose difference has the mean's sign.
    SameSign: float
    /// The smallest true difference that so many seeds with this spread find with 80 % power at 5 %.
    MinimumDetectable: float
    /// The seeds that it takes to find a true difference of the observed size so. None where it is over 1,000, and for
    /// no difference.
    SeedsNeeded: int option
}

module Comparisons =
    let private level = 0.95
    let private resamples = 10_000
    let private key = Key.ofSeed 0 |> Key.named "bootstrap of paired differences"

    /// (seed, arm's, baseline's) of the seeds that both have, by rising seed.
    let private shared (arm: Map<int, 'a>) (baseline: Map<int, 'b>) = [
        for KeyValue(seed, value) in arm do
            match baseline.TryFind seed with
            | Some other -> seed, value, other
            | None -> ()
    ]

    let private mcNemar (baseline: Replicates) (arm: Replicates) =
        match shared arm.Right baseline.Right with
        | [] -> None
        | seeds ->
            // Nodes that only one side predicted say nothing about the other.
            let changes = [
                for _, ours, theirs in seeds do
                    for KeyValue(id, isRight) in ours do
                        match theirs.TryFind id with
                        | Some wasRight when wasRight <> isRight -> isRight
                        | _ -> ()
            ]

            let gained = changes |> List.filter id |> List.length

            Some {
                Gained = gained
                Lost = changes.Length - gained
            }

    /// Holm's correction comes after, over all arms.
    let private ofArm (metric: string) (baseline: Replicates) (arm: Replicates) : Comparison option =
        let pairs = shared arm.Values baseline.Values
        let differences = pairs |> List.map (fun (_, ours, theirs) -> ours - theirs)

        PairedDifference.ofValues differences
        |> Option.map (fun difference -> {
            Arm = arm.Arm
            Baseline = baseline.Arm
            Metric = metric
            Pairs = pairs
            Difference = difference
            TInterval = difference.TInterval level
            BootstrapInterval = BiasCorrected.ofMean key resamples level (Array.ofList differences)
            TPValue = difference.TPValue
            Wilcoxon = Wilcoxon.ofDifferences differences
            HolmP = difference.TPValue
            McNemar = mcNemar baseline arm
            SameSign = difference.SameSign
            MinimumDetectable = PairedPower.detectable difference.Pairs * difference.Deviation
            SeedsNeeded = PairedPower.seedsNeeded difference.Dz
        })

    /// Each arm against the baseline, in the arms' order, with Holm's correction over them. An arm that shares fewer than
    /// two seeds with the baseline has no spread to judge by and is left out.
    let against (metric: string) (baseline: Replicates) (arms: Replicates list) : Comparison list =
        let comparisons = arms |> List.choose (ofArm metric baseline)

        (comparisons, comparisons |> List.map _.TPValue |> Holm.adjust)
        ||> List.map2 (fun comparison p -> { comparison with HolmP = p })
