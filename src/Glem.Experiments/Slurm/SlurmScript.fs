namespace Glem

/// What every task of a submission runs, and the commands that hand it to Slurm. Paths and names are quoted: a shell reads them
/// as they are.
module SlurmScript =
    // Of the machine that a task runs on, as the launcher ./glem sets it for the one that it is started on.
    let private machine = [
        "export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}"
        "export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}"
        "unset OPENBLAS_CORETYPE"
        "if grep -qw AuthenticAMD /proc/cpuinfo && grep -qw avx512bw /proc/cpuinfo; then"
        "  export OPENBLAS_CORETYPE=SKYLAKEX"
        "fi"
    ]

    /// The script. Its first argument is the job's name.
    ///   command : of glem grid over the experiment's file and folder, in words
    let text (command: string list) (submission: string) : string =
        [
            "#!/bin/bash"
            "# A task of an experiment, written by glem grid --slurm."
            yield! machine
            $"exec %s{ShellWord.line command} --task %s{ShellWord.quote submission} \"$1.$SLURM_ARRAY_TASK_ID\""
            ""
        ]
        |> String.concat "\n"

    // In names of logs, "%a" is the task's number.
    let private literally (path: string) = path.Replace("%", "%%")

    /// sbatch's words for a job.
    ///   experiment : its name
    ///   directory : where tasks run
    ///   after : jobs, by Slurm's numbers
    let sbatch
        (options: SlurmOptions)
        (experiment: string)
        (directory: string)
        (folder: string)
        (job: SlurmJob)
        (after: string list)
        : string list =
        let isReport = job.Name = SlurmPlan.report
        let atOnce = options.AtOnce |> Option.map (fun count -> $"%%%d{count}") |> Option.defaultValue ""

        [
            "sbatch"
            "--parsable"
            $"--job-name=glem-%s{CellName.format experiment []}-%s{job.Name}"
            $"--chdir=%s{directory}"
            $"""--output=%s{SlurmSubmission.log (literally folder) job.Name "%a"}"""
            // Slurm may start a task again, on another node.
            "--open-mode=append"
            "--ntasks=1"
            $"--cpus-per-task=%d{if isReport then 1 else options.Cpus}"
            for name, value in [ "partition", options.Partition; "time", options.Time; "mem", options.Memory ] do
                match value with
                | Some value -> $"--%s{name}=%s{value}"
                | None -> ()
            for other in options.Others do
                $"--%s{other}"
            $"--array=0-%d{job.Tasks.Length - 1}%s{atOnce}"
            if not after.IsEmpty then
                // Whatever became of them: a cell that failed keeps none of the others from running.
                $"""--dependency=afterany:%s{String.concat ":" after}"""
            SlurmSubmission.script folder
            job.Name
        ]
