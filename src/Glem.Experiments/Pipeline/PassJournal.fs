namespace Glem

open System
open System.Collections.Generic
open System.IO
open System.Security.Cryptography

/// How far a pass over blocks of texts has come, on disk: what is recorded here need not be done again. The file is of
/// records of 64 bytes, appended, of which the first stands for the pass itself (block -1, its key):
///   bytes 0-7    the block, int64
///   bytes 8-15   batches of it that are finished, int64
///   bytes 16-47  SHA-256 of the block's texts
///   bytes 48-63  the first bytes of the SHA-256 of those before: of a record that was torn, they are others
[<Sealed>]
type PassJournal private (path: string, file: FileStream, records: ResizeArray<struct (int64 * int64 * byte[])>) =
    static let size = 64
    let lastOf = Dictionary<int64, int>()

    do
        for i in 0 .. records.Count - 1 do
            let struct (block, _, _) = records[i]
            lastOf[block] <- i

    static let bytesOf (struct (block: int64, batches: int64, digest: byte[])) =
        let front = Array.concat [ BitConverter.GetBytes block; BitConverter.GetBytes batches; digest ]
        let sum = SHA256.HashData front
        Array.append front sum[.. size - front.Length - 1]

    static let recordOf (bytes: byte[]) =
        let record = struct (BitConverter.ToInt64(bytes, 0), BitConverter.ToInt64(bytes, 8), bytes[16..47])
        if bytesOf record = bytes then Some record else None

    /// Nothing is finished.
    member _.IsEmpty = records.Count = 1

    /// Batches of a block that are finished. Where its texts were others then, nothing is from this block on.
    member _.Finished(block: int64, digest: byte[]) : int64 =
        match lastOf.TryGetValue block with
        | true, last ->
            let struct (_, batches, before) = records[last]

            if before = digest then
                batches
            else
                let first = records.FindIndex(fun (struct (other, _, _)) -> other >= block)

                for i in first .. records.Count - 1 do
                    let struct (other, _, _) = records[i]
                    lastOf.Remove other |> ignore

                records.RemoveRange(first, records.Count - first)
                file.SetLength(int64 size * int64 first)
                file.Position <- file.Length
                0L
        | _ -> 0L

    /// Notes that a block's first batches are finished, once they are on disk.
    member _.Note(block: int64, digest: byte[], batches: int64) =
        let record = struct (block, batches, digest)
        lastOf[block] <- records.Count
        records.Add record
        file.Write(ReadOnlySpan(bytesOf record))
        file.Flush true

    /// Ends the journal with its pass.
    member _.Delete() =
        file.Dispose()
        File.Delete path

    interface IDisposable with
        member _.Dispose() = file.Dispose()

    /// Opens a pass's journal, which nobody else may have open. Records end where one is torn or where the file is another
    /// pass's.
    ///   key : SHA-256 of all that decides what the pass computes
    static member Open(path: string, key: byte[]) =
        let file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None)
        let pass = struct (-1L, 0L, key)

        let sound =
            Seq.initInfinite (fun _ ->
                let bytes = Array.zeroCreate size

                if file.ReadAtLeast(Span bytes, size, false) = size then
                    recordOf bytes
                else
                    None)
            |> Seq.takeWhile _.IsSome
            |> Seq.choose id
            |> ResizeArray

        let records =
            if sound.Count > 0 && sound[0] = pass then
                file.SetLength(int64 size * int64 sound.Count)
                sound
            else
                file.SetLength 0L
                file.Write(ReadOnlySpan(bytesOf pass))
                ResizeArray [ pass ]

        file.Position <- file.Length
        new PassJournal(path, file, records)
