namespace Glem

open System
open System.Globalization
open System.IO

/// Who runs a cell, for whoever looks on: the lock on the claim's file decides, and this stands in a file beside it.
type CellClaim = {
    Holder: Holder
    /// UTC.
    Since: DateTime
    /// The task of Slurm's that the process is, "17_3"; None elsewhere.
    Task: string option
}

module CellClaim =
    let private note (path: string) = path + ".json"
    let private format = "yyyy-MM-dd'T'HH:mm:ss'Z'"
    let private variable name = Environment.GetEnvironmentVariable name |> Option.ofObj

    /// The task of Slurm's that this process is.
    let private ownTask () =
        match variable "SLURM_ARRAY_JOB_ID", variable "SLURM_ARRAY_TASK_ID" with
        | Some job, Some index -> Some $"%s{job}_%s{index}"
        | _ -> variable "SLURM_JOB_ID"

    let private toText () =
        [
            yield! Holder.toFields (Holder.self ())
            "since", Json.text (DateTime.UtcNow.ToString format)
            "task", ownTask () |> Option.bind Json.text
        ]
        |> Json.object
        |> Json.document

    let private time at =
        let text = Json.asText at

        match
            DateTime.TryParseExact(
                text,
                format,
                CultureInfo.InvariantCulture,
                DateTimeStyles.AssumeUniversal ||| DateTimeStyles.AdjustToUniversal
            )
        with
        | true, time -> time
        | _ -> Json.refuse "a time in UTC" at

    /// The right to what a file stands for, until it is given back or the process ends, however it ends: the operating
    /// system holds it. None where another process has it.
    let take (path: string) : IDisposable option =
        RunFile.makeFolder path

        try
            let held = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None)
            // Only for people: where it cannot be written, the lock holds all the same.
            RunFile.write (note path) (toText ()) |> ignore

            Some
                {
                    new IDisposable with
                        member _.Dispose() =
                            // Who finished the run has removed its claim, and the folder with the last one.
                            if File.Exists(note path) then
                                File.Delete(note path)

                            held.Dispose()
                }
        with :? IOException ->
            None

    /// Removes a claim that means nothing any more, and its folder with the last one.
    let remove (path: string) =
        try
            if File.Exists path || File.Exists(note path) then
                File.Delete(note path)
                File.Delete path
                Directory.Delete(Path.GetDirectoryName path |> string)
        with
        | :? IOException
        | :? UnauthorizedAccessException -> ()

    /// Who has it, or had it when its process was killed; None where nobody says so. Opens the note alone: any open file of
    /// .NET's is locked, and a look at the claim would keep others from it.
    let read (path: string) : CellClaim option =
        if File.Exists(note path) then
            RunFile.read (note path)
            |> Result.bind (
                Json.read (note path) "" (fun at -> {
                    Holder = Holder.ofJson at
                    Since = at |> Json.field "since" |> time
                    Task = at |> Json.tryField "task" |> Option.map Json.asText
                })
            )
            |> Result.toOption
        else
            None
