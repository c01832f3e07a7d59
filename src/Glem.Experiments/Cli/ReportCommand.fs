namespace Glem

open Argu

/// glem report.
module ReportCommand =
    let private said output what = Console.line $"%s{output}/report.html, report.md and report.tex, %s{what}"

    /// The page of an experiment, or of runs.
    let run (options: ParseResults<ReportArguments>) : Result<unit, GlemError> =
        let folders = options.GetResult ReportArguments.Runs
        let output = options.GetResult(ReportArguments.Out, List.head folders)

        match folders with
        | [ grid ] when Preregistration.isOf grid ->
            GridReport.write grid output |> Result.map (fun () -> said output "of an experiment")
        | runs -> Report.write output runs |> Result.map (fun () -> said output $"from %d{runs.Length} runs")
