namespace Glem

open System.IO

/// What `glem data import` is asked for.
type ImportRequest = {
    Nodes: string
    Edges: string
    /// The folder to make.
    Out: string
    Info: DatasetInfo
    /// None: the file's split column where it has one, else the standard split.
    Policy: SplitPolicy option
    Seed: int
}

/// `glem data import`: tables that a person has, as a dataset folder.
module Import =
    /// The request for two tables, named by the output folder, with nothing told about licence and source.
    let ofTables (nodes: string) (edges: string) (out: string) : ImportRequest = {
        Nodes = nodes
        Edges = edges
        Out = out
        Info = {
            Name = DirectoryInfo(out).Name
            Licence = ""
            Source = ""
            Attribution = ""
            SplitPolicy = SplitPolicy.describe Given
        }
        Policy = None
        Seed = 0
    }

    /// Reads, checks, splits and writes. Error: what is wrong with the tables, by file and line; then no folder is made.
    let run (request: ImportRequest) : Result<Dataset * ReadReport, GlemError> =
        let checkedPolicy =
            match request.Policy with
            | Some policy -> SplitPolicy.check policy |> Result.map Some
            | None -> Ok None

        checkedPolicy
        |> Result.bind (fun policy ->
            DatasetFolder.readTables request.Info None policy request.Seed request.Nodes request.Edges)
        |> Result.bind (fun (records, report) ->
            // What is wrong with the content is the node table's fault, not that of the folder it would become.
            Dataset.ofRecords request.Nodes records
            |> Result.bind (fun _ -> DatasetFolder.write request.Out records)
            |> Result.map (fun dataset -> dataset, report))

/// `glem data validate`.
module Validate =
    /// The folder read whole; Error says the first thing that is wrong.
    let run (folder: string) : Result<Dataset * ReadReport, GlemError> = DatasetFolder.read folder
