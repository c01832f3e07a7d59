module Glem.Experiments.Tests.TensorBoardTests

open System
open System.Collections.Generic
open System.IO
open System.Text
open FsCheck
open FsCheck.FSharp
open Glem
open Xunit

// A reader of its own: bit by bit, from the formats' descriptions (RFC 3720 B.4, TensorFlow's record_writer.h, event.proto).

let private crcByBits (bytes: byte[]) =
    let step crc _ = if crc &&& 1u = 1u then (crc >>> 1) ^^^ 0x82F63B78u else crc >>> 1
    let byte crc (value: byte) = List.fold step (crc ^^^ uint32 value) [ 1..8 ]
    ~~~(Array.fold byte UInt32.MaxValue bytes)

let private checkSum (stored: byte[]) (data: byte[]) =
    let unmasked = BitConverter.ToUInt32 stored - 0xA282EAD8u
    let crc = (unmasked <<< 15) ||| (unmasked >>> 17)
    Assert.Equal(crcByBits data, crc)

let rec private records (bytes: byte[]) : byte[] list =
    if bytes.Length = 0 then
        []
    else
        let length = int (BitConverter.ToUInt64(bytes, 0))
        checkSum bytes[8..11] bytes[0..7]
        let data = bytes[12 .. 11 + length]
        checkSum bytes[12 + length .. 15 + length] data
        data :: records bytes[16 + length ..]

/// Number and content of each field; numbers as their eight bytes.
let private fields (message: byte[]) : (int * byte[]) list =
    let mutable at = 0

    let varint () =
        let mutable value, shift, more = 0UL, 0, true

        while more do
            value <- value ||| (uint64 (message[at] &&& 0x7Fuy) <<< shift)
            more <- message[at] >= 0x80uy
            at <- at + 1
            shift <- shift + 7

        value

    let take count =
        at <- at + count
        message[at - count .. at - 1]

    [
        while at < message.Length do
            let tag = varint ()

            let content =
                match tag &&& 7UL with
                | 0UL -> varint () |> BitConverter.GetBytes
                | 1UL -> take 8
                | 2UL -> varint () |> int |> take
                | 5UL -> take 4
                | other -> failwith $"wire type %d{other}"

            int (tag >>> 3), content
    ]

let private field number message = fields message |> List.tryFind (fst >> (=) number) |> Option.map snd

let private inside path message =
    path |> List.fold (fun message number -> Option.bind (field number) message) (Some message)

let private text (bytes: byte[]) = Encoding.UTF8.GetString bytes

/// Time, step, tag and value of an event's scalar.
let private scalar (event: byte[]) =
    match inside [ 5; 1; 1 ] event, inside [ 5; 1; 2 ] event with
    | Some tag, Some value ->
        Some(
            BitConverter.ToDouble((field 1 event).Value),
            BitConverter.ToInt64((field 2 event).Value),
            text tag,
            BitConverter.ToSingle value
        )
    | _ -> None

let private ofFile file = File.ReadAllBytes file |> records

[<Fact>]
let ``CRC-32C has its published values`` () =
    for bytes, crc in
        [
            Encoding.ASCII.GetBytes "123456789", 0xE3069283u
            Array.zeroCreate 32, 0x8A9136AAu
            Array.create 32 255uy, 0x62A8AB43u
            Array.init 32 byte, 0x46DD794Eu
        ] do
        Assert.Equal(crc, EventFile.crc32C bytes)

[<Fact>]
let ``what is written is read back, whatever the tags, steps and numbers`` () =
    let property (values: (NonEmptyString * PositiveInt * NormalFloat) list) =
        // Lone surrogates have no UTF-8.
        let clean (tag: string) = String(tag.ToCharArray() |> Array.filter (Char.IsSurrogate >> not))

        let events = [
            for NonEmptyString tag, PositiveInt step, NormalFloat value in values ->
                {
                    WallTime = 1e9 + value
                    Step = step * 1000
                    Value = EventValue.Scalar(clean tag, value)
                }
        ]

        match EventFile.bytes 1e9 events |> records with
        | version :: others ->
            let expected = [
                for event in events ->
                    match event.Value with
                    | EventValue.Scalar(tag, value) -> Some(event.WallTime, int64 event.Step, tag, float32 value)
                    | _ -> None
            ]

            // An empty tag is written, too: a field of no bytes.
            (field 3 version |> Option.map text) = Some "brain.Event:2" && List.map scalar others = expected
        | [] -> false

    Check.One(Config.QuickThrowOnFailure, property)

[<Fact>]
let ``a run's curves, ladder and settings stand in its file`` () =
    use folder = new TestFolder()
    MadeUp.run (folder.File "runs/one") 1 3
    let file = RunFolder.summary (folder.File "runs/one")
    let summary = Summary.read file |> Result.orRaise

    // As runs call them.
    let stages = [
        "tokenizer", 2.0
        "LM on gold", 60.0
        "GNN on embeddings", 5.0
        for round in 1..3 do
            $"E-step %d{round}", 40.0
            $"M-step %d{round}", 4.0
    ]

    Summary.write file { summary with Seconds = stages } |> Result.orRaise
    let names, notes = TensorBoard.export [ folder.File "runs" ] (folder.File "log") |> Result.orRaise
    Assert.Equal<string list>([ "one" ], names)
    Assert.Empty notes
    let file = Directory.GetFiles(folder.File "log/one") |> Array.exactlyOne
    Assert.Contains("tfevents", file)
    let events = ofFile file
    let run = folder.File "runs/one" |> RunFolder.load |> Result.orRaise
    let scalars = events |> List.choose scalar

    for metric in run.Metrics |> List.filter Metric.isOnCurve do
        let part = if metric.Split = Valid then "valid" else "test"
        let tag = $"accuracy/%s{Student.key metric.Model}/%s{part}"

        let found =
            scalars
            |> List.filter (fun (_, step, name, _) -> name = tag && step = int64 metric.Iteration)
            |> List.map (fun (_, _, _, value) -> value)

        Assert.Equal<float32 list>([ float32 metric.Accuracy ], found)

    let times =
        scalars
        |> List.filter (fun (_, _, tag, _) -> tag = "accuracy/lm/valid")
        |> List.map (fun (time, _, _, _) -> time)

    // The tokenizer's time is before the run's.
    let started = float (run.Info.Started.ToUnixTimeSeconds())
    Assert.Equal<float list>([ 60.0; 105.0; 149.0; 193.0 ], times |> List.map (fun time -> time - started))
    Assert.Contains("ladder/glemGnn/test", scalars |> List.map (fun (_, _, tag, _) -> tag))

    let texts = events |> List.choose (inside [ 5; 1; 8; 8 ]) |> List.map text
    Assert.Contains(texts, fun (table: string) -> table.Contains "| eStep.pseudoWeight | 0.8 |")

    let plugins = events |> List.choose (inside [ 5; 1; 9; 1; 1 ]) |> List.map text
    Assert.Equal<string list>([ "hparams"; "hparams"; "text"; "text"; "text" ], plugins)

[<Fact>]
let ``several runs are told apart by what differs between them, and written over when they are exported again`` () =
    use folder = new TestFolder()

    for seed in 0..1 do
        MadeUp.run (folder.File $"runs/a/seed%d{seed}") seed 3

    let export () =
        TensorBoard.export [ folder.File "runs/a/seed0"; folder.File "runs" ] (folder.File "log")
        |> Result.orRaise

    let names, _ = export ()
    Assert.Equal<string list>([ "seed0"; "seed1" ], names)
    export () |> ignore

    for name in names do
        let file = Directory.GetFiles(folder.File $"log/%s{name}") |> Array.exactlyOne

        let keys =
            ofFile file
            // summary, value, metadata, plugin data, content, session start
            |> List.choose (inside [ 5; 1; 9; 1; 2; 3 ])
            |> List.collect fields
            |> List.filter (fst >> (=) 1)
            |> List.choose (snd >> field 1)
            |> List.map text

        Assert.Equal<string list>([ "seed" ], keys)

[<Fact>]
let ``what is infinite is not drawn, and a damaged run is left out`` () =
    use folder = new TestFolder()
    MadeUp.run (folder.File "runs/fine") 0 3
    MadeUp.run (folder.File "runs/torn") 1 3
    File.WriteAllText(RunFolder.metrics (folder.File "runs/torn"), "{\n")
    let elbo = (MadeUp.elbos (Random 1)).Head

    (use log = ElboLog.appendTo (RunFolder.elbo (folder.File "runs/fine")) |> Result.orRaise

     log.Append {
         elbo with
             Elbo = { elbo.Elbo with KlQP = infinity }
     })

    let names, notes = TensorBoard.export [ folder.File "runs" ] (folder.File "log") |> Result.orRaise
    Assert.Equal<string list>([ "fine" ], names)
    Assert.Contains("metrics.jsonl", Assert.Single notes)

    let scalars =
        Directory.GetFiles(folder.File "log/fine") |> Array.exactlyOne |> ofFile |> List.choose scalar

    Assert.All(scalars, fun (_, _, _, value) -> Assert.True(Single.IsFinite value))

[<Fact>]
let ``the command says what it wrote, and refuses folders without a run`` () =
    use folder = new TestFolder()
    MadeUp.run (folder.File "runs/one") 1 3
    let out = GlemProcess.succeeds folder.Path [ "export"; "tensorboard"; "runs"; "--out"; "log" ]
    Assert.Contains("1 run in log", out)
    Directory.CreateDirectory(folder.File "empty") |> ignore
    GlemProcess.refuses folder.Path [ "export"; "tensorboard"; "empty"; "--out"; "more" ] [ "empty"; "no run" ]
    GlemProcess.refuses folder.Path [ "export"; "tensorboard"; "gone"; "--out"; "more" ] [ "gone"; "no such folder" ]
