namespace Glem

open System
open System.Buffers.Binary
open System.IO
open System.Numerics

/// What a TensorBoard event holds.
[<RequireQualifiedAccess>]
type EventValue =
    /// A number on a curve.
    | Scalar of tag: string * value: float
    /// Markdown.
    | Text of tag: string * markdown: string
    /// What a plugin reads, such as hparams'.
    | Plugin of tag: string * plugin: string * content: WireField list

/// One value, when and at which step.
type LoggedEvent = {
    /// Seconds since 1970, UTC.
    WallTime: float
    /// EM round.
    Step: int
    Value: EventValue
}

/// TensorBoard's files: records, each with its length and masked CRC-32C sums, of Event messages (TensorFlow's tfrecord format,
/// event.proto and summary.proto).
module EventFile =
    /// CRC-32C (Castagnoli).
    let crc32C (bytes: byte[]) : uint32 =
        let mutable crc = UInt32.MaxValue

        for byte in bytes do
            crc <- BitOperations.Crc32C(crc, byte)

        ~~~crc

    /// The sum as records have it: data that hold sums of their own shall not look summed.
    let masked (bytes: byte[]) : uint32 =
        let crc = crc32C bytes
        BitOperations.RotateRight(crc, 15) + 0xA282EAD8u

    let private littleEndian (value: uint32) =
        let bytes = Array.zeroCreate<byte> 4
        BinaryPrimitives.WriteUInt32LittleEndian(Span bytes, value)
        bytes

    /// A record: length, its sum, the data, their sum.
    let record (data: byte[]) : byte[] =
        let length = Array.zeroCreate<byte> 8
        BinaryPrimitives.WriteUInt64LittleEndian(Span length, uint64 data.Length)
        Array.concat [ length; littleEndian (masked length); data; littleEndian (masked data) ]

    let private plugin name (content: WireField list) =
        WireField.Message(9, [ WireField.Message(1, WireField.Text(1, name) :: content) ])

    let private summaryValue value =
        match value with
        | EventValue.Scalar(tag, value) -> [ WireField.Text(1, tag); WireField.Single(2, float32 value) ]
        | EventValue.Text(tag, markdown) ->
            // A string tensor of shape [1].
            let shape = WireField.Message(2, [ WireField.Message(2, [ WireField.Whole(1, 1L) ]) ])
            let tensor = WireField.Message(8, [ WireField.Whole(1, 7L); shape; WireField.Text(8, markdown) ])
            [ WireField.Text(1, tag); tensor; plugin "text" [] ]
        | EventValue.Plugin(tag, name, content) -> [
            WireField.Text(1, tag)
            plugin name [ WireField.Message(2, content) ]
          ]

    let private message (event: LoggedEvent) = [
        WireField.Double(1, event.WallTime)
        WireField.Whole(2, int64 event.Step)
        WireField.Message(5, [ WireField.Message(1, summaryValue event.Value) ])
    ]

    /// A whole file.   started : seconds since 1970
    let bytes (started: float) (events: LoggedEvent list) : byte[] =
        let version = [ WireField.Double(1, started); WireField.Text(3, "brain.Event:2") ]

        version :: List.map message events |> List.map (ProtobufWriter.encode >> record) |> Array.concat

    /// Writes beside and renames. TensorBoard takes every name with "tfevents" in it for its own, so the one beside has none.
    let write (folder: string) (started: float) (events: LoggedEvent list) : Result<unit, GlemError> =
        RunFile.guard folder "a folder that can be written to" (fun () ->
            Directory.CreateDirectory folder |> ignore
            let file = Path.Combine(folder, $"events.out.tfevents.%010d{int64 started}.glem")
            let unique = Guid.NewGuid().ToString "N"
            let beside = Path.Combine(folder, $".%s{unique}.tmp")

            try
                File.WriteAllBytes(beside, bytes started events)
                File.Move(beside, file, overwrite = true)
            finally
                File.Delete beside)
