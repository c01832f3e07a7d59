namespace Glem

open System
open System.IO
open Spectre.Console

/// A small histogram: bins [From, To], each with its count.
type HistogramBin = { From: int; To: int; Count: int }

/// One node as an example.
type ExampleNode = {
    Id: string
    Class: string
    Degree: int
    /// The beginning of its text.
    Text: string
}

/// What `glem data describe` shows.
type Description = {
    Info: DatasetInfo
    Fingerprint: string
    Nodes: int
    /// Undirected, without loops.
    Edges: int
    Hygiene: Hygiene
    ClassSizes: (string * int) list
    MeanDegree: float
    Degrees: HistogramBin list
    MeanWords: float
    MedianWords: int
    Words: HistogramBin list
    /// Share of edges between nodes of one class; nothing where no edge has two labels.
    Homophily: float option
    Split: (string * int) list
    /// Test accuracy of a logistic regression that sees only the words of a type's own name, and the shares of the most frequent class:
    /// how much of the task the names give away. dotnet-api only.
    NameOnlyAccuracy: float option
    MajorityAccuracy: float
    Examples: ExampleNode list
}

module Describe =
    /// Bins 0, 1, 2-3, 4-7, ... up to the largest value.
    let private histogram (values: int[]) =
        let bin value = if value = 0 then 0 else 1 + Numerics.BitOperations.Log2(uint32 value)
        let counts = values |> Array.countBy bin |> dict

        [
            for b in 0 .. bin (Array.max values) do
                {
                    From = if b = 0 then 0 else 1 <<< (b - 1)
                    To = if b = 0 then 0 else (1 <<< b) - 1
                    Count =
                        match counts.TryGetValue b with
                        | true, count -> count
                        | false, _ -> 0
                }
        ]

    /// Words between white space.
    let wordCount (text: string) = text.Split([| ' '; '\t'; '\n'; '\r' |], StringSplitOptions.RemoveEmptyEntries).Length

    let private testAccuracy (audit: Audit) posterior =
        let nodes, truth = Audit.truth Test audit |> Array.map (fun (struct (i, k)) -> i, k) |> Array.unzip

        if nodes.Length = 0 then
            0.0
        else
            Predictions.ofPosterior posterior nodes truth |> Metrics.accuracy

    /// Words of the type's own name, with which each text of dotnet-api begins.
    let private ownNames (dataset: Dataset) =
        dataset.Graph.Texts
        |> Array.map (fun text -> Tfidf.camelWords (text.Split(' ')[0]))
        |> Tfidf.ofTokens 50_000

    /// Counts, distributions and examples of a data set. Trains the name-only classifier for dotnet-api (seconds).
    let run (dataset: Dataset) : Description =
        let graph = dataset.Graph
        let audit = dataset.Audit
        let n = graph.NodeCount
        let degrees = Array.init n (fun i -> graph.Edges.Degree(i * 1<node>))
        let words = graph.Texts |> Array.map wordCount

        let example i =
            let text = graph.Texts[i]

            {
                Id = graph.Ids[i]
                Class =
                    (match audit.Label(i * 1<node>) with
                     | ValueSome k -> dataset.ClassNames[int k]
                     | ValueNone -> "")
                Degree = degrees[i]
                Text = if text.Length <= 240 then text else text.Substring(0, 240) + " ..."
            }

        // A Dataset has training and validation nodes.
        let supervision = Supervision.ofSplit dataset.Labels dataset.Split |> Result.orRaise
        let validation = Validation.ofSplit dataset.Labels dataset.Split |> Result.orRaise

        {
            Info = dataset.Info
            Fingerprint = dataset.Fingerprint
            Nodes = n
            Edges = graph.Edges.EdgeCount / 2
            Hygiene = Hygiene.ofDataset dataset
            ClassSizes = List.zip (List.ofArray dataset.ClassNames) (List.ofArray (Audit.classSizes audit))
            MeanDegree = degrees |> Array.averageBy float
            Degrees = histogram degrees
            MeanWords = words |> Array.averageBy float
            MedianWords = (Array.sort words)[n / 2]
            Words = histogram words
            Homophily = Audit.edgeHomophily graph.Edges audit |> ValueOption.toOption
            Split = [
                for part, name in [ Train, "train"; Valid, "valid"; Test, "test"; Unassigned, "unassigned" ] do
                    name, (Split.nodes part dataset.Split).Length
            ]
            NameOnlyAccuracy =
                if dataset.Info.Name = "dotnet-api" then
                    (LogisticRegression.select supervision validation (ownNames dataset)).Posterior
                    |> testAccuracy audit
                    |> Some
                else
                    None
            MajorityAccuracy = Majority.predict supervision |> testAccuracy audit
            // The first, the middle and the last of the nodes.
            Examples = [ 0; n / 2; n - 1 ] |> List.distinct |> List.map example
        }

    let private bars (title: string) (bins: (string * int) list) =
        let longest = bins |> List.map snd |> List.fold max 1
        let table = Table(Border = TableBorder.Minimal)
        table.AddColumn(title).AddColumn(TableColumn("nodes").RightAligned()).AddColumn("") |> ignore

        for name, count in bins do
            let bar = String('#', int (Math.Ceiling(30.0 * float count / float longest)))
            table.AddRow(Markup.Escape name, string count, bar) |> ignore

        table

    let private range bin = if bin.From = bin.To then string bin.From else $"%d{bin.From}-%d{bin.To}"

    /// Writes a description as tables.
    let render (console: IAnsiConsole) (description: Description) =
        let line (name: string) (value: string) =
            console.MarkupLine $"[bold]%s{Markup.Escape name}[/] %s{Markup.Escape value}"

        line "name" description.Info.Name
        line "licence" description.Info.Licence
        line "source" description.Info.Source
        line "attribution" description.Info.Attribution
        line "fingerprint" description.Fingerprint
        line "nodes" (string description.Nodes)
        line "edges" (string description.Edges)

        for finding in Hygiene.lines description.Hygiene do
            line "note" finding

        match description.Homophily with
        | Some homophily -> line "homophily" $"%.3f{homophily}"
        | None -> ()

        let parts = description.Split |> List.map (fun (name, size) -> $"%s{name} %d{size}")
        line "split" $"""%s{description.Info.SplitPolicy}: %s{String.Join(", ", parts)}"""
        line "majority, test accuracy" $"%.3f{description.MajorityAccuracy}"

        match description.NameOnlyAccuracy with
        | Some accuracy -> line "type's own name only, test accuracy" $"%.3f{accuracy}"
        | None -> ()

        let bins histogram = histogram |> List.map (fun bin -> range bin, bin.Count)
        console.Write(bars $"class (%d{description.ClassSizes.Length})" description.ClassSizes)
        console.Write(bars $"degree (mean %.1f{description.MeanDegree})" (bins description.Degrees))

        console.Write(
            bars
                $"words (mean %.0f{description.MeanWords}, median %d{description.MedianWords})"
                (bins description.Words)
        )

        for example in description.Examples do
            line example.Id $"(%s{example.Class}, %d{example.Degree} neighbours): %s{example.Text}"
