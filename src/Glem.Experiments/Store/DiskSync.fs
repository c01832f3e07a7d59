namespace Glem

open System
open System.IO
open System.Runtime.InteropServices

/// Makes what was written survive a crash of the machine.
module DiskSync =
    [<DllImport("libc", EntryPoint = "open")>]
    extern int private openFolder(string path, int flags)

    [<DllImport("libc", EntryPoint = "fsync")>]
    extern int private sync(int descriptor)

    [<DllImport("libc", EntryPoint = "close")>]
    extern int private closeFolder(int descriptor)

    /// Flushes a file's bytes to the disk, or on a network file system to its server.
    /// Raises IOException (a full disk may show only now), UnauthorizedAccessException.
    let file (path: string) =
        use handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite)
        RandomAccess.FlushToDisk handle

    /// Flushes a folder's entries, where the system can: .NET opens no folders, and some file systems refuse. What is lost
    /// without it is a whole artifact, never a part of one, because readers check every file.
    let folder (path: string) =
        if OperatingSystem.IsLinux() || OperatingSystem.IsMacOS() then
            let readOnly = 0
            let descriptor = openFolder (path, readOnly)

            if descriptor >= 0 then
                sync descriptor |> ignore
                closeFolder descriptor |> ignore
