namespace Glem

open System
open System.Globalization
open Spectre.Console

/// What the commands say, and how they end.
module Console =
    /// A terminal that redraws lines; elsewhere every line is final.
    let isInteractive = not Console.IsOutputRedirected

    /// Where tables go: with colours on a terminal, as plain text into a file or a pipe.
    let screen =
        if isInteractive then
            AnsiConsole.Console
        else
            AnsiConsole.Create(AnsiConsoleSettings(Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors))

    /// A count as people read it: 12,000.
    let thousands (number: int64) = number.ToString("N0", CultureInfo.InvariantCulture)

    let line (text: string) = Console.Out.WriteLine text

    /// One line, whatever line breaks the message holds.
    let error (message: string) =
        let line =
            message.Split([| '\r'; '\n' |], StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries)

        Console.Error.WriteLine $"""error: %s{String.Join(' ', line)}"""

    /// A heading between blank lines.
    let heading (text: string) =
        line ""

        if isInteractive then
            AnsiConsole.MarkupLine $"[bold]%s{Markup.Escape text}[/]"
        else
            line text

    /// Rows of cells, each column as wide as its widest cell.
    let columns (rows: string list list) =
        let widths = rows |> List.transpose |> List.map (List.map String.length >> List.max)

        for row in rows do
            (row, widths)
            ||> List.map2 (fun cell width -> cell.PadRight width)
            |> String.concat "  "
            |> _.TrimEnd()
            |> line
