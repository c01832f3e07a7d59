namespace Glem

open System
open System.Diagnostics
open System.ComponentModel

/// What Slurm says of a task.
type SlurmState = {
    /// "PENDING", "RUNNING", "TIMEOUT".
    State: string
    Node: string
    /// Why it waits or has ended: "Dependency", "NonZeroExitCode".
    Reason: string
}

/// Slurm's commands. They are asked in the forms that they keep for programs.
module Slurm =
    let private ended =
        Set [
            "BOOT_FAIL"
            "CANCELLED"
            "COMPLETED"
            "DEADLINE"
            "FAILED"
            "NODE_FAIL"
            "OUT_OF_MEMORY"
            "PREEMPTED"
            "REVOKED"
            "TIMEOUT"
        ]

    /// Whether the task neither runs nor will.
    let hasEnded (state: SlurmState) = ended.Contains state.State

    /// Whether it waits to begin, and not for its own node.
    let isPending (state: SlurmState) = state.State = "PENDING"

    /// Runs a command of Slurm's. Errors: it is not here; what it said when it refused, with the command.
    let private ask (words: string list) : Result<string, GlemError> =
        let command = List.head words

        try
            let info =
                ProcessStartInfo(command, List.tail words, RedirectStandardOutput = true, RedirectStandardError = true)

            use started = Process.Start info |> nonNull
            let said, complaint = started.StandardOutput.ReadToEndAsync(), started.StandardError.ReadToEndAsync()
            started.WaitForExit()

            if started.ExitCode = 0 then
                Ok(said.Result.Trim())
            else
                let complaint = (complaint.Result + said.Result).Trim().ReplaceLineEndings "; "
                Error(InValue(ShellWord.line words, complaint, "Slurm's answer"))
        with :? Win32Exception ->
            Error(Missing($"Slurm's command %s{command}", "run this on a machine that submits to Slurm"))

    /// Whether Slurm's commands are here, and which version. Error: they are not.
    let version () : Result<string, GlemError> = ask [ "sbatch"; "--version" ]

    /// Hands a job over and tells its number. Error: Slurm refuses it.
    let submit (words: string list) : Result<string, GlemError> =
        // "17" or "17;cluster".
        ask words |> Result.map (fun said -> (said.Split ';')[0])

    /// What squeue wrote: task and state.
    let parseQueue (text: string) : Map<string, SlurmState> =
        Map [
            for line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries) do
                match line.Split('|', 4) with
                | [| task; state; node; reason |] ->
                    task,
                    {
                        State = state
                        Node = node
                        Reason = reason
                    }
                | _ -> ()
        ]

    /// What Slurm knows of the tasks of some jobs. It forgets them some minutes after their end. Error: Slurm is not here, or
    /// does not answer.
    let queue (jobs: string list) : Result<Map<string, SlurmState>, GlemError> =
        match jobs with
        | [] -> Ok Map.empty
        | head :: _ ->
            // squeue calls it an error if it has forgotten the only job that it is asked for, and not if it was asked for two.
            let asked = String.concat "," (head :: jobs)

            ask [
                "squeue"
                "--noheader"
                "--array"
                "--states=all"
                "--format=%i|%T|%N|%r"
                $"--jobs=%s{asked}"
            ]
            |> Result.map parseQueue
