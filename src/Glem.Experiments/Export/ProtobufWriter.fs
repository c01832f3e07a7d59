namespace Glem

open System
open System.IO
open System.Text

/// A field of a protocol buffer message to be written: its number and its value.
[<RequireQualifiedAccess>]
type WireField =
    | Whole of field: int * int64
    | Single of field: int * float32
    | Double of field: int * float
    | Text of field: int * string
    | Message of field: int * WireField list

/// Writes protocol buffers.
module ProtobufWriter =
    // Wire types: 0 a number of 7-bit groups, 1 eight bytes, 2 a length and as many bytes, 5 four bytes.
    let rec private varint (out: Stream) (value: uint64) =
        if value < 0x80UL then
            out.WriteByte(byte value)
        else
            out.WriteByte(byte value ||| 0x80uy)
            varint out (value >>> 7)

    let rec private write (out: Stream) (field: WireField) =
        let tag (number: int) (wireType: int) = varint out (uint64 (number <<< 3 ||| wireType))

        let bytes number (content: byte[]) =
            tag number 2
            varint out (uint64 content.Length)
            out.Write(content, 0, content.Length)

        match field with
        | WireField.Whole(number, value) ->
            tag number 0
            varint out (uint64 value)
        | WireField.Double(number, value) ->
            tag number 1
            out.Write(ReadOnlySpan(BitConverter.GetBytes value))
        | WireField.Single(number, value) ->
            tag number 5
            out.Write(ReadOnlySpan(BitConverter.GetBytes value))
        | WireField.Text(number, value) -> bytes number (Encoding.UTF8.GetBytes value)
        | WireField.Message(number, fields) -> bytes number (encode fields)

    /// The message's bytes; fields in the order given.
    and encode (fields: WireField list) : byte[] =
        use out = new MemoryStream()
        fields |> List.iter (write out)
        out.ToArray()
