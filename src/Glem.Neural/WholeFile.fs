namespace Glem

open System.IO

/// Files that are there whole or not at all.
module WholeFile =
    /// Writes beside and renames, so that a reader never sees half a file. Raises IOException.
    let write (path: string) (content: Stream -> unit) =
        let beside = path + ".partial"

        do
            use file = File.Create beside
            content file

        File.Move(beside, path, true)

    /// The same for a text, in UTF-8.
    let writeText path (text: string) = write path (fun file -> file.Write(System.Text.Encoding.UTF8.GetBytes text))
