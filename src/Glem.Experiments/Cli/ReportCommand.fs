namespace Glem

open Argu

/// glem report.
module ReportCommand =
    let run (options: ParseResults<ReportArguments>) =
        let runs = options.GetResult ReportArguments.Runs
        let output = options.GetResult(ReportArguments.Out, List.head runs)

        Report.write output runs
        |> Result.map (fun () ->
            Console.line $"%s{output}/report.html and %s{output}/report.md, from %d{runs.Length} runs")
