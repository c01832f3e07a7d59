namespace Glem

open System
open System.IO
open System.Net
open System.Text
open System.Text.RegularExpressions

/// One self-contained page: style, charting library, script and data are inside, and nothing is ever requested.
module internal Html =
    let private asset (name: string) =
        let assembly = Reflection.Assembly.GetExecutingAssembly()

        match assembly.GetManifestResourceStream $"Glem.Assets.%s{name}" with
        | null -> failwith $"The build left out the embedded resource Glem.Assets.%s{name}."
        | stream ->
            use reader = new StreamReader(stream)
            reader.ReadToEnd()

    // "</script" inside a script would end it; in JavaScript "<\/script" is the same text.
    let private script (source: string) =
        let safe = Regex.Replace(source, "</(script)", "<\\/$1", RegexOptions.IgnoreCase)
        $"<script>%s{safe}</script>\n"

    let private encode (text: string) = WebUtility.HtmlEncode text |> Option.ofObj |> Option.defaultValue ""

    let rec private figures blocks =
        blocks
        |> List.collect (function
            | Figure figure -> [ figure ]
            | Folded(_, inner) -> figures inner
            | Prose _
            | Table _
            | Code _
            | Tiles _ -> [])

    let private table (table: Table) =
        let side column = if column.Numeric then " class=\"number\"" else ""
        let html = StringBuilder()
        let add (text: string) = html.Append text |> ignore

        add "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\""
        add (encode table.Caption)
        add $"\"><table><caption><span>%s{encode table.Caption}</span></caption>\n<thead><tr>"

        for column in table.Columns do
            add $"<th scope=\"col\"%s{side column}>%s{encode column.Heading}</th>"

        add "</tr></thead>\n<tbody>\n"

        for row in table.Rows do
            add "<tr>"

            for i, (column, cell) in List.zip table.Columns row.Cells |> List.indexed do
                let text = encode cell
                let text = if List.contains i row.Bold then $"<strong>%s{text}</strong>" else text
                // The first cell says what the row is about.
                let tag, scope = if i = 0 then "th", " scope=\"row\"" else "td", ""
                add $"<%s{tag}%s{scope}%s{side column}>%s{text}</%s{tag}>"

            add "</tr>\n"

        add "</tbody></table></div>\n"
        html.ToString()

    let rec private block content =
        match content with
        | Prose text -> $"<p>%s{encode text}</p>\n"
        | Table content -> table content
        | Code lines -> $"<pre><code>%s{encode lines}</code></pre>\n"
        | Figure figure ->
            $"<figure><div class=\"chart\" id=\"%s{encode figure.Id}\"></div><figcaption>%s{encode figure.Description}</figcaption></figure>\n"
        | Folded(title, inner) ->
            $"<details><summary>%s{encode title}</summary>\n%s{inner |> List.map block |> String.concat String.Empty}</details>\n"
        | Tiles tiles ->
            tiles
            |> List.map (fun (value, what) ->
                $"<li><strong>%s{encode value}</strong> <span>%s{encode what}</span></li>")
            |> String.concat ""
            |> sprintf "<ul class=\"tiles\">%s</ul>\n"

    let private section section =
        let blocks = section.Blocks |> List.map block |> String.concat ""
        $"<section id=\"%s{encode section.Anchor}\"><h2>%s{encode section.Title}</h2>\n%s{blocks}</section>\n"

    let private data sections =
        sections
        |> List.collect (fun section -> figures section.Blocks)
        |> List.map (fun figure ->
            Json.object [
                "id", Json.text figure.Id
                "kind", Json.text figure.Kind
                "description", Json.text figure.Description
                "data", Some figure.Data
            ])
        |> Json.array
        |> Option.map Json.line
        |> Option.defaultValue "[]"

    let private licences () =
        [ "plot.LICENSE.txt"; "d3.LICENSE.txt" ]
        |> List.map (fun name -> $"<pre>%s{name}\n\n%s{encode (asset name)}</pre>")
        |> String.concat "\n"

    // The browser itself enforces that the page asks nobody for anything.
    let private policy =
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"

    let page (title: string) (sections: Section list) =
        let contents =
            sections
            |> List.map (fun s -> $"<a href=\"#%s{encode s.Anchor}\">%s{encode s.Title}</a>")
            |> String.concat "\n"

        let body = sections |> List.map section |> String.concat ""
        let style = asset "report.css"

        let scripts =
            [ "d3.min.js"; "plot.umd.min.js"; "report.js" ] |> List.map (asset >> script) |> String.concat ""

        $"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="%s{policy}">
<title>%s{encode title}</title>
<style>
%s{style}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the report</a>
<header>
<h1>%s{encode title}</h1>
<nav aria-label="Sections">%s{contents}</nav>
</header>
<main id="main" tabindex="-1">
%s{body}</main>
<noscript><p>The charts need JavaScript; every number is in the tables.</p></noscript>
<footer>
<p>Made by Glem. Charts by Observable Plot and D3.</p>
<details><summary>Their licences</summary>%s{licences ()}</details>
</footer>
<script id="figures" type="application/json">%s{data sections}</script>
%s{scripts}</body>
</html>
"""
