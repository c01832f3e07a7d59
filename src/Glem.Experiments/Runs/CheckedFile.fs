namespace Glem

open System
open System.IO
open System.Security.Cryptography
open System.Text

/// Files that say whether they are whole: 64 bytes of header, then the content.
///   bytes 0-15   kind, ASCII, filled up with blanks
///   bytes 16-23  length of the content, int64
///   bytes 24-55  SHA-256 of the content
module CheckedFile =
    /// Where the content begins.
    let headerBytes = 64

    let private header (kind: string) (length: int64) (sum: byte[]) =
        let bytes = Array.zeroCreate<byte> headerBytes
        Encoding.ASCII.GetBytes(kind.PadRight 16).CopyTo(bytes, 0)
        BitConverter.TryWriteBytes(Span(bytes, 16, 8), length) |> ignore
        sum.CopyTo(bytes, 24)
        bytes

    /// Writes beside, under a name that no other process uses, and renames: readers and racing writers see whole files only.
    /// Raises IOException, UnauthorizedAccessException.
    let write (path: string) (kind: string) (content: Stream -> unit) =
        let beside = Beside.name path

        try
            do
                use file = new FileStream(beside, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 <<< 16)
                file.Write(Array.zeroCreate<byte> headerBytes, 0, headerBytes)
                use sha = SHA256.Create()

                do
                    use summed = new CryptoStream(file, sha, CryptoStreamMode.Write, true)
                    use buffered = new BufferedStream(summed, 1 <<< 16)
                    content buffered

                let length = file.Position - int64 headerBytes
                file.Position <- 0L
                file.Write(header kind length (nonNull sha.Hash), 0, headerBytes)

            File.Move(beside, path, true)
        finally
            File.Delete beside

        Beside.forget path

    let private sumOf (file: MappedFile) =
        use hash = IncrementalHash.CreateHash HashAlgorithmName.SHA256
        let part = 1 <<< 24
        let mutable at = int64 headerBytes

        while at < file.Length do
            let count = min (int64 part) (file.Length - at) |> int
            hash.AppendData((file.Memory<byte>(at, count)).Span)
            at <- at + int64 count

        hash.GetHashAndReset()

    /// The file, mapped, once it has been found whole.
    /// Raises InvalidDataException that says what is wrong with it, IOException, UnauthorizedAccessException.
    let read (path: string) (kind: string) : MappedFile =
        let file = MappedFile.Open path

        if file.Length < int64 headerBytes then
            raise (InvalidDataException $"%d{file.Length} bytes, fewer than the header's %d{headerBytes}")

        let found = file.Memory<byte>(0L, headerBytes).ToArray()
        let length = file.Length - int64 headerBytes

        if Encoding.ASCII.GetString(found, 0, 16) <> kind.PadRight 16 then
            raise (InvalidDataException $"no file of kind '%s{kind}'")

        let said = BitConverter.ToInt64(found, 16)

        if said <> length then
            raise (InvalidDataException $"%d{length} bytes of content, not the header's %d{said}")

        if found <> header kind length (sumOf file) then
            raise (InvalidDataException "a content with another checksum than the header's")

        file
