namespace Glem.Experiments.Tests

open System.IO
open Glem

/// Stages whose answers anybody can check.
module WorkerStages =
    /// The stage of this number; all others read the first one.
    let rec spec (number: int) : StageSpec =
        let inputs = if number = 0 then [] else [ (spec 0).Key ]
        StageSpec.create "worker" $"Stage %d{number}" (Json.object [ "number", Json.int number ]) inputs

    /// The number that a kept stage has.
    let numberOf (manifest: Manifest) = (nonNull manifest.Configuration["number"]).GetValue<int>()

    let answer (bytes: int) (number: int) : byte[] = Array.init bytes (fun i -> byte (i * 31 + number))

    /// Three files, one of them in a folder and one without a byte, so that there are many moments to be killed in.
    let codec: Codec<byte[]> = {
        Write =
            fun folder answer ->
                File.WriteAllBytes(Path.Combine(folder, "front.bin"), answer[.. answer.Length / 2 - 1])
                Directory.CreateDirectory(Path.Combine(folder, "more")) |> ignore
                File.WriteAllBytes(Path.Combine(folder, "more", "back.bin"), answer[answer.Length / 2 ..])
                File.WriteAllBytes(Path.Combine(folder, "empty"), [||])
        Read =
            fun folder ->
                Array.append
                    (File.ReadAllBytes(Path.Combine(folder, "front.bin")))
                    (File.ReadAllBytes(Path.Combine(folder, "more", "back.bin")))
    }
