namespace Glem

open Argu

/// glem export tensorboard.
module ExportCommand =
    let private tensorBoard (options: ParseResults<TensorBoardArguments>) =
        let log = options.GetResult TensorBoardArguments.Out

        TensorBoard.export (options.GetResult TensorBoardArguments.Runs) log
        |> Result.map (fun (names, notes) ->
            notes |> List.iter (eprintfn "note: %s")
            let count = if names.Length = 1 then "1 run" else $"%d{names.Length} runs"
            Console.line $"%s{count} in %s{log}; tensorboard --logdir %s{log} shows them")

    /// Errors: folders without runs, an output that cannot be written to.
    let run (options: ParseResults<ExportArguments>) : Result<unit, GlemError> =
        match options.GetSubCommand() with
        | ExportArguments.TensorBoard options -> tensorBoard options
