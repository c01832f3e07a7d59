namespace Glem

open System.Globalization

/// What the figures rest on: cost, data, configuration, machine, and the command that does it again.
module internal RunSection =
    let seconds (x: float) =
        if x < 60.0 then x.ToString("0.0", CultureInfo.InvariantCulture) + " s"
        elif x < 3600.0 then $"%d{int x / 60} min %02d{int x % 60} s"
        else $"%d{int x / 3600} h %02d{int x % 3600 / 60} min"

    let total run = run.Summary.Seconds |> List.sumBy snd

    let private number (x: int) = x.ToString("#,0", CultureInfo.InvariantCulture)

    let private costs anchor arm =
        let stages = arm.Runs |> List.collect (fun run -> List.map fst run.Summary.Seconds) |> List.distinct

        let spent stage =
            arm.Runs
            |> List.collect (fun run -> run.Summary.Seconds |> List.filter (fun (s, _) -> s = stage) |> List.map snd)

        let mean = stages |> List.map (fun stage -> stage, List.average (spent stage))
        let whole = mean |> List.sumBy snd

        let share x =
            Spread.percent {
                Mean = (if whole > 0.0 then x / whole else 0.0)
                Deviation = None
            }

        let peak =
            match arm.Runs |> List.choose _.Summary.PeakRssMb with
            | [] -> []
            | peaks -> [ Prose $"Peak resident memory: %.0f{List.max peaks} MiB." ]

        if stages.IsEmpty && peak.IsEmpty then
            []
        else
            [
                {
                    Anchor = $"%s{anchor}-cost"
                    Title = "Cost"
                    Blocks =
                        peak
                        @ [
                            Figure {
                                Id = $"%s{anchor}-cost-chart"
                                Kind = "cost"
                                Description =
                                    "Wall-clock seconds per stage, in the order the stages ran"
                                    + (if arm.Runs.Length > 1 then " (mean over the runs)." else ".")
                                Data =
                                    Json.object [
                                        "stages",
                                        [
                                            for stage, s in mean ->
                                                Json.object [
                                                    "stage", Json.text stage
                                                    "seconds", Json.float s
                                                    "label", Json.text (seconds s)
                                                ]
                                        ]
                                        |> Json.array
                                    ]
                            }
                            Folded(
                                "The same as a table",
                                [
                                    Table(
                                        Table.create "Time per stage" [ "Stage"; "#Time"; "#Share, %" ] [
                                            for stage, s in mean do
                                                [ stage; seconds s; share s ]
                                            [ "all"; seconds whole; share whole ]
                                        ]
                                    )
                                ]
                            )
                        ]
                }
            ]

    let private optional name value = value |> Option.map (fun v -> [ name; v ]) |> Option.toList

    let private dataCard anchor (card: DatasetCard) =
        let decimal (digits: string) (x: float) = x.ToString(digits, CultureInfo.InvariantCulture)

        {
            Anchor = $"%s{anchor}-data"
            Title = "Data set"
            Blocks = [
                Table(
                    Table.create "Data set card" [ "Property"; "Value" ] [
                        [ "name"; card.Name ]
                        yield! optional "source" card.Source
                        yield! optional "licence" card.Licence
                        [ "nodes"; number card.Nodes ]
                        [ "edges"; number card.Edges ]
                        [ "classes"; number card.Classes.Length ]
                        [
                            "training, validation, test nodes"
                            $"%s{number card.TrainNodes}, %s{number card.ValidNodes}, %s{number card.TestNodes}"
                        ]
                        yield! optional "split" card.SplitPolicy
                        yield! optional "edge homophily" (Option.map (decimal "0.000") card.EdgeHomophily)
                        yield! optional "words per node" (Option.map (decimal "0") card.WordsPerNode)
                        [ "fingerprint (SHA-256)"; card.Fingerprint ]
                    ]
                )
            ]
        }

    let private configuration anchor arm =
        let settings = RunInfo.settings (List.head arm.Runs).Info

        {
            Anchor = $"%s{anchor}-configuration"
            Title = "Configuration"
            Blocks = [
                Folded(
                    $"Effective configuration, %d{settings.Length} settings",
                    [
                        Table(
                            Table.create "Every setting, defaults included" [ "Setting"; "Value" ] [
                                for path, value in settings -> [ path; value ]
                            ]
                        )
                    ]
                )
            ]
        }

    let private reproduction anchor arm =
        let distinct pick = arm.Runs |> List.map pick |> List.distinct |> String.concat "; "

        {
            Anchor = $"%s{anchor}-reproduce"
            Title = "How to reproduce"
            Blocks = [
                Code(arm.Runs |> List.map _.Info.Command |> List.distinct |> String.concat "\n")
                Prose
                    "The same version, data fingerprint, seed, machine kind and thread count give the same numbers, bit for bit."
                Table(
                    Table.create "Where it ran" [ "Property"; "Value" ] [
                        [
                            "Glem"
                            distinct (fun run ->
                                match run.Info.Versions.Commit with
                                | Some commit -> $"%s{run.Info.Versions.Glem} (%s{commit})"
                                | None -> run.Info.Versions.Glem)
                        ]
                        [ ".NET"; distinct _.Info.Versions.DotNet ]
                        [ "libtorch"; distinct _.Info.Versions.LibTorch ]
                        [ "processor"; distinct _.Info.Machine.Cpu ]
                        [ "threads"; distinct (fun run -> string run.Info.Machine.Threads) ]
                        [ "compute"; distinct _.Info.Machine.Compute ]
                        [ "BLAS"; distinct _.Info.Machine.Blas ]
                        [ "operating system"; distinct _.Info.Machine.OperatingSystem ]
                        [ "seeds"; distinct (fun run -> string run.Info.Seed) ]
                        [
                            "started"
                            distinct (fun run -> run.Info.Started.UtcDateTime.ToString "yyyy-MM-dd HH:mm 'UTC'")
                        ]
                    ]
                )
                for run in arm.Runs do
                    for note in run.Notes do
                        Prose $"Seed %d{run.Info.Seed}, %s{note}."
            ]
        }

    let create anchor arm =
        costs anchor arm
        @ [
            configuration anchor arm
            dataCard anchor (List.head arm.Runs).Info.Dataset
            reproduction anchor arm
        ]
