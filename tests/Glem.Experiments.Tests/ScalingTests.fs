module Glem.Experiments.Tests.ScalingTests

open System.IO
open System.Xml.Linq
open Glem
open Xunit

let private cost edges seconds = {
    Model = "gcn"
    Sampled = true
    Nodes = edges / 10
    Edges = edges
    Width = 128
    Hidden = 64
    Steps = 5
    Processor = seconds
    Wall = seconds / 2.0
    Data = StepCost.dataBytes (edges / 10) edges 128
    Peak = 3L * StepCost.dataBytes (edges / 10) edges 128
}

[<Fact>]
let ``a cost is read from its line as it was written, and from no other line`` () =
    let cost = cost 100000 0.125
    Assert.Equal(Some cost, StepCost.ofLine (StepCost.toLine cost))
    Assert.Equal(None, StepCost.ofLine StepCost.header)
    Assert.Equal(None, StepCost.ofLine "gcn,64")

[<Fact>]
let ``data are one matrix in compressed rows and the features`` () =
    // 11 offsets, 2 * 100 neighbours with their weights, 10 rows of 128.
    Assert.Equal(4L * (11L + 400L + 1280L), StepCost.dataBytes 10 100 128)

[<Fact>]
let ``the exponent of growth is the slope on logarithms`` () =
    let growth power = [ for x in [ 1e5; 1e6; 1e7 ] -> x, 3.0 * x ** power ] |> LogLogPlot.slope
    Assert.Equal(1.0, (growth 1.0).Value, 9)
    Assert.Equal(1.5, (growth 1.5).Value, 9)
    Assert.Equal(None, LogLogPlot.slope [ 1.0, 1.0 ])

[<Fact>]
let ``the plot is well-formed SVG with a point for each size and the names escaped`` () =
    let line = {
        Name = "a < b"
        Points = [ 1e5, 0.1; 1e6, 1.1; 1e7, 12.0 ]
        IsReference = false
    }

    let svg =
        LogLogPlot.svg [
            {
                Title = "Time"
                X = "edges"
                Y = "s"
                Lines = [ line; { line with IsReference = true } ]
            }
        ]

    let root = (XDocument.Parse svg).Root |> nonNull
    let all name = root.Descendants(XName.Get(name, "http://www.w3.org/2000/svg")) |> Seq.toList
    Assert.Equal(2, (all "polyline").Length)
    Assert.Equal(3, (all "circle").Length)
    Assert.Contains(all "text", (fun text -> text.Value.StartsWith "a < b (slope 1.0"))

[<Fact>]
let ``what is 0 has no place on a logarithmic axis and is left out`` () =
    let panel points = {
        Title = "Memory"
        X = "edges"
        Y = "MB"
        Lines = [
            {
                Name = "a"
                Points = points
                IsReference = false
            }
        ]
    }

    let circles points =
        (XDocument.Parse(LogLogPlot.svg [ panel points ]))
            .Descendants(XName.Get("circle", "http://www.w3.org/2000/svg"))
        |> Seq.length

    Assert.Equal(2, circles [ 1e4, 0.0; 1e5, 20.0; 1e6, 200.0 ])
    Assert.Equal(0, circles [ 1e4, 0.0 ])
    Assert.Equal(1.0, (LogLogPlot.slope [ 1e4, 0.0; 1e5, 20.0; 1e6, 200.0 ]).Value, 9)

[<Fact>]
let ``the report says growth and ratio, and a round where one was measured`` () =
    use folder = new TestFolder()

    let machine = {
        Cpu = "a processor"
        Threads = 2
        Compute = "float32 on cpu"
        Blas = "a BLAS"
        OperatingSystem = "an OS"
    }

    let costs = [ cost 100000 0.1; cost 1000000 1.1 ]

    let round = {
        Command = "./glem run"
        Cost = {
            Wall = 90.0
            Processor = 120.0
            Peak = 2500000000L
        }
    }

    ScalingReport.write folder.Path machine "a command" costs [ round ] |> Result.orRaise
    let read name = File.ReadAllText(Path.Combine(folder.Path, name))
    let page = read "report.md"
    Assert.Contains("| gcn | sampled | 64 | 100000 | 1000000 | 1.100 | 0.550 | 1100 | 68 | 203 | 3.0 |", page)
    Assert.Contains("| gcn | sampled | 64 | 1.04 | 1.10 | 1.00 |", page)
    Assert.Contains("1.5 min from start to end, 2.0 min of processor time, at most 2.50 GB resident", page)

    Assert.Equal<string list>(
        costs |> List.map StepCost.toLine,
        List.ofArray (File.ReadAllLines(Path.Combine(folder.Path, "scaling.csv"))) |> List.tail
    )

    ScalingReport.write folder.Path machine "a command" costs [] |> Result.orRaise
    Assert.DoesNotContain("debian", read "report.md")

[<Fact>]
let ``a program's cost is seen while it runs, and its exit code kept`` () =
    let code, cost =
        ProcessCost.ofProgram "bash" [ "-c"; "x=$(head -c 30000000 /dev/zero | tr '\\0' x); sleep 0.5; exit 3" ]

    Assert.Equal(3, code)
    Assert.InRange(cost.Wall, 0.5, 120.0)
    Assert.InRange(cost.Peak, 30_000_000L, 1_000_000_000L)

[<Fact>]
let ``the graph alone is the one that the data set of the same settings has`` () =
    let settings = { Synthetic.standard with Nodes = 500 }
    let csr, classes = Synthetic.graph settings |> Result.orRaise

    let dataset =
        Synthetic.build settings |> Result.orRaise |> fst |> Dataset.ofRecords "synthetic" |> Result.orRaise

    Assert.Equal(dataset.Graph.Edges, csr)
    Assert.Equal<int>([| 100; 100; 100; 100; 100 |], classes |> Array.countBy id |> Array.map snd)
