namespace Glem

/// What a user can get wrong. What only we can get wrong raises instead.
type GlemError =
    /// A file's content: where it is ("line 12", "node 'a'", "key 'split'"), what stands there, what should.
    | InFile of file: string * place: string * found: string * expected: string
    /// A setting of a recipe or the command line, by its dotted path.
    | InSetting of key: string * found: string * expected: string
    /// A value handed to the library.
    | InValue of name: string * found: string * expected: string
    /// Something the machine lacks, and what to do about it.
    | Missing of what: string * remedy: string

module GlemError =
    /// One line for a person: what, where, found and expected. What a file holds may bring line ends of its own.
    let message error =
        let text =
            match error with
            | InFile(file, "", found, expected) -> $"%s{file}: found %s{found}, expected %s{expected}"
            | InFile(file, place, found, expected) -> $"%s{file}, %s{place}: found %s{found}, expected %s{expected}"
            | InSetting(key, found, expected) -> $"setting %s{key}: found %s{found}, expected %s{expected}"
            | InValue(name, found, expected) -> $"%s{name}: found %s{found}, expected %s{expected}"
            | Missing(what, remedy) -> $"%s{what} is missing: %s{remedy}"

        text |> String.map (fun letter -> if System.Char.IsControl letter then ' ' else letter)

/// Carries a GlemError through code that cannot return a Result: callbacks, C# callers, the tensor loop.
exception GlemException of GlemError with
    override this.Message = GlemError.message this.Data0

module Result =
    /// The value, or the error raised as a GlemException.
    let orRaise result =
        match result with
        | Ok value -> value
        | Error error -> raise (GlemException error)
