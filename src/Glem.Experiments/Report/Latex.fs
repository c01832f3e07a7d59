namespace Glem

open System
open System.Text
open System.Text.RegularExpressions

/// The tables of a report as LaTeX: a document that compiles by itself, and from which a paper takes what it needs.
module internal Latex =
    let private symbols =
        Map [
            '\\', "\\textbackslash{}"
            '&', "\\&"
            '%', "\\%"
            '$', "\\$"
            '#', "\\#"
            '_', "\\_"
            '{', "\\{"
            '}', "\\}"
            '~', "\\textasciitilde{}"
            '^', "\\textasciicircum{}"
            '"', "\\textquotedbl{}"
            '<', "\\textless{}"
            '>', "\\textgreater{}"
            '|', "\\textbar{}"
            '±', "$\\pm$"
            '−', "$-$"
            '×', "$\\times$"
            '∞', "$\\infty$"
            '‖', "$\\|$"
            '†', "\\dag{}"
            '–', "\\textendash{}"
            '…', "\\dots{}"
            '²', "$^2$"
            'α', "$\\alpha$"
            'β', "$\\beta$"
            'θ', "$\\theta$"
            'φ', "$\\varphi$"
            'τ', "$\\tau$"
        ]

    let private escape (text: string) =
        let latex =
            (StringBuilder(), text.ReplaceLineEndings " ")
            ||> Seq.fold (fun latex letter ->
                match symbols.TryFind letter with
                | Some symbol -> latex.Append symbol
                | None -> latex.Append letter)
            |> string

        // Two of them would become a dash, or a quotation mark.
        Regex.Replace(latex, @"([-`'])(?=\1)", "$1{}")

    /// More do not fit on a page, or not in letters that can be read.
    let private mostRows, mostColumns = 45, 12

    let private table label (table: Table) =
        let alignment =
            [ for column in table.Columns -> if column.Numeric then "r" else "l" ] |> String.concat ""

        let line cells = String.concat " & " cells + " \\\\\n"

        if table.Rows.Length > mostRows || table.Columns.Length > mostColumns then
            $"%% Left out, with %d{table.Rows.Length} rows and %d{table.Columns.Length} columns: %s{table.Caption.ReplaceLineEndings String.Empty}\n\n"
        else
            String.concat "" [
                $"\\begin{{table}}[htbp]\n\\centering\\small\n\\caption{{%s{escape table.Caption}}}\n\\label{{%s{label}}}\n"
                "\\fitted{%\n"
                $"\\begin{{tabular}}{{@{{}}%s{alignment}@{{}}}}\n\\toprule\n"
                line [ for column in table.Columns -> escape column.Heading ]
                "\\midrule\n"
                for row in table.Rows do
                    row.Cells
                    |> List.mapi (fun i cell ->
                        if List.contains i row.Bold then $"\\textbf{{%s{escape cell}}}" else escape cell)
                    |> line
                "\\bottomrule\n\\end{tabular}}\n\\end{table}\n\n"
            ]

    let rec private tables blocks =
        blocks
        |> List.collect (function
            | Table table when not table.Rows.IsEmpty -> [ table ]
            | Folded(_, inner) -> tables inner
            | Table _
            | Prose _
            | Figure _
            | Code _
            | Tiles _ -> [])

    let private section section =
        match tables section.Blocks with
        | [] -> ""
        | tables ->
            let tables = tables |> List.mapi (fun i content -> table $"tab:%s{section.Anchor}-%d{i + 1}" content)
            $"\\section{{%s{escape section.Title}}}\n\n%s{String.Concat tables}\\clearpage\n\n"

    let page (title: string) (sections: Section list) =
        String.concat "" [
            "\\documentclass[a4paper]{article}\n\\usepackage[margin=2cm]{geometry}\n"
            "\\usepackage[T1]{fontenc}\n\\usepackage[utf8]{inputenc}\n\\usepackage{textcomp,booktabs,graphicx}\n"
            "% A table in its own size, or as wide as the text where it is wider.\n"
            "\\newsavebox{\\fittedbox}\n"
            "\\newcommand{\\fitted}[1]{\\sbox{\\fittedbox}{#1}%\n"
            "  \\ifdim\\wd\\fittedbox>\\linewidth\\resizebox{\\linewidth}{!}{\\usebox{\\fittedbox}}\\else\\usebox{\\fittedbox}\\fi}\n"
            "\\begin{document}\n\n"
            $"\\title{{%s{escape title}}}\n\\author{{}}\\date{{}}\\maketitle\n\n"
            yield! List.map section sections
            "\\end{document}\n"
        ]
