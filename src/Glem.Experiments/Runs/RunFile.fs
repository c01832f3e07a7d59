namespace Glem

open System
open System.IO
open System.Text

/// The text files of a run directory: UTF-8 without a byte-order mark, lines ended by LF, never half-written.
module RunFile =
    let private utf8 = UTF8Encoding(encoderShouldEmitUTF8Identifier = false, throwOnInvalidBytes = true)

    /// Whether the disk, or this user's part of it, is full.
    let isDiskFull (problem: IOException) =
        let noSpace, overQuota = 28, (if OperatingSystem.IsMacOS() then 69 else 122)
        problem.HResult = noSpace || problem.HResult = overQuota

    /// Runs an action on a file, with what the machine refuses (no such folder, no right, disk full, a damaged
    /// encoding) as a GlemError that names the file.
    let guard (path: string) (expected: string) (action: unit -> 'T) =
        try
            Ok(action ())
        with
        | GlemException error -> Error error
        | :? FileNotFoundException
        | :? DirectoryNotFoundException -> Error(InFile(path, "", "no such file or folder", expected))
        | :? DecoderFallbackException as e -> Error(InFile(path, $"byte %d{e.Index}", "invalid UTF-8", "UTF-8 text"))
        | :? IOException as e when isDiskFull e -> Error(InFile(path, "", e.Message, "room on its disk"))
        | :? IOException as e -> Error(InFile(path, "", e.Message, expected))
        | :? UnauthorizedAccessException as e -> Error(InFile(path, "", e.Message, expected))

    /// Makes the folder that a file is to stand in.
    let internal makeFolder (path: string) =
        Path.GetFullPath path
        |> Path.GetDirectoryName
        |> Option.ofObj
        |> Option.iter (Directory.CreateDirectory >> ignore)

    /// Writes beside and renames, so that a reader sees the old file or the new one, whenever the process dies.
    let write (path: string) (text: string) =
        guard path "a file in a folder that can be written to" (fun () ->
            makeFolder path
            let beside = Beside.name path

            try
                do
                    use file = new FileStream(beside, FileMode.CreateNew, FileAccess.Write, FileShare.None)
                    file.Write(ReadOnlySpan(utf8.GetBytes text))

                File.Move(beside, path, overwrite = true)
            finally
                File.Delete beside

            Beside.forget path)

    /// The whole file as text.
    let read (path: string) = guard path "a readable file of a run directory" (fun () -> File.ReadAllText(path, utf8))
