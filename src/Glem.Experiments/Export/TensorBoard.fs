namespace Glem

open System.IO

/// Runs as a folder that TensorBoard opens.
module TensorBoard =
    /// The nearest folder that holds them all; a single run's is the one that it stands in.
    let private above (folders: string list) =
        let parts = folders |> List.map (fun folder -> (Path.GetFullPath folder).Split '/' |> List.ofArray)

        let rec common (a: string list) (b: string list) =
            match a, b with
            | x :: a, y :: b when x = y -> x :: common a b
            | _ -> []

        parts
        |> List.map (fun parts -> List.truncate (parts.Length - 1) parts)
        |> List.reduce common
        |> String.concat "/"

    /// What runs are called: their paths below the folder that holds them all.
    let names (folders: string list) : string list =
        let above = above folders + "/"
        folders |> List.map (fun folder -> (Path.GetFullPath folder).Substring(above.Length))

    /// The settings that are not the same in all runs: what the table of hyperparameters compares. All of them for one run.
    let private differing (runs: RunFolder list) =
        let settings = runs |> List.map (TensorBoardRun.hparams >> Set)
        let same = if settings.Length = 1 then Set.empty else Set.intersectMany settings
        fun run -> TensorBoardRun.hparams run |> List.filter (same.Contains >> not)

    /// Writes a run's events into <log>/<its name>, over those that it wrote before; other files there stay. Gives the runs'
    /// names, and notes on runs that could not be read.
    /// Errors: a folder that is not there; no run in them; a log folder that cannot be written to.
    let export (folders: string list) (log: string) : Result<string list * string list, GlemError> =
        let read (folders: string list) =
            let answers = folders |> List.map (fun folder -> folder, RunFolder.loadRecords folder)

            [
                for _, answer in answers do
                    match answer with
                    | Ok run -> run
                    | Error _ -> ()
            ],
            [
                for _, answer in answers do
                    match answer with
                    | Ok run -> yield! run.Notes
                    | Error error -> GlemError.message error
            ]

        RunSearch.runs folders
        |> Result.map read
        |> Result.bind (fun (runs, notes) ->
            match runs, notes with
            | [], note :: _ -> Error(InFile(String.concat ", " folders, "", note, "a finished run"))
            | _ ->
                let shown = differing runs
                let names = runs |> List.map _.Folder |> names

                (Ok(), List.zip names runs)
                ||> List.fold (fun fine (name, run) ->
                    fine
                    |> Result.bind (fun () ->
                        TensorBoardRun.events (shown run) run
                        |> EventFile.write (Path.Combine(log, name)) (TensorBoardRun.started run)))
                |> Result.map (fun () -> names, notes))
