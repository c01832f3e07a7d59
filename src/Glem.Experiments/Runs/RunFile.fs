namespace Glem

open System
open System.IO
open System.Text

/// The text files of a run directory: UTF-8 without a byte-order mark, lines ended by LF, never half-written.
module RunFile =
    let private utf8 = UTF8Encoding(encoderShouldEmitUTF8Identifier = false, throwOnInvalidBytes = true)

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
        | :? IOException as e -> Error(InFile(path, "", e.Message, expected))
        | :? UnauthorizedAccessException as e -> Error(InFile(path, "", e.Message, expected))

    /// Writes beside and renames, so that a reader sees the old file or the new one, whenever the process dies.
    let write (path: string) (text: string) =
        guard path "a file in a folder that can be written to" (fun () ->
            Path.GetFullPath path
            |> Path.GetDirectoryName
            |> Option.ofObj
            |> Option.iter (Directory.CreateDirectory >> ignore)

            let beside = $"%s{path}.%d{Environment.ProcessId}.tmp"

            try
                File.WriteAllText(beside, text, utf8)
                File.Move(beside, path, overwrite = true)
            finally
                File.Delete beside)

    /// The whole file as text.
    let read (path: string) = guard path "a readable file of a run directory" (fun () -> File.ReadAllText(path, utf8))
