namespace Glem

open System
open System.Buffers.Binary
open System.Text

/// One field of a protocol buffer message: its number, and its value as the wire has it. `Number` holds what is written
/// as a number, `Bytes` what is written as a length and bytes.
[<Struct>]
type internal ProtobufField = {
    Field: int
    Number: uint64
    Bytes: ReadOnlyMemory<byte>
    /// Where the value starts in the file.
    At: int
}

/// Reads a message's fields in order; knows nothing of their meaning. Nothing is copied, so that no length can ask for
/// memory. What is not a message raises GlemException with the file and the byte.
[<Sealed>]
type internal Protobuf(file: string, message: ReadOnlyMemory<byte>, origin: int) =
    let mutable at = 0

    let fail found expected : 'a = raise (GlemException(InFile(file, $"byte %d{origin + at}", found, expected)))

    let varint () =
        let mutable value = 0UL
        let mutable shift = 0
        let mutable more = true

        while more do
            if at >= message.Length || shift > 63 then
                fail "a number without end" "a protocol buffer"

            let byte = message.Span[at]
            value <- value ||| (uint64 (byte &&& 0x7Fuy) <<< shift)
            shift <- shift + 7
            at <- at + 1
            more <- byte >= 0x80uy

        value

    let take (length: uint64) =
        if length > uint64 (message.Length - at) then
            fail $"a field of %d{length} bytes with %d{message.Length - at} left" "a field within its message"

        let bytes = message.Slice(at, int length)
        at <- at + int length
        bytes

    member _.More = at < message.Length

    member _.Next() : ProtobufField =
        let tag = varint ()

        if tag > 0x7FFFFFFFUL || tag < 8UL then
            fail $"field number %d{tag >>> 3}" "a protocol buffer"

        let number, start = int (tag >>> 3), at

        let value, bytes =
            match tag &&& 7UL with
            | 0UL -> varint (), ReadOnlyMemory.Empty
            | 1UL -> BinaryPrimitives.ReadUInt64LittleEndian (take 8UL).Span, ReadOnlyMemory.Empty
            | 2UL ->
                let length = varint ()
                0UL, take length
            | 5UL -> uint64 (BinaryPrimitives.ReadUInt32LittleEndian (take 4UL).Span), ReadOnlyMemory.Empty
            | other -> fail $"wire type %d{other}" "0, 1, 2 or 5"

        {
            Field = number
            Number = value
            Bytes = bytes
            At = origin + (if bytes.IsEmpty then start else at - bytes.Length)
        }

    /// The fields of a message that is a field of another.
    member _.Inside(field: ProtobufField) = Protobuf(file, field.Bytes, field.At)

    member _.Text(field: ProtobufField) =
        try
            UTF8Encoding(false, true).GetString field.Bytes.Span
        with :? ArgumentException ->
            raise (GlemException(InFile(file, $"byte %d{field.At}", "bytes that are not UTF-8", "text")))
