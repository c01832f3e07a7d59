namespace Glem

open Spectre.Console

/// Tables on any console.
module internal ConsoleTable =
    /// An empty one: with lines on a terminal; for a pipe or a file one that can be pasted into an issue.
    let create (console: IAnsiConsole) =
        Table(
            Border =
                if console.Profile.Out.IsTerminal then
                    TableBorder.Rounded
                else
                    TableBorder.Markdown
        )
