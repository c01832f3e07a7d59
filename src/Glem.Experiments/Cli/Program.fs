module Glem.Program

open System
open Argu

let private commands (arguments: ParseResults<GlemArguments>) =
    match arguments.TryGetSubCommand() with
    | Some(GlemArguments.Quickstart options) -> RunCommand.quickstart options
    | Some(GlemArguments.Run options) -> RunCommand.run options
    | Some(GlemArguments.Grid options) -> GridCommand.run options
    | Some(GlemArguments.Replay options) -> ReplayCommand.run options
    | Some(GlemArguments.Predict options) -> PredictCommand.run options
    | Some(GlemArguments.Evaluate options) -> EvaluateCommand.run options
    | Some(GlemArguments.Embed options) -> EmbedCommand.run options
    | Some(GlemArguments.Pretrain options) -> PretrainCommand.run options
    | Some(GlemArguments.Report options) -> ReportCommand.run options
    | Some(GlemArguments.Watch options) -> WatchCommand.run options
    | Some(GlemArguments.Query options) -> QueryCommand.run options
    | Some(GlemArguments.Export options) -> ExportCommand.run options
    | Some(GlemArguments.Recipe options) -> RecipeCommand.run options
    | Some(GlemArguments.Data options) -> DataCommand.run options
    | Some(GlemArguments.Model options) -> ModelCommand.run options
    | Some(GlemArguments.Store options) -> StoreCommand.run options
    | Some(GlemArguments.Laws options) -> LawsCommand.run options
    | Some GlemArguments.Doctor -> DoctorCommand.run ()
    | _ ->
        arguments.Parser.PrintUsage() |> Console.line
        Ok()

/// Exit codes: 0 fine, 1 the run failed, 2 the input is wrong.
[<EntryPoint>]
let main arguments =
    let verbose = Array.contains "--verbose" arguments

    let fail code (message: string) (problem: exn option) =
        Console.error message

        if verbose then
            problem |> Option.iter (fun problem -> eprintfn $"%O{problem}")

        code

    try
        let parser = ArgumentParser.Create<GlemArguments>(programName = "glem", checkStructure = false)
        let parsed = parser.ParseCommandLine(arguments, raiseOnUsage = true)

        if parsed.Contains GlemArguments.Version then
            Console.line $"glem %s{(RunRecord.versions ()).Glem}"
            0
        else
            match commands parsed with
            | Ok() -> 0
            | Error error -> fail 2 (GlemError.message error) None
    with
    | :? ArguParseException as problem when problem.ErrorCode = ErrorCode.HelpText ->
        Console.line problem.Message
        0
    | :? ArguParseException as problem ->
        // Argu's message is the complaint and then the usage text.
        let firstLine = problem.Message.Split('\n')[0]
        let complaint = firstLine.Replace("ERROR: ", "").Trim()
        fail 2 $"%s{complaint} (--help shows the options)" (Some problem)
    | StoppedException(signal, message) ->
        Console.Error.WriteLine message
        Interruption.endBy signal
    | GlemException error as problem -> fail 2 (GlemError.message error) (Some problem)
    | :? DllNotFoundException as problem -> fail 2 problem.Message (Some problem)
    | problem -> fail 1 problem.Message (Some problem)
