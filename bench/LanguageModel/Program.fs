// Tokens a second of a language model, in training and in inference, beside plain PyTorch on the same text lengths, the
// same machine and the same threads; rounds alternate between the two.
//   dotnet run -c Release --project bench/LanguageModel [-- quickstart|small|base|all [rounds [python]]]
// A round takes about one minute, one and a half, and three to five.
module Glem.Bench.LanguageModel

open Glem
open TorchSharp

let private median (values: float list) = (List.sort values)[values.Length / 2]

let private table rounds python (shape: Shape) =
    let glem = GlemSide shape
    glem.Train() |> ignore

    let ours job (work: Work) = ((job, "Glem"), Rate.ofWork work), (job, work.Flops / work.Cost.Wall)

    let round _ =
        let matrix = MatrixRate.measure glem.Compute
        let work = [ ours "train" (glem.Train()); ours "infer" (glem.Infer()) ]
        let shares = work |> List.map (fun (_, (job, rate)) -> job, rate / matrix)
        List.map fst work @ Peer.measure python shape, (matrix, shares)

    let rounds = List.init rounds round
    let together pairs = pairs |> List.groupBy fst |> List.map (fun (key, all) -> key, List.map snd all)
    let rates = rounds |> List.collect fst |> together
    let matrix = rounds |> List.map (snd >> fst)
    let lengths = Shape.lengths shape

    printfn
        $"%s{shape.Name}: %d{shape.Layers} layers, %d{shape.Hidden} wide, %d{shape.Heads} heads, %d{shape.Intermediate}; %d{Array.sum lengths} tokens in %d{lengths.Length} texts of at most %d{shape.Longest}, %d{shape.Batch} a step; %d{torch.get_num_threads ()} threads, %A{glem.Compute.Precision}, medians of %d{rounds.Length} rounds"

    printfn
        "job    setting      tokens/s  (lowest .. highest)  Glem is faster by   tokens/processor second  Glem is faster by"

    for (job, setting), values in rates do
        let ours = rates |> List.find (fun (what, _) -> what = (job, "Glem")) |> snd
        let wall, processor = List.map _.PerSecond, List.map _.PerProcessorSecond
        let range = $"(%.0f{wall values |> List.min} .. %.0f{wall values |> List.max})"
        let times pick = median (pick ours) / median (pick values)

        printfn
            $"%-6s{job} %-10s{setting} %10.0f{median (wall values)}  %-22s{range} %10.2f{times wall} %24.0f{median (processor values)} %12.2f{times processor}"

    printf $"matrix products: %.0f{median matrix / 1e9} GFLOP/s; Glem's share of them"

    for job, shares in rounds |> List.collect (snd >> snd) |> together do
        printf $", %s{job} %.0f{100.0 * median shares}%%"

    printfn "\n"

[<EntryPoint>]
let main arguments =
    let argument i otherwise = if arguments.Length > i then arguments[i] else otherwise
    let rounds = argument 1 "3" |> int
    let python = argument 2 "/usr/bin/python3"

    match argument 0 "quickstart", Shape.all with
    | "all", shapes ->
        shapes |> List.iter (table rounds python)
        0
    | name, shapes ->
        match shapes |> List.tryFind (fun shape -> shape.Name = name) with
        | Some shape ->
            table rounds python shape
            0
        | None ->
            let known = shapes |> List.map _.Name |> String.concat ", "
            eprintfn $"error: no shape is called '%s{name}'; known are all, %s{known}"
            2
