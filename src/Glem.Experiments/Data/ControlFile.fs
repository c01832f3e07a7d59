namespace Glem

open System.Collections.Generic
open System.IO

/// Debian's control files (deb822, Debian Policy 5.1): stanzas of "Field: value" divided by blank lines; a line that begins with a
/// blank goes on with the field above.
module ControlFile =
    /// The stanzas, lazily, each with only the fields in `wanted`; lines of a longer value stand behind each other, divided by line
    /// ends and without their first blank. `name` is what errors call the file. Raises GlemException at the line that is wrong.
    let read (name: string) (wanted: Set<string>) (reader: TextReader) : seq<Dictionary<string, string>> = seq {
        let mutable stanza = Dictionary<string, string>()
        let mutable field = ""
        let mutable line = 0L
        let mutable text = reader.ReadLine()

        while not (isNull text) do
            line <- line + 1L

            match text with
            | Null -> ()
            | NonNull "" ->
                if stanza.Count > 0 then
                    stanza
                    stanza <- Dictionary()

                field <- ""
            | NonNull content when content[0] = ' ' || content[0] = '\t' ->
                if stanza.ContainsKey field then
                    stanza[field] <- stanza[field] + "\n" + content.Substring 1
            | NonNull content ->
                match content.IndexOf ':' with
                | -1 -> TextLines.refuse name line (TextLines.quoted content) "a field and its value, divided by ':'"
                | colon ->
                    field <- content.Substring(0, colon)

                    if wanted.Contains field then
                        stanza[field] <- content.Substring(colon + 1).Trim()

            text <- reader.ReadLine()

        if stanza.Count > 0 then
            stanza
    }
