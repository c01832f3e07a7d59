namespace Glem.Neural.Tests

open System
open System.Collections.Generic
open System.IO
open Glem
open TorchSharp
open Xunit

/// The padded texts of a golden run, packed.
type GoldenTexts = {
    Batch: PackedBatch
    /// Cells of the padded batch that hold tokens, in the packed order.
    Cells: int64[]
    /// b l, of the padded batch.
    CellCount: int
}

/// The golden runs of Hugging Face's encoders (shared/fixtures/encoders).
module GoldenEncoder =
    /// Folders of golden runs whose name `isOne` says; one that is absent where none is, so that its test is skipped by name.
    let folders (isOne: string -> bool) : TheoryData<string> =
        let data = TheoryData<string>()

        let names =
            match SharedFiles.tryFolder "fixtures/encoders" with
            | None -> [| "bert" |]
            | Some root ->
                Directory.GetDirectories root
                |> Array.filter (fun folder -> File.Exists(Path.Combine(folder, "io.safetensors")))
                |> Array.map (fun folder -> string (Path.GetFileName folder))
                |> Array.filter isOne
                |> Array.sort

        for name in names do
            data.Add name

        data

    /// A golden run's folder; the test is skipped where there is none.
    let folder name = SharedFiles.file $"fixtures/encoders/%s{name}/config.json" |> Path.GetDirectoryName |> nonNull

    let config folder file =
        let path = SharedFiles.file $"fixtures/encoders/%s{folder}/%s{file}"
        Encoder.ofJson path (File.ReadAllText path)

    let encoder folder = config folder "config.json" |> Result.orRaise

    /// Packs texts that a mask cuts out of a padded rectangle. ids, mask, segments : [b; l]
    let pack (ids: Tensor) (mask: Tensor) (segments: Tensor option) : GoldenTexts =
        let longs (tensor: Tensor) = tensor.contiguous().data<int64>().ToArray()
        let width = int ids.shape[1]
        let ids, mask = longs ids, longs mask

        let cells = [|
            for cell in 0 .. ids.Length - 1 do
                if mask[cell] = 1L then
                    int64 cell
        |]

        let sequences =
            cells
            |> Array.groupBy (fun cell -> int cell / width)
            |> Array.map (fun (_, cells) -> ReadOnlyMemory(cells |> Array.map (fun cell -> int ids[int cell])))

        let batch = PackedBatch.ofSequences torch.CPU sequences

        let packedSegments =
            segments
            |> Option.map (fun segments ->
                let segments = longs segments
                let packed = Array.zeroCreate<int64>(int batch.Ids.shape[0])
                cells |> Array.iteri (fun row cell -> packed[row] <- segments[int cell])
                torch.tensor packed)

        {
            Batch = { batch with Segments = packedSegments }
            Cells = cells
            CellCount = ids.Length
        }

    /// One tensor of a golden file, where it has it.
    let find (io: IReadOnlyDictionary<string, Tensor>) name =
        match io.TryGetValue name with
        | true, tensor -> Some tensor
        | _ -> None

    /// The texts of a golden run.
    let texts (io: IReadOnlyDictionary<string, Tensor>) =
        pack io["input_ids"] io["attention_mask"] (find io "token_type_ids")

    /// The golden states of the packed tokens : [tokens; d].
    let expected (texts: GoldenTexts) (states: Tensor) =
        states.reshape([| int64 texts.CellCount; -1L |]).index_select(0L, torch.tensor texts.Cells)

    /// Our states without the batch's filler : [tokens; d].
    let withoutFiller (texts: GoldenTexts) (states: Tensor) = states.narrow (0L, 0L, texts.Cells.LongLength)
