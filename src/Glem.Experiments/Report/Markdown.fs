namespace Glem

open System.Text.RegularExpressions

/// The same report for a paper, an issue or a terminal: sentences and tables, no charts.
module internal Markdown =
    // Names come from data: without this a class called "a|b" or "<T>" breaks its table.
    let private escape (text: string) = Regex.Replace(text, @"[\\`*_\[\]<>|#]", @"\$0").ReplaceLineEndings " "

    let private table (table: Table) =
        let rule = [ for column in table.Columns -> if column.Numeric then "---:" else "---" ]

        let rows = [
            for row in table.Rows ->
                row.Cells
                |> List.mapi (fun i cell -> if List.contains i row.Bold then $"**%s{escape cell}**" else escape cell)
                |> MarkdownTable.line
        ]

        String.concat "" [
            $"%s{escape table.Caption}:\n\n"
            MarkdownTable.line [ for column in table.Columns -> escape column.Heading ]
            MarkdownTable.line rule
            yield! rows
            "\n"
        ]

    let rec private block content =
        match content with
        | Prose text -> escape text + "\n\n"
        | Table content -> table content
        | Code lines -> $"```sh\n%s{lines}\n```\n\n"
        | Folded(_, inner) -> inner |> List.map block |> String.concat ""
        // Their numbers stand in the tables beside them.
        | Figure _
        | Tiles _ -> ""

    let page (title: string) (sections: Section list) =
        let section section =
            $"## %s{escape section.Title}\n\n%s{section.Blocks |> List.map block |> String.concat System.String.Empty}"

        $"# %s{escape title}\n\n%s{sections |> List.map section |> String.concat System.String.Empty}".TrimEnd()
        + "\n"
