module Glem.Neural.Tests.TextPassTests

open System
open FsCheck
open Glem
open Xunit

[<Fact>]
let ``a pass visits every text once, block after block, the longest of a block first`` () =
    Check.One(
        Config.QuickThrowOnFailure,
        fun (seed: int) ->
            let random = Random seed
            let lengths = Array.init (random.Next(0, 3 * TextPass.block)) (fun _ -> random.Next(2, 512))
            let batch = random.Next(1, 200)
            let batches = TextPass.batches batch lengths |> Seq.toArray
            let rows = Array.concat batches
            let blocks = rows |> Array.map (fun row -> row / TextPass.block)

            Array.sort rows = Array.init lengths.Length id
            && blocks = Array.sort blocks
            && batches |> Array.forall (fun rows -> rows.Length <= batch)
            && rows
               |> Array.pairwise
               |> Array.forall (fun (a, b) -> a / TextPass.block < b / TextPass.block || lengths[a] >= lengths[b])
    )
