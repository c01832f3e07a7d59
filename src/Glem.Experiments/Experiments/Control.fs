namespace Glem

/// What an experiment may ask for beside its own arms, made from the base recipe.
[<RequireQualifiedAccess>]
type Control =
    /// EM without teachers: each student sees gold labels alone, for as many steps.
    | TeacherFree
    /// As many pseudo labels, each of another node: what is left is what their number and their classes' shares do.
    | MatchedRandom
    /// True labels for pseudo labels: a ceiling. It uses held-out labels.
    | Oracle
    /// No EM round: the GNN on the frozen LM's embeddings.
    | StaticTwoStage
    /// The LM learns from its own pseudo labels, not the GNN's.
    | SelfTraining

module Control =
    /// The name of its arm: "teacherFree".
    let name (control: Control) = Settings.show control

    /// What it sets of the base.
    let settings control =
        let teacher name = [ $"eStep.teacher=%s{name}"; $"mStep.teacher=%s{name}" ]

        match control with
        | Control.TeacherFree -> [ "eStep.pseudoWeight=0"; "mStep.pseudoWeight=0" ]
        | Control.MatchedRandom -> teacher "shuffled"
        | Control.Oracle -> teacher "oracle"
        | Control.StaticTwoStage -> [ "rounds=0" ]
        | Control.SelfTraining -> [ "eStep.teacher=itself" ]

    /// Whether a setting has its first effect in EM.
    let private isOfEm (path: string) =
        List.contains path [ "rounds"; "order"; "reduction" ]
        || [ "convergence."; "eStep."; "mStep." ] |> List.exists path.StartsWith

    /// Whether a setting has no effect under the control.
    let private isIdle control (path: string) =
        let ofStep (step: string) =
            path.StartsWith step && not (path.StartsWith $"%s{step}fit." || path = $"%s{step}start")

        match control with
        | Control.TeacherFree -> ofStep "eStep." || ofStep "mStep."
        | Control.StaticTwoStage -> isOfEm path
        | Control.MatchedRandom
        | Control.Oracle
        | Control.SelfTraining -> settings control |> List.exists (fun setting -> RecipeChange.path setting = path)

    /// Whether the control is run at each level of an axis that sets these paths. What changes data or students needs a
    /// control of its own at each level; what changes EM alone does where `eachLevel` asks for it, and the level is not lost
    /// on it.
    let isCrossed (eachLevel: bool) control (paths: string list) =
        if eachLevel then
            not (List.forall (isIdle control) paths)
        else
            not (List.forall isOfEm paths)
