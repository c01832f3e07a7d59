namespace Glem

open System.Text.RegularExpressions

/// What each task of a grid asks of Slurm. Slurm checks the values.
type SlurmOptions = {
    Partition: string option
    /// Of one task, as sbatch reads it: "2:00:00".
    Time: string option
    /// Of one task: "8G".
    Memory: string option
    /// Of one task, and the threads that it computes with.
    Cpus: int
    /// Tasks of an array that run at the same time, at most; None: as many as Slurm lets.
    AtOnce: int option
    /// Tasks of an array, at most.
    Tasks: int
    /// sbatch's other options without their dashes: "account=kite".
    Others: string list
}

module SlurmOptions =
    // With them a task would be another one, or nobody would find it again.
    let private taken = [
        "array"
        "chdir"
        "cpus-per-task"
        "dependency"
        "error"
        "job-name"
        "ntasks"
        "open-mode"
        "output"
        "parsable"
        "wrap"
    ]

    /// An option of sbatch's that Glem does not set, with or without its dashes. Error: what is none.
    let other (text: string) : Result<string, GlemError> =
        let bare = text.TrimStart '-'
        let name = (bare.Split '=')[0]

        if not (Regex.IsMatch(name, "^[a-z][a-z-]+$")) then
            Error(InSetting("--slurm-option", text, "a long option of sbatch's, such as account=kite"))
        elif List.contains name taken then
            Error(InSetting("--slurm-option", text, "an option that Glem does not set itself"))
        else
            Ok bare
