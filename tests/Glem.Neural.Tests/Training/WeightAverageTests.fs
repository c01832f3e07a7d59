module Glem.Neural.Tests.WeightAverageTests

open System.Collections.Generic
open Glem
open TorchSharp
open Xunit

/// Two trained weights, one that stays as it came, and one that the forward pass moves.
let private role name =
    match name with
    | "w" -> Multiplies
    | "b" -> Trains
    | "fixed" -> Frozen Trains
    | _ -> Runs

let private weights (value: float32) : Weights =
    let weight name (values: float32[]) shape = KeyValuePair(name, { Shape = shape; Values = values })

    Dictionary [
        weight "w" [| value; -2f * value |] [| 1L; 2L |]
        weight "b" [| 0.5f * value |] [| 1L |]
        weight "fixed" [| 7f |] [| 1L |]
        weight "running_mean" [| 3f * value |] [| 1L |]
    ]

[<Fact>]
let ``the average is decay times itself and the rest of the student, and leaves running statistics as they are`` () =
    for precision in [ Precision.Float32; Precision.BFloat16 ] do
        let before = DisposeScopeManager.Statistics.ThreadTotalLiveCount

        do
            use student = Parameters.Create(Golden.cpu precision, role, weights 1f)
            use average = new WeightAverage(Golden.cpu precision, role, student)
            Assert.True(TinyTask.areEqual (weights 1f) (average.Parameters.Snapshot()))
            student.Restore(weights 5f)
            average.Follow 0.5
            student.Restore(weights 11f)
            average.Follow 0.75
            // (1 + 5) / 2 = 3, then 0.75 * 3 + 0.25 * 11 = 5.
            let now = average.Parameters.Snapshot()
            Assert.Equal<float32>([| 5f; -10f |], now["w"].Values)
            Assert.Equal<float32>([| 2.5f |], now["b"].Values)
            Assert.Equal<float32>([| 7f |], now["fixed"].Values)
            Assert.Equal<float32>([| 33f |], now["running_mean"].Values)
            Assert.Equal<float32>([| 5f; -10f |], Golden.floats average.Parameters["w"])
            Assert.True(TinyTask.areEqual (weights 11f) (student.Snapshot()))

        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount)
