namespace Glem

open System
open System.Diagnostics
open System.IO

/// The clock that stamps the files of a folder: on a network file system its server's, which may be minutes off this
/// machine's. Read once, from a probe's time stamp, then carried on by the local stop-watch, which nobody sets. It is never
/// ahead; it lags by what making the probe took, so that nobody is found dead too soon.
type FileClock(folder: string) =
    let start =
        lazy
            let unique = Guid.NewGuid().ToString "N"
            let probe = Path.Combine(folder, $"%s{unique}.probe")

            use handle =
                File.OpenHandle(
                    probe,
                    FileMode.CreateNew,
                    FileAccess.ReadWrite,
                    FileShare.ReadWrite,
                    FileOptions.DeleteOnClose
                )

            RandomAccess.Write(handle, ReadOnlySpan [| 0uy |], 0L)
            RandomAccess.FlushToDisk handle
            File.GetLastWriteTimeUtc handle, Stopwatch.StartNew()

    /// Now, in UTC. Raises IOException, UnauthorizedAccessException where no file can be made.
    member _.Now() =
        let at, since = start.Value
        at + since.Elapsed
