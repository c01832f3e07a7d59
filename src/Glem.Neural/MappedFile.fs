namespace Glem

#nowarn "9" // A span over mapped memory starts at a pointer.

open System
open System.Buffers
open System.IO
open System.IO.MemoryMappedFiles
open System.Runtime.InteropServices
open Microsoft.FSharp.NativeInterop
open Microsoft.Win32.SafeHandles

/// A part of a mapped file as elements. Holding it holds the mapping: the view is unmapped when nobody holds a part of it.
type private MappedPart<'T when 'T: unmanaged>(view: MemoryMappedViewAccessor, offset: int64, count: int) =
    inherit MemoryManager<'T>()

    let start =
        view.SafeMemoryMappedViewHandle.DangerousGetHandle() + nativeint (view.PointerOffset + offset)

    override _.GetSpan() =
        GC.KeepAlive view
        Span<'T>(start |> NativePtr.ofNativeInt<byte> |> NativePtr.toVoidPtr, count)

    override _.Pin index =
        let at = start + nativeint (index * sizeof<'T>)
        new MemoryHandle(at |> NativePtr.ofNativeInt<byte> |> NativePtr.toVoidPtr)

    override _.Unpin() = ()
    override _.Dispose(_: bool) = ()

/// A file's bytes as memory that is read from disk when it is looked at. Whoever reads a span of it holds its memory.
/// The numbers are little-endian, as all machines are that .NET runs on.
[<Sealed>]
type MappedFile private (view: MemoryMappedViewAccessor option, length: int64) =
    /// Bytes.
    member _.Length = length

    /// Elements from a byte on. Raises ArgumentOutOfRangeException where the file does not hold them.
    member _.Memory<'T when 'T: unmanaged>(offset: int64, count: int) : ReadOnlyMemory<'T> =
        if offset < 0L || count < 0 || offset > length || int64 count > (length - offset) / int64 sizeof<'T> then
            let asked = $"%d{count} elements from byte %d{offset} on, of %d{length} bytes"
            raise (ArgumentOutOfRangeException(nameof count, asked))

        match view with
        | Some view when count > 0 -> Memory<'T>.op_Implicit((new MappedPart<'T>(view, offset, count)).Memory)
        | _ -> ReadOnlyMemory.Empty

    /// An open file, which may be closed and even deleted while its memory is in use (Windows keeps its name until then).
    /// Raises IOException.
    static member OfHandle(file: SafeFileHandle) =
        let length = RandomAccess.GetLength file

        // An empty file cannot be mapped.
        if length = 0L then
            MappedFile(None, 0L)
        else
            let inherits, leaveOpen = HandleInheritability.None, true

            use map =
                MemoryMappedFile.CreateFromFile(file, null, 0L, MemoryMappedFileAccess.Read, inherits, leaveOpen)

            MappedFile(Some(map.CreateViewAccessor(0L, 0L, MemoryMappedFileAccess.Read)), length)

    /// Raises IOException.
    static member Open(path: string) =
        use file =
            File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite ||| FileShare.Delete)

        MappedFile.OfHandle file
