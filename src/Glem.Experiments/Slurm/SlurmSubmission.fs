namespace Glem

open System
open System.IO

/// A task of a job that Slurm was given.
type SubmittedTask = {
    /// Names and seeds, in the order in which it takes them.
    Cells: (string * int) list
    /// What it prints.
    Log: string
}

/// A job that Slurm was given, or is about to be.
type SubmittedJob = {
    Name: string
    /// Slurm's number; None before it has answered.
    Id: string option
    /// The command that gave it to Slurm.
    Command: string
    Tasks: SubmittedTask list
}

/// What one `glem grid --slurm` handed over.
///   slurm/<time>/submission.json   this
///   slurm/<time>/task.sh           what Slurm runs
///   slurm/<time>/<job>-<k>.log     what the k-th task of a job printed
type SlurmSubmission = {
    /// Its folder, in full.
    Folder: string
    /// UTC.
    Time: string
    Jobs: SubmittedJob list
}

module SlurmSubmission =
    let private parent (out: string) = Path.Combine(Path.GetFullPath out, "slurm")
    let file (folder: string) = Path.Combine(folder, "submission.json")
    let script (folder: string) = Path.Combine(folder, "task.sh")
    let log (folder: string) (job: string) (task: string) = Path.Combine(folder, $"%s{job}-%s{task}.log")

    /// A folder's name that is not there yet, later in the alphabet than those before it. Makes nothing.
    let newFolder (out: string) : string =
        let stamp = DateTime.UtcNow.ToString "yyyyMMdd-HHmmss"

        Seq.initInfinite (fun i -> Path.Combine(parent out, (if i = 0 then stamp else $"%s{stamp}.%d{i}")))
        |> Seq.find (Directory.Exists >> not)

    /// A plan as it will be submitted.
    ///   command : of a job
    let ofPlan (folder: string) (command: SlurmJob -> string) (jobs: SlurmJob list) : SlurmSubmission = {
        Folder = folder
        Time = DateTime.UtcNow.ToString "yyyy-MM-dd'T'HH:mm:ss'Z'"
        Jobs = [
            for job in jobs ->
                {
                    Name = job.Name
                    Id = None
                    Command = command job
                    Tasks = [
                        for i, cells in List.indexed job.Tasks ->
                            {
                                Cells = [ for cell in cells -> Cell.name cell, cell.Seed ]
                                Log = log folder job.Name (string i)
                            }
                    ]
                }
        ]
    }

    let private toJson (submission: SlurmSubmission) =
        let cell (name, seed) = Json.object [ "cell", Json.text name; "seed", Json.int seed ]

        let task (task: SubmittedTask) =
            Json.object [
                "cells", task.Cells |> Seq.map cell |> Json.array
                "log", Json.text (Path.GetFileName task.Log |> string)
            ]

        let job (job: SubmittedJob) =
            Json.object [
                "name", Json.text job.Name
                "id", job.Id |> Option.bind Json.text
                "command", Json.text job.Command
                "tasks", job.Tasks |> Seq.map task |> Json.array
            ]

        Json.object [
            "time", Json.text submission.Time
            "jobs", submission.Jobs |> Seq.map job |> Json.array
        ]

    let private ofJson folder at : SlurmSubmission =
        let cell at = at |> Json.field "cell" |> Json.asText, at |> Json.field "seed" |> Json.asInt

        let task at : SubmittedTask = {
            Cells = at |> Json.field "cells" |> Json.items |> List.map cell
            Log = Path.Combine(folder, at |> Json.field "log" |> Json.asText)
        }

        let job at : SubmittedJob = {
            Name = at |> Json.field "name" |> Json.asText
            Id = at |> Json.tryField "id" |> Option.map Json.asText
            Command = at |> Json.field "command" |> Json.asText
            Tasks = at |> Json.field "tasks" |> Json.items |> List.map task
        }

        {
            Folder = folder
            Time = at |> Json.field "time" |> Json.asText
            Jobs = at |> Json.field "jobs" |> Json.items |> List.map job
        }

    let write (submission: SlurmSubmission) : Result<unit, GlemError> =
        toJson submission |> Json.document |> RunFile.write (file submission.Folder)

    let read (folder: string) : Result<SlurmSubmission, GlemError> =
        RunFile.read (file folder) |> Result.bind (Json.read (file folder) "" (ofJson folder))

    /// All that a grid has handed over, the oldest first. Error: a damaged file.
    let all (out: string) : Result<SlurmSubmission list, GlemError> =
        RunFile.guard (parent out) "a readable folder of submissions" (fun () ->
            if Directory.Exists(parent out) then
                Directory.GetDirectories(parent out)
                |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))
                |> List.ofArray
                |> List.filter (file >> File.Exists)
                |> List.map (read >> Result.orRaise)
            else
                [])

    /// What Slurm calls a task.
    let taskId (job: string) (index: int) = $"%s{job}_%d{index}"

    /// Slurm's numbers of the jobs of some submissions.
    let ids (submissions: SlurmSubmission list) : string list = submissions |> List.collect _.Jobs |> List.choose _.Id

    /// The task that was given a cell last, and what Slurm calls it.
    let taskOf (submissions: SlurmSubmission list) (cell: string * int) : (string * SubmittedTask) option =
        [
            for submission in submissions do
                for job in submission.Jobs do
                    match job.Id with
                    | None -> ()
                    | Some id ->
                        for i, task in List.indexed job.Tasks do
                            if List.contains cell task.Cells then
                                taskId id i, task
        ]
        |> List.tryLast

    /// The cells of a task that its script names: "first.3". Error: no such task.
    let cells (name: string) (submission: SlurmSubmission) : Result<(string * int) list, GlemError> =
        submission.Jobs
        |> List.tryPick (fun job ->
            job.Tasks
            |> List.indexed
            |> List.tryPick (fun (i, task) -> if name = $"%s{job.Name}.%d{i}" then Some task.Cells else None))
        |> function
            | Some cells -> Ok cells
            | None ->
                Error(
                    InFile(file submission.Folder, "", $"no task %s{name}", "a job of it and a number, such as rest.0")
                )
