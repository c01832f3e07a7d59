namespace Glem

open System
open System.Diagnostics
open System.IO
open System.Threading
open Argu

/// glem grid: an experiment, from its words to its verdict.
module GridCommand =
    let private defaultOut (experiment: Experiment) = Path.Combine("runs", CellName.format experiment.Name [])

    /// The experiment as the options change it.
    let private adapted (options: ParseResults<GridArguments>) (experiment: Experiment) =
        let seeds experiment =
            match options.TryGetResult GridArguments.Seeds with
            | None -> Ok experiment
            | Some count when count < 1 -> Error(InSetting("--seeds", string count, "a whole number from 1"))
            | Some count ->
                Experiment.check {
                    experiment with
                        Seeds = [ 0 .. count - 1 ]
                }

        let quick experiment =
            if options.Contains GridArguments.Quick then
                Experiment.quick experiment
            else
                Ok experiment

        Experiment.withSettings (options.GetResults GridArguments.Set) experiment
        |> Result.bind quick
        |> Result.bind seeds

    /// Refuses to divide an experiment whose cells compete: who goes on depends on all of them.
    let private undivided (options: ParseResults<GridArguments>) (experiment: Experiment) =
        let refuse key =
            let instead = "--jobs, or the same command several times on one folder"
            Error(InSetting(key, "an experiment that halves", instead))

        if experiment.Halving.IsNone then Ok()
        elif options.Contains GridArguments.Shard then refuse "--shard"
        elif options.Contains GridArguments.Slurm then refuse "--slurm"
        else Ok()

    /// "k/N", the k-th of N.
    let private shard (options: ParseResults<GridArguments>) (cells: Cell list) =
        match options.TryGetResult GridArguments.Shard with
        | None -> Ok cells
        | Some text ->
            match text.Split '/' |> Array.map Int32.TryParse with
            | [| true, k; true, n |] when k >= 1 && k <= n -> Ok(CellCost.shard k n cells)
            | _ -> Error(InSetting("--shard", text, "k/N, such as 1/4: the first of four"))

    /// Whether all that the cells name is there, before any of them is begun.
    let private runnable (cells: Cell list) =
        let recipes = cells |> List.map _.Recipe |> List.distinct

        (Ok(), recipes)
        ||> List.fold (fun fine recipe ->
            fine
            |> Result.bind (fun () -> Recipe.runnable recipe)
            |> Result.bind (fun _ ->
                if Datasets.isHere recipe.Dataset then
                    Ok()
                else
                    Datasets.find recipe.Dataset |> Result.map ignore))

    let private introduce (experiment: Experiment) (cells: Cell list) (out: string) =
        Console.line $"%s{experiment.Name}: %s{experiment.Question}"
        let names = cells |> List.map Cell.name |> List.distinct
        let counted count one = if count = 1 then $"1 %s{one}" else $"%d{count} %s{one}s"

        Console.line
            $"""%s{counted cells.Length "run"}: %s{counted names.Length "cell"}, %s{counted experiment.Seeds.Length "seed"}; in %s{out}/"""

        if cells |> List.exists Cell.usesHeldOutLabels then
            let oracles =
                cells
                |> List.filter Cell.usesHeldOutLabels
                |> List.map Cell.name
                |> List.distinct
                |> String.concat ", "

            Console.line $"† %s{oracles}: learns from held-out labels, a ceiling and no result"

    /// The threads of each of several processes.
    let private threadsEach jobs = max 1 (Glem.Torch.Extensions.Engine.Threads / jobs)

    let private showStages (stages: GridStages) =
        let width = stages.Rows |> List.map (_.Name.Length) |> List.fold max 0

        for row in stages.Rows do
            Console.line
                $"  %s{row.Name.PadRight width}  %5d{row.Asked} asked for  %5d{row.Distinct} different  %5d{row.Kept} in the store"

        let asked = stages.Rows |> List.sumBy _.Asked
        let distinct = stages.Rows |> List.sumBy _.Distinct
        let kept = stages.Rows |> List.sumBy _.Kept

        Console.line
            $"%d{asked} stages, %d{asked - distinct} of them shared between runs, %d{kept} kept; %d{distinct - kept} to compute"

    let private dryRun (experiment: Experiment) (cells: Cell list) out store threads =
        let show (plan: GridPlan) (stages: GridStages) =
            let byName = plan.Cells |> List.groupBy (fst >> Cell.name)
            let width = byName |> List.map (fst >> _.Length) |> List.max

            for name, cells in byName do
                let there = cells |> List.filter (snd >> GridPlan.isDone) |> List.length
                let seeds = cells |> List.map (fun (cell, _) -> string cell.Seed) |> String.concat " "
                Console.line $"  %s{name.PadRight width}  seeds %s{seeds}, %d{there} there"

            if not stages.Rows.IsEmpty then
                showStages stages

            experiment.Gate
            |> Option.iter (fun gate ->
                let cell = Experiment.gateCell experiment cells

                Console.line
                    $"first %s{Cell.name cell} seed %d{cell.Seed}: nothing else unless %s{gate.Rung} reaches %.1f{100.0 * gate.AtLeast} %% on validation")

            // Stages know what is shared; runs know what a stage does that was never measured.
            match stages.Seconds, GridPlan.ahead plan with
            | Some seconds, _ -> Console.line $"about %s{GridView.Duration seconds} of work, as such stages took before"
            | None, Some seconds ->
                Console.line $"about %s{GridView.Duration seconds} of work if nothing is shared, as runs took before"
            | None, None -> Console.line "no estimate: nothing like it was measured yet"

            experiment.BudgetMinutes
            |> Option.iter (fun minutes ->
                Console.line $"budget: %g{minutes} min; what the estimate puts beyond is left out")

        GridPlan.look out cells
        |> Result.bind (fun plan ->
            GridStages.look store (Compute.automatic ()) threads (GridPlan.missing plan)
            |> Result.map (show plan))

    let private tableFile out = Path.Combine(out, "table.md")

    /// Writes table and page of the runs that are there; the table and these runs.
    let rec private writeResults (experiment: Experiment) (out: string) =
        let cells = Experiment.cells experiment |> Result.orRaise |> Grid.asked out experiment
        let finished = Grid.finished out cells
        let results = finished |> List.map (fun (cell, summary, _) -> cell, summary) |> CellResult.ofRuns
        let deviations = Preregistration.deviations out |> Result.orRaise
        let text = GridTable.markdown experiment results deviations
        RunFile.write (tableFile out) text |> Result.orRaise

        if not results.IsEmpty then
            GridReport.write out out |> Result.orRaise

        // Another process may have finished a run meanwhile, and written more than this one did, and before it.
        if (Grid.finished out cells).Length > finished.Length then
            writeResults experiment out
        else
            text, results

    /// Tables, verdict, and what is missing.
    let private conclude (experiment: Experiment) (out: string) (outcome: GridOutcome) =
        let text, results = writeResults experiment out
        Console.line ""
        Console.line (text.TrimEnd())
        Console.line ""

        if List.isEmpty results then
            Console.line $"The same is in %s{tableFile out}."
        else
            Console.line $"The same is in %s{tableFile out}; %s{out}/report.html has it all, with pictures."

        let listed what (cells: Cell list) =
            if not cells.IsEmpty then
                let names =
                    cells |> List.map (fun cell -> $"%s{Cell.name cell} seed %d{cell.Seed}") |> String.concat "; "

                Console.line $"%s{what}: %s{names}"

        listed "Left out, beyond the budget" outcome.BeyondBudget
        listed "Not run here, for another process has them" outcome.Elsewhere

        outcome.Closed |> Option.iter (Grid.closedBy >> failwith)

        match outcome.Failed with
        | [] -> ()
        | failed ->
            for cell, problem in failed do
                Console.line $"%s{Cell.name cell} seed %d{cell.Seed} failed: %s{problem}"

            let count = if failed.Length = 1 then "1 run" else $"%d{failed.Length} runs"
            failwith $"%s{count} failed; the same command runs them again, and nothing else"

    let private inProcess request store (plan: GridPlan) cancel =
        GridView.Run(
            plan,
            fun view ->
                let run = CellRun(Compute.automatic (), store, cancel, view)

                Grid.run {
                    request with
                        Run = run.Make
                        Watch = view.Watch
                }
        )

    let private inProcesses (request: GridRequest) count file options (plan: GridPlan) cancel =
        let workers = {
            Count = count
            File = file
            Output = request.Output
            Options = options
            Cells = request.Cells
        }

        GridView.Run(
            plan,
            fun view ->
                GridWorkers.run workers (threadsEach count) cancel Console.line view.Watch
                Grid.survey request
        )

    let private jobs (options: ParseResults<GridArguments>) =
        match options.GetResult(GridArguments.Jobs, 1) with
        | count when count >= 1 -> Ok count
        | count -> Error(InSetting("--jobs", string count, "a whole number from 1"))

    /// What the worker processes are told beside the experiment's file and folder.
    let private handedOn (options: ParseResults<GridArguments>) = [
        for option, value in
            [
                "--shard", options.TryGetResult GridArguments.Shard
                "--store", options.TryGetResult GridArguments.Store
            ] do
            match value with
            | Some value ->
                option
                value
            | None -> ()
    ]

    let private request experiment cells out cancel = {
        Experiment = experiment
        Cells = cells
        Output = out
        Run = fun _ _ -> invalidOp "no run was given"
        Cancel = cancel
        Watch = ignore
    }

    // Set for a script that this program runs.
    let private listens = "GLEM_STOPS_WITH_INPUT"
    let private isScript () = Environment.GetEnvironmentVariable listens = "1"

    let private start (options: ParseResults<GridArguments>) (experiment: Experiment) cells out store jobs =
        let isWorker = options.Contains GridArguments.Worker

        // What another process of the same grid wrote down is not written again.
        let register () = if isWorker then Ok "" else Preregistration.register out experiment

        register ()
        |> Result.bind (fun file ->
            if not isWorker then
                Grid.forgetFailures out experiment cells

            GridPlan.look out cells
            |> Result.bind (fun plan ->
                let work (cancel: CancellationToken) =
                    let request = request experiment cells out cancel

                    if jobs = 1 then
                        inProcess request store plan cancel
                    else
                        inProcesses request jobs file (handedOn options) plan cancel

                Interruption.during (isWorker || isScript ()) work))
        |> Result.map (fun outcome ->
            if not isWorker then
                conclude experiment out outcome)

    /// A task of Slurm's: some cells, or the table and the page. Raises where one of its cells has failed.
    let private task (experiment: Experiment) (cells: Cell list) out store (submission: string, name: string) =
        let own names =
            names
            |> List.choose (fun (name, seed) ->
                cells |> List.tryFind (fun cell -> Cell.name cell = name && cell.Seed = seed))

        let run (cells: Cell list) =
            // What is there already is known to who submitted it.
            let plan = {
                Cells = cells |> List.map (fun cell -> cell, CellState.Missing)
                Rate = None
            }

            Interruption.during false (fun cancel -> inProcess (request experiment cells out cancel) store plan cancel)
            |> Result.map (fun outcome ->
                match outcome.Failed with
                | [] -> ()
                | (cell, problem) :: others ->
                    let more = if others.IsEmpty then "" else $" (and %d{others.Length} more)"
                    failwith $"%s{Cell.name cell} seed %d{cell.Seed} failed: %s{problem}%s{more}")

        SlurmSubmission.read (Path.GetDirectoryName submission |> string)
        |> Result.bind (SlurmSubmission.cells name)
        |> Result.bind (fun names ->
            if name.StartsWith $"%s{SlurmPlan.report}." then
                request experiment cells out CancellationToken.None
                |> Grid.survey
                |> Result.map (conclude experiment out)
            else
                run (own names))

    /// An experiment with the command line's options.
    let private execute (options: ParseResults<GridArguments>) (experiment: Experiment) : Result<unit, GlemError> =
        adapted options experiment
        |> Result.bind (fun experiment ->
            let out = options.GetResult(GridArguments.Out, defaultOut experiment)

            let given = options.TryGetResult GridArguments.Store
            let isDry = options.Contains GridArguments.Dry_Run

            let work cells jobs slurm store =
                let show threads = dryRun experiment cells out store threads

                match options.TryGetResult GridArguments.Task, slurm with
                | Some named, _ -> task experiment cells out store named
                | None, Some(slurm: SlurmOptions) ->
                    let folder = if given = Some "none" then None else Some(StoreFolder.path given)

                    (if isDry then show slurm.Cpus else Ok())
                    |> Result.bind (fun () -> GridSlurm.run slurm experiment cells out store folder isDry)
                | None, None when isDry -> show (threadsEach jobs)
                | None, None -> start options experiment cells out store jobs

            undivided options experiment
            |> Result.bind (fun () -> Experiment.cells experiment)
            |> Result.bind (shard options)
            |> Result.bind (fun cells ->
                runnable cells
                |> Result.bind (fun () -> jobs options)
                |> Result.bind (fun jobs ->
                    GridSlurm.options options
                    |> Result.bind (fun slurm ->
                        StoreOption.find given
                        |> Result.bind (fun store ->
                            introduce experiment cells out
                            work cells jobs slurm store)))))

    let private parser () = ArgumentParser.Create<GridArguments>(programName = "grid", checkStructure = false)

    /// Runs a script with the options that are meant for its experiment, and ends as it does.
    let private script (file: string) (options: ParseResults<GridArguments>) =
        let own =
            options.GetAllResults()
            |> List.filter (function
                | GridArguments.File _ -> false
                | _ -> true)
            |> parser().PrintCommandLineArguments
            |> List.ofArray

        let info = ProcessStartInfo("dotnet", "fsi" :: file :: "--" :: own, RedirectStandardInput = true)
        info.Environment[listens] <- "1"
        use started = Process.Start info |> nonNull
        Interruption.through started

        if started.ExitCode <> 0 then
            exit started.ExitCode

    let run (options: ParseResults<GridArguments>) : Result<unit, GlemError> =
        match options.TryGetSubCommand(), options.TryGetResult GridArguments.File with
        | Some(GridArguments.Status status), _ -> GridStatusCommand.run status
        | _, None -> Error(InSetting("grid", "no file", "an experiment: FILE.fsx or FILE.json"))
        | _, Some file ->
            match (Path.GetExtension file |> string).ToLowerInvariant() with
            | ".json" -> ExperimentJson.read file |> Result.bind (execute options)
            | ".fsx" when File.Exists file -> Ok(script file options)
            | ".fsx" -> Error(InFile(file, "", "no such file", "a script that ends in Script.run"))
            | other -> Error(InFile(file, "", $"the ending '%s{other}'", ".fsx or .json"))

    /// A script's last step: its experiment, with the options behind `--`.
    let ofScript
        (options: ParseResults<GridArguments>)
        (experiment: Result<Experiment, GlemError>)
        : Result<unit, GlemError> =
        experiment |> Result.bind (execute options)
