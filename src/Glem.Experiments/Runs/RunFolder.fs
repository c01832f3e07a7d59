namespace Glem

open System.IO

/// A finished run, read back from its directory.
type RunFolder = {
    Folder: string
    Info: RunInfo
    Summary: Summary
    Metrics: Metric list
    /// Empty where the run wrote no elbo.jsonl.
    Elbo: ElboRecord list
    /// Empty where the run wrote no audit.jsonl.
    Audit: AuditRecord list
    /// Empty where the run wrote no predictions.csv, and where they were not asked for.
    Predictions: Prediction list
    /// Empty where the run wrote no map.csv, and where it was not asked for.
    Map: MapPoint list
    /// What reading passed over, such as a torn last line.
    Notes: string list
}

/// Where things are in a run directory.
module RunFolder =
    let info folder = Path.Combine(folder, "run.json")
    let metrics folder = Path.Combine(folder, "metrics.jsonl")
    let elbo folder = Path.Combine(folder, "elbo.jsonl")
    let audit folder = Path.Combine(folder, "audit.jsonl")
    let summary folder = Path.Combine(folder, "summary.json")
    /// Of a run in the making only.
    let progress folder = Path.Combine(folder, "progress.jsonl")
    let predictions folder = Path.Combine(folder, "predictions.csv")
    let map folder = Path.Combine(folder, "map.csv")
    let checkpoint student folder = Path.Combine(folder, "checkpoints", Student.key student)

    /// Reads all but the predictions and the map, which are long. Errors name the file, the line or key, what was found and
    /// expected.
    let loadRecords (folder: string) =
        RunFile.guard folder "a run directory" (fun () ->
            if not (Directory.Exists folder) then
                raise (GlemException(InFile(folder, "", "no such folder", "a run directory with a run.json")))

            let ifThere nothing read path = if File.Exists path then read path |> Result.orRaise else nothing
            let metrics, metricNotes = metrics folder |> MetricLog.read |> Result.orRaise
            let elbo, elboNotes = elbo folder |> ifThere ([], []) ElboLog.read
            let audit, auditNotes = audit folder |> ifThere ([], []) AuditLog.read

            {
                Folder = folder
                Info = info folder |> RunInfo.read |> Result.orRaise
                Summary = summary folder |> Summary.read |> Result.orRaise
                Metrics = metrics
                Elbo = elbo
                Audit = audit
                Predictions = []
                Map = []
                Notes = metricNotes @ elboNotes @ auditNotes
            })

    /// Reads everything that a report needs. Errors as loadRecords'.
    let load (folder: string) =
        loadRecords folder
        |> Result.bind (fun run ->
            RunFile.guard folder "a run directory" (fun () ->
                let ifThere read path = if File.Exists path then read path |> Result.orRaise else []

                {
                    run with
                        Predictions = predictions folder |> ifThere PredictionFile.read
                        Map = map folder |> ifThere MapFile.read
                }))
