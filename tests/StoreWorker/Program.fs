/// StoreWorker STORE STAGES BYTES MILLISECONDS LOG: obtains the stages from 0 on, each of so many bytes and as long in
/// the making, and writes the number of each that it computes to the log. Tests start it and kill it.
module Glem.Experiments.Tests.StoreWorker

open System.IO
open System.Threading
open Glem

[<EntryPoint>]
let main arguments =
    let store = Store.Open arguments[0] |> Result.orRaise
    let stages, bytes, milliseconds = int arguments[1], int arguments[2], int arguments[3]

    for number in 0 .. stages - 1 do
        let compute () =
            File.AppendAllText(arguments[4], $"%d{number}\n")
            Thread.Sleep milliseconds
            WorkerStages.answer bytes number

        let obtained = store.Obtain(WorkerStages.spec number, WorkerStages.codec, compute)

        if obtained.Value <> WorkerStages.answer bytes number then
            failwith $"stage %d{number} came back as something else"

    0
