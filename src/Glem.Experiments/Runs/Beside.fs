namespace Glem

open System
open System.Diagnostics
open System.IO

/// Names for files that are written beside their place and then renamed into it: <path>.<process>.<random>.tmp.
module Beside =
    /// A name that nobody else uses.
    let name (path: string) =
        let unique = (Guid.NewGuid().ToString "N").Substring(0, 8)
        $"%s{path}.%d{Environment.ProcessId}.%s{unique}.tmp"

    let private isRunning (number: string) =
        try
            use found = Process.GetProcessById(Int32.Parse number)
            not found.HasExited
        with
        | :? ArgumentException
        | :? FormatException -> false

    /// Removes what writers that died have left beside a file: no process here has their number, and none elsewhere holds the
    /// lock that a writer has until it is done. As far as it goes, for nothing depends on it.
    let forget (path: string) =
        let path = Path.GetFullPath path

        try
            for file in Directory.GetFiles(string (Path.GetDirectoryName path), $"%s{Path.GetFileName path}.*.*.tmp") do
                if not (isRunning (file.Substring(path.Length + 1).Split('.')[0])) then
                    use _ = new FileStream(file, FileMode.Open, FileAccess.Write, FileShare.None)
                    File.Delete file
        with
        | :? IOException
        | :? UnauthorizedAccessException -> ()
