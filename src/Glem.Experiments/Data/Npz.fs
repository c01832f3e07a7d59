namespace Glem

open System
open System.Buffers.Binary
open System.IO
open System.IO.Compression
open System.Text
open System.Text.RegularExpressions

/// NumPy's .npz: a zip archive of .npy arrays, each a short header and the numbers in a row (numpy.lib.format). OGB keeps
/// papers100M's graph so. Little-endian int64, int32, float64, float32 and float16 in C order.
module Npz =
    let private magic = Array.append [| 0x93uy |] "NUMPY"B

    type private Header = {
        Element: string
        Width: int
        Shape: int64 list
    }

    let private readHeader (bad: string -> string -> Header) (stream: Stream) =
        let head = Array.zeroCreate<byte> 8
        stream.ReadExactly(Span head)

        if head[..5] <> magic then
            bad "no .npy header" "an array that NumPy wrote"
        else
            let length =
                let bytes = Array.zeroCreate<byte>(if head[6] = 1uy then 2 else 4)
                stream.ReadExactly(Span bytes)

                if bytes.Length = 2 then
                    int (BinaryPrimitives.ReadUInt16LittleEndian bytes)
                else
                    int (min (BinaryPrimitives.ReadUInt32LittleEndian bytes) 1_000_000u)

            let text = Array.zeroCreate<byte> length
            stream.ReadExactly(Span text)
            let header = Encoding.Latin1.GetString text

            let found =
                Regex.Match(
                    header,
                    @"'descr':\s*'(?<type>[^']*)'.*'fortran_order':\s*(?<fortran>True|False).*'shape':\s*\((?<shape>[\d,\sL]*)\)"
                )

            let width =
                match found.Groups["type"].Value with
                | "<i8"
                | "<f8" -> 8
                | "<i4"
                | "<f4" -> 4
                | "<f2" -> 2
                | _ -> 0

            if not found.Success || width = 0 || found.Groups["fortran"].Value = "True" then
                bad (TextLines.quoted header) "little-endian int64, int32 or floats in C order"
            else
                {
                    Element = found.Groups["type"].Value
                    Width = width
                    Shape = [
                        for size in
                            found.Groups["shape"]
                                .Value.Split(
                                    ',',
                                    StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries
                                ) -> Int64.Parse(size.TrimEnd 'L')
                    ]
                }

    let private element (header: Header) (bytes: ReadOnlySpan<byte>) =
        match header.Element with
        | "<i8" -> float (BinaryPrimitives.ReadInt64LittleEndian bytes)
        | "<i4" -> float (BinaryPrimitives.ReadInt32LittleEndian bytes)
        | "<f8" -> BinaryPrimitives.ReadDoubleLittleEndian bytes
        | "<f4" -> float (BinaryPrimitives.ReadSingleLittleEndian bytes)
        | _ -> float (BinaryPrimitives.ReadHalfLittleEndian bytes)

    /// Reads one array: `start` sees its shape and may refuse it before anything is read, then `next` gets every number in
    /// order with its place. Whole numbers up to 2^53 stay exact. Raises GlemException for what is missing, damaged or cut off.
    let read (path: string) (name: string) (start: int64 list -> unit) (next: int64 -> float -> unit) =
        let bad found expected = raise (GlemException(InFile(path, $"array '%s{name}'", found, expected)))

        try
            use archive = ZipFile.OpenRead path

            match archive.GetEntry(name + ".npy") with
            | null -> bad "nothing" "an array of this name"
            | entry ->
                use stream = new BufferedStream(entry.Open(), 1 <<< 16)
                let header = readHeader bad stream
                let count = List.fold (fun product size -> product * size) 1L header.Shape

                if entry.Length < count * int64 header.Width then
                    bad $"%d{entry.Length} bytes" $"%d{count} numbers of %d{header.Width} bytes"

                start header.Shape
                let bytes = Array.zeroCreate<byte> header.Width

                for i in 0L .. count - 1L do
                    stream.ReadExactly(Span bytes)
                    next i (element header (ReadOnlySpan bytes))
        with
        | :? InvalidDataException
        | :? EndOfStreamException -> bad "a damaged or truncated archive" "a whole .npz file"
        | :? FileNotFoundException
        | :? DirectoryNotFoundException -> raise (GlemException(InFile(path, "", "no such file", "an .npz file")))
