namespace Glem

open System.Globalization
open System.IO

/// One GLEM round, measured from outside.
type RoundCost = { Command: string; Cost: ProcessCost }

/// What the scaling script found, as a table of lines, a page and a plot.
module ScalingReport =
    let private show (format: string) (value: float) = value.ToString(format, CultureInfo.InvariantCulture)
    let private megabytes (bytes: int64) = show "0" (float bytes / 1e6)

    let private table headings rows =
        MarkdownTable.line headings
        + MarkdownTable.line (headings |> List.map (fun _ -> "---:"))
        + (rows |> List.map MarkdownTable.line |> String.concat "")

    let private series (costs: StepCost list) =
        costs |> List.groupBy (fun cost -> cost.Model, cost.Neighbours, cost.Hidden)

    /// How far a series is from proportion: its largest time by edge over its smallest.
    let growth (costs: StepCost list) =
        let perEdge = costs |> List.map _.PerEdge
        List.max perEdge / List.min perEdge

    let private steps (costs: StepCost list) =
        let headings = [
            "model"
            "neighbours"
            "hidden"
            "nodes"
            "edges"
            "processor, s an epoch"
            "wall, s an epoch"
            "processor, ns an edge"
            "data, MB"
            "peak, MB"
            "peak / data"
        ]

        table headings [
            for cost in costs ->
                [
                    cost.Model
                    cost.Neighbours
                    string cost.Hidden
                    string cost.Nodes
                    string cost.Edges
                    show "0.000" cost.Processor
                    show "0.000" cost.Wall
                    show "0" cost.PerEdge
                    megabytes cost.Data
                    megabytes cost.Peak
                    show "0.0" cost.Ratio
                ]
        ]

    let private exponents (costs: StepCost list) =
        let exponent select costs =
            costs
            |> List.map (fun (cost: StepCost) -> float cost.Edges, select cost)
            |> LogLogPlot.slope
            |> Option.map (show "0.00")
            |> Option.defaultValue ""

        let headings = [
            "model"
            "neighbours"
            "hidden"
            "time grows as edges to the"
            "largest time by edge / smallest"
            "memory grows as edges to the"
        ]

        table headings [
            for (model, neighbours, hidden), costs in series costs ->
                [
                    model
                    neighbours
                    string hidden
                    exponent _.Processor costs
                    show "0.00" (growth costs)
                    exponent (fun cost -> float cost.Peak) costs
                ]
        ]

    /// Time and memory against edges, with the data's own size and its double.
    let plot (costs: StepCost list) =
        let lines select = [
            for (model, neighbours, hidden), costs in series costs ->
                {
                    Name = $"%s{model}, %s{neighbours} neighbours, hidden %d{hidden}"
                    Points = costs |> List.map (fun cost -> float cost.Edges, select cost)
                    IsReference = false
                }
        ]

        let reference name times = {
            Name = name
            Points =
                costs
                |> List.map (fun cost -> float cost.Edges, times * float cost.Data / 1e6)
                |> List.distinct
                |> List.sort
            IsReference = true
        }

        LogLogPlot.svg [
            {
                Title = "Processor time of one epoch"
                X = "edges"
                Y = "seconds"
                Lines = lines _.Processor
            }
            {
                Title = "Peak memory"
                X = "edges"
                Y = "MB"
                Lines =
                    lines (fun cost -> float cost.Peak / 1e6)
                    @ [ reference "the data" 1.0; reference "twice the data" 2.0 ]
            }
        ]

    let private round (round: RoundCost) =
        let wall = show "0.0" (round.Cost.Wall / 60.0)
        let processor = show "0.0" (round.Cost.Processor / 60.0)
        let peak = show "0.00" (float round.Cost.Peak / 1e9)

        $"`%s{round.Command}`: %s{wall} min from start to end, %s{processor} min of processor time, at most %s{peak} GB resident.\n"

    let private page (machine: Machine) (command: string) (costs: StepCost list) (rounds: RoundCost list) =
        String.concat "" [
            "# How do time and memory grow with the graph?\n\n"
            $"From `%s{command}` on %s{machine.Cpu}, %d{machine.Threads} threads, %s{machine.Compute}, %s{machine.Blas}.\n\n"
            "![Time and memory against edges](plot.svg)\n\n"
            "## Training on every node once\n\n"
            "Two-layer networks with the recipes' defaults on made-up graphs (`Synthetic.graph`: 10 edges a node in random order, 10 classes), "
            "128 random features a node: forward, backward and AdamW. With all neighbours an epoch is one step on the whole graph; with sampled ones "
            "(10 of a node, 10 of each of these) it is as many steps of 1024 nodes as take every node once. Times are the median step's. Data are one "
            "compressed-row matrix with weights and the features; the peak is the process' largest resident set during the steps less what it held "
            "before the graph was there.\n\n"
            steps costs
            "\n"
            exponents costs
            if not rounds.IsEmpty then
                "\n## One GLEM round on debian\n\n"
                rounds |> List.map round |> String.concat "\n"
        ]

    /// Writes scaling.csv, report.md and plot.svg, each whole or not at all.
    let write (folder: string) (machine: Machine) (command: string) (costs: StepCost list) (rounds: RoundCost list) =
        let file name text = RunFile.write (Path.Combine(folder, name)) text

        let csv =
            StepCost.header :: (costs |> List.map StepCost.toLine)
            |> List.map (fun line -> line + "\n")
            |> String.concat ""

        file "scaling.csv" csv
        |> Result.bind (fun () -> file "plot.svg" (plot costs))
        |> Result.bind (fun () -> page machine command costs rounds |> file "report.md")
