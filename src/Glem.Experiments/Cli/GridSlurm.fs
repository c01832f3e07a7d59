namespace Glem

open System
open System.IO
open Argu

/// glem grid --slurm: what is missing of an experiment, handed over to Slurm.
module GridSlurm =
    let private positive name (value: int) =
        if value >= 1 then
            Ok value
        else
            Error(InSetting(name, string value, "a whole number from 1"))

    /// The options that mean something to Slurm alone. Error: one of them without --slurm; one that makes no sense.
    let options (given: ParseResults<GridArguments>) : Result<SlurmOptions option, GlemError> =
        let text name value = value |> Option.map (fun value -> name, value)

        let forSlurmAlone =
            [
                text "--partition" (given.TryGetResult GridArguments.Partition)
                text "--time" (given.TryGetResult GridArguments.Time)
                text "--memory" (given.TryGetResult GridArguments.Memory)
                text "--cpus" (given.TryGetResult GridArguments.Cpus |> Option.map string)
                text "--tasks" (given.TryGetResult GridArguments.Tasks |> Option.map string)
                text "--slurm-option" (given.GetResults GridArguments.Slurm_Option |> List.tryHead)
            ]
            |> List.choose id

        if given.Contains GridArguments.Slurm then
            try
                Ok(
                    Some {
                        Partition = given.TryGetResult GridArguments.Partition
                        Time = given.TryGetResult GridArguments.Time
                        Memory = given.TryGetResult GridArguments.Memory
                        Cpus = given.GetResult(GridArguments.Cpus, 4) |> positive "--cpus" |> Result.orRaise
                        AtOnce =
                            given.TryGetResult GridArguments.Jobs |> Option.map (positive "--jobs" >> Result.orRaise)
                        // Slurm's usual limit for an array, less one.
                        Tasks = given.GetResult(GridArguments.Tasks, 1000) |> positive "--tasks" |> Result.orRaise
                        Others =
                            given.GetResults GridArguments.Slurm_Option
                            |> List.map (SlurmOptions.other >> Result.orRaise)
                    }
                )
            with GlemException error ->
                Error error
        else
            match forSlurmAlone with
            | [] -> Ok None
            | (name, value) :: _ -> Error(InSetting(name, $"%s{value} without --slurm", "both, or neither"))

    /// The program as nodes start it: by the same files.
    let private program =
        let own = Environment.ProcessPath |> Option.ofObj

        let dotnet =
            match own with
            | Some path when Path.GetFileName path = "dotnet" -> path
            | _ -> "dotnet"

        [ dotnet; typeof<Experiment>.Assembly.Location ]

    let private runs count = if count = 1 then "1 run" else $"%d{count} runs"
    let private countOf (job: SlurmJob) = if job.Tasks.Length = 1 then "1 task" else $"%d{job.Tasks.Length} tasks"

    let private summary (job: SlurmJob) =
        if job.Name = SlurmPlan.report then "the table and the page"
        elif job.Name = SlurmPlan.gate then "the base, for the gate"
        else $"%s{runs (List.sumBy List.length job.Tasks)} in %s{countOf job}"

    /// Earlier jobs that are not at their end: the report waits for them too.
    let private stillQueued (status: GridStatus) =
        let queue = status.Queue |> Result.defaultValue Map.empty

        let isQueued (job: SubmittedJob) id =
            job.Tasks
            |> List.indexed
            |> List.exists (fun (i, _) ->
                queue.TryFind(SlurmSubmission.taskId id i) |> Option.exists (Slurm.hasEnded >> not))

        [
            for submission in status.Submissions do
                for job in submission.Jobs do
                    match job.Id with
                    | Some id when job.Name <> SlurmPlan.report && isQueued job id -> id
                    | _ -> ()
        ]

    /// sbatch's words for a job. A job that has no number yet stands for itself by its name.
    let private words options (experiment: Experiment) folder earlier (numbers: Map<string, string>) (job: SlurmJob) =
        let number name = numbers |> Map.tryFind name |> Option.defaultValue name
        let earlier = if job.Name = SlurmPlan.report then earlier else []

        SlurmScript.sbatch options experiment.Name Environment.CurrentDirectory folder job [
            yield! List.map number job.After
            yield! earlier
        ]

    let private script (file: string) (out: string) (store: string) folder =
        let command =
            program
            @ [
                "grid"
                Path.GetFullPath file
                "--out"
                Path.GetFullPath out
                "--store"
                store
            ]

        SlurmScript.text command (SlurmSubmission.file folder)

    let private show options experiment (jobs: SlurmJob list) out store earlier =
        let folder = SlurmSubmission.newFolder out
        Console.line ""
        Console.line $"%s{SlurmSubmission.script folder}:"
        Console.line ""
        Console.line (script (Path.Combine(out, "experiment.json")) out store folder)

        for job in jobs do
            Console.line $"%s{job.Name}: %s{summary job}"
            Console.line $"  %s{words options experiment folder earlier Map.empty job |> ShellWord.line}"

        Console.line "Nothing is submitted. Where a job's name stands in --dependency, its number will."

    /// Hands the jobs over, one after the other, and writes down each number that Slurm gives.
    let private handOver
        words
        (submission: SlurmSubmission)
        (jobs: SlurmJob list)
        : Result<SlurmSubmission, GlemError> =
        let submitted (submission: SlurmSubmission, numbers: Map<string, string>) (job: SlurmJob) =
            let command = words numbers job

            Slurm.submit command
            |> Result.bind (fun number ->
                Console.line $"job %s{number}, %s{job.Name}: %s{summary job}"

                let withNumber (other: SubmittedJob) =
                    if other.Name = job.Name then
                        {
                            other with
                                Id = Some number
                                Command = ShellWord.line command
                        }
                    else
                        other

                let submission = {
                    submission with
                        Jobs = submission.Jobs |> List.map withNumber
                }

                SlurmSubmission.write submission |> Result.map (fun () -> submission, numbers.Add(job.Name, number)))

        (Ok(submission, Map.empty), jobs)
        ||> List.fold (fun so job -> so |> Result.bind (fun so -> submitted so job))
        |> Result.map fst

    let private submit options experiment (jobs: SlurmJob list) out store (status: GridStatus) =
        Preregistration.register out experiment
        |> Result.bind (fun file ->
            Grid.forgetFailures out experiment (GridStatus.openCells status)
            let folder = SlurmSubmission.newFolder out
            let words = words options experiment folder (stillQueued status)

            let submission = SlurmSubmission.ofPlan folder (words Map.empty >> ShellWord.line) jobs

            RunFile.write (SlurmSubmission.script folder) (script file out store folder)
            |> Result.bind (fun () -> SlurmSubmission.write submission)
            |> Result.bind (fun () ->
                let answer = handOver words submission jobs

                // A first job that Slurm refuses leaves nothing to follow.
                if
                    answer.IsError && (SlurmSubmission.ids [ SlurmSubmission.read folder |> Result.orRaise ]).IsEmpty
                then
                    Directory.Delete(folder, true)

                answer))
        |> Result.map (fun submission ->
            let numbers = SlurmSubmission.ids [ submission ] |> String.concat " "
            Console.line $"How far it is: ./glem grid status %s{ShellWord.quote out}"
            Console.line $"To take it back: scancel %s{numbers}")

    /// Submits what of the cells is neither done nor running nor in the queue.
    ///   storeFolder : None for none
    ///   isDry : only shows what would be submitted; Slurm's commands need not be here
    /// Errors: Slurm is not here, or refuses a job; a data set that is not there. Raises where the gate is closed.
    let run
        (options: SlurmOptions)
        (experiment: Experiment)
        (cells: Cell list)
        (out: string)
        (store: Store)
        (storeFolder: string option)
        (isDry: bool)
        : Result<unit, GlemError> =
        let storeFolder = storeFolder |> Option.map Path.GetFullPath |> Option.defaultValue "none"

        (if isDry then Ok() else Slurm.version () |> Result.map ignore)
        |> Result.bind (fun () -> GridStatus.look out experiment cells)
        |> Result.bind (fun status ->
            status.Closed |> Option.iter (Grid.closedBy >> failwith)
            let opened = GridStatus.openCells status

            let base' =
                experiment.Gate
                |> Option.map (fun _ ->
                    Experiment.cells experiment |> Result.orRaise |> Experiment.gateCell experiment)
                |> Option.filter (Grid.isThere out >> not)

            match status.Queue with
            | Error error -> Error error
            | Ok _ when opened.IsEmpty ->
                let count (isIt: CellProgress -> bool) =
                    status.Cells |> List.filter (fun status -> isIt status.Progress) |> List.length

                let going = count _.IsRunning + count _.IsWaiting

                Ok(
                    Console.line
                        $"Nothing to submit: %s{runs (count _.IsDone)} done, %d{going} running or in the queue"
                )
            | Ok _ ->
                let models = GridStages.missingModels store (Compute.automatic ()) options.Cpus

                Option.toList base' @ (opened |> List.filter (fun cell -> Some cell <> base'))
                |> models
                |> Result.bind (fun wanted ->
                    let ofBase, others = wanted |> List.partition (fun (cell, _) -> Some cell = base')
                    let jobs = SlurmPlan.make options.Tasks (List.tryHead ofBase) others

                    if isDry then
                        Ok(show options experiment jobs out storeFolder (stillQueued status))
                    else
                        submit options experiment jobs out storeFolder status))
