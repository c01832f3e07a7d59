namespace Glem

open System
open System.Collections.Generic
open System.IO

/// Finds the run directories in folders.
module RunSearch =
    let private below =
        EnumerationOptions(
            IgnoreInaccessible = true,
            AttributesToSkip = FileAttributes.None,
            ReturnSpecialDirectories = false
        )

    /// What stands beside runs and is none: a run in the making or given up, one that a grid moved aside, hidden folders.
    let private isBeside (folder: string) =
        let name = Path.GetFileName folder |> string
        name.StartsWith '.' || name.Contains ".partial-" || name.Contains ".before-"

    let private real (folder: string) =
        match DirectoryInfo(folder).ResolveLinkTarget true with
        | null -> Path.GetFullPath folder
        | target -> target.FullName

    /// Every folder with a run.json at or below the ones named, in the order of their paths; nothing inside a run or in the
    /// store is looked at. Links are followed, no folder is visited twice.
    /// Errors: a folder that is not there; no run in any of them.
    let runs (folders: string list) : Result<string list, GlemError> =
        // The store's own folder holds no runs, and may hold very many folders.
        let seen = HashSet [ Path.GetFullPath(StoreFolder.path None) ]

        let rec walk (folder: string) : string list =
            if not (seen.Add(real folder)) then
                []
            elif File.Exists(RunFolder.info folder) then
                [ folder ]
            else
                Directory.GetDirectories(folder, "*", below)
                |> Array.filter (isBeside >> not)
                |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))
                |> List.ofArray
                |> List.collect walk

        let named = String.concat ", " folders

        let found () =
            match folders |> List.map Path.TrimEndingDirectorySeparator |> List.collect walk with
            | [] -> Error(InFile(named, "", "no run", "folders with a run.json at or below them"))
            | runs -> Ok runs

        match folders |> List.tryFind (Directory.Exists >> not) with
        | Some missing -> Error(InFile(missing, "", "no such folder", "a folder of runs"))
        | None -> RunFile.guard named "readable folders" found |> Result.bind id
