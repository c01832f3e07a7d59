namespace Glem

open System.Globalization

/// What training a graph network on every node of a graph once takes.
type StepCost = {
    /// As recipes name it.
    Model: string
    /// Whether neighbours are sampled, 10 of a node and 10 of each of these, 1024 nodes a step; else a step is the whole graph.
    Sampled: bool
    Nodes: int
    /// Undirected, each counted once.
    Edges: int
    /// d, of the node features.
    Width: int
    /// Of a hidden layer.
    Hidden: int
    /// Steps measured, after two that were not.
    Steps: int
    /// Seconds an epoch: the median step times the steps that take every node once.
    Processor: float
    Wall: float
    /// What training cannot do without, bytes: StepCost.dataBytes.
    Data: int64
    /// The largest resident set during the steps less what the process held before the graph was there, bytes.
    Peak: int64
} with

    /// "sampled" or "all".
    member this.Neighbours = if this.Sampled then "sampled" else "all"

    /// Processor time by edge, nanoseconds.
    member this.PerEdge = this.Processor / float this.Edges * 1e9

    /// Peak memory by data.
    member this.Ratio = float this.Peak / float this.Data

module StepCost =
    /// The data's own size: one propagation matrix in compressed rows, both directions of an edge an entry (4 bytes a node,
    /// and 4 for the neighbour and 4 for the weight of each entry), and float32 features. No transpose, no activation.
    let dataBytes (nodes: int) (edges: int) (width: int) =
        4L * int64 (nodes + 1) + 16L * int64 edges + 4L * int64 nodes * int64 width

    let header = "model,neighbours,hidden,width,nodes,edges,steps,processor_s,wall_s,data_bytes,peak_bytes"

    let private number (x: float) = x.ToString("G6", CultureInfo.InvariantCulture)

    /// As a line of scaling.csv.
    let toLine (cost: StepCost) =
        String.concat "," [
            cost.Model
            cost.Neighbours
            string cost.Hidden
            string cost.Width
            string cost.Nodes
            string cost.Edges
            string cost.Steps
            number cost.Processor
            number cost.Wall
            string cost.Data
            string cost.Peak
        ]

    /// What toLine wrote; nothing for any other line.
    let ofLine (line: string) : StepCost option =
        let (|Whole|_|) (text: string) =
            match System.Int64.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture) with
            | true, value -> Some value
            | _ -> None

        let (|Real|_|) (text: string) =
            match System.Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
            | true, value -> Some value
            | _ -> None

        match line.Split ',' with
        | [| model
             ("all" | "sampled" as neighbours)
             Whole hidden
             Whole width
             Whole nodes
             Whole edges
             Whole steps
             Real processor
             Real wall
             Whole data
             Whole peak |] ->
            Some {
                Model = model
                Sampled = neighbours = "sampled"
                Hidden = int hidden
                Width = int width
                Nodes = int nodes
                Edges = int edges
                Steps = int steps
                Processor = processor
                Wall = wall
                Data = data
                Peak = peak
            }
        | _ -> None
