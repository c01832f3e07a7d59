namespace Glem

open System
open Argu

/// What experiment scripts share with the command line: options after `--`, and a line for each finished stage.
module Script =
    /// The options after `--` of `dotnet fsi script.fsx -- options`. Ends the process on --help (0) and on bad options (2).
    let options<'arguments when 'arguments :> IArgParserTemplate> (commandLine: string[]) : ParseResults<'arguments> =
        // The script's name comes first. `dotnet fsi` takes the "--" out.
        let own = commandLine |> Array.skip 1 |> Array.filter ((<>) "--")
        let parser = ArgumentParser.Create<'arguments>(programName = "script", checkStructure = false)

        try
            parser.Parse own
        with :? ArguParseException as problem ->
            if problem.ErrorCode = ErrorCode.HelpText then
                Console.line problem.Message
                exit 0
            else
                Console.error (problem.Message.Split('\n')[0])
                exit 2

    /// The value, or the end of the process: one error line, exit code 2.
    let orExit result =
        match result with
        | Ok value -> value
        | Error error ->
            Console.error (GlemError.message error)
            exit 2

    /// An experiment script's last step: runs it as `glem grid` does, with the options after `--`. Ends the process with 1 where
    /// a run failed, and with 2 where the experiment or an option makes no sense.
    let run (commandLine: string[]) (experiment: Result<Experiment, GlemError>) : unit =
        let options = options<GridArguments> commandLine

        let ended =
            try
                GridCommand.ofScript options experiment
            with
            | GlemException error -> Error error
            | StoppedException(signal, message) ->
                Console.Error.WriteLine message
                Interruption.endBy signal
            | problem ->
                Console.error problem.Message
                exit 1

        orExit ended

    /// Watches a study's stages: one line for each when it ends.
    let progress: string -> TrainState -> unit = ProgressView.Plain.Watch

    /// The store of the folder that GLEM_STORE names, else of runs/store.
    let store () = StoreOption.find None |> orExit
