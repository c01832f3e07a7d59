namespace Glem

open System
open System.Globalization
open System.Net
open System.Text

/// A line of a chart: points (x, y), ascending in x; those that are not above 0 in both are not drawn.
type PlotLine = {
    Name: string
    Points: (float * float) list
    /// A reference that was not measured: drawn dashed.
    IsReference: bool
}

type PlotPanel = {
    Title: string
    X: string
    Y: string
    Lines: PlotLine list
}

/// Charts whose axes are both logarithmic, as SVG that stands alone: growth in proportion is a line of slope 1.
module LogLogPlot =
    let private panelWidth, private panelHeight = 440.0, 340.0
    let private left, private right, private top, private bottom = 62.0, 14.0, 34.0, 46.0
    let private legendLine = 16.0
    let private colours = [| "#1f6fb4"; "#c8501e"; "#3c8c3c"; "#7d4fa3"; "#8a6d1a"; "#555555" |]

    // What is 0 has no logarithm.
    let private visible points = points |> List.filter (fun (x, y) -> x > 0.0 && y > 0.0)

    /// The exponent a of y = k x^a, by least squares on the logarithms of points above 0; nothing for fewer than two.
    let slope (points: (float * float) list) =
        match visible points with
        | []
        | [ _ ] -> None
        | points ->
            let logs = points |> List.map (fun (x, y) -> log x, log y)
            let meanX, meanY = List.averageBy fst logs, List.averageBy snd logs

            Some(
                (logs |> List.sumBy (fun (x, y) -> (x - meanX) * (y - meanY)))
                / (logs |> List.sumBy (fun (x, _) -> (x - meanX) ** 2.0))
            )

    let private encode (text: string) = WebUtility.HtmlEncode text |> Option.ofObj |> Option.defaultValue ""
    let private one (x: float) = x.ToString("0.0", CultureInfo.InvariantCulture)

    /// Whole powers of ten that enclose the values.
    let private decades (values: float list) =
        let low = values |> List.min |> log10 |> Math.Floor |> int
        let high = values |> List.max |> log10 |> Math.Ceiling |> int
        low, max high (low + 1)

    let private panel (html: StringBuilder) (at: float) (panel: PlotPanel) =
        let add (text: string) = html.Append(text).Append('\n') |> ignore
        let points = panel.Lines |> List.collect _.Points
        let lowX, highX = points |> List.map fst |> decades
        let lowY, highY = points |> List.map snd |> decades

        let place low high first last value = first + (last - first) * (log10 value - float low) / float (high - low)

        let x = place lowX highX (at + left) (at + panelWidth - right)
        let y = place lowY highY (panelHeight - bottom) top
        let power exponent = 10.0 ** float exponent

        let text (px: float) (py: float) attributes content =
            add $"<text x=\"%s{one px}\" y=\"%s{one py}\" %s{attributes}>%s{content}</text>"

        let rule (x1: float) (y1: float) (x2: float) (y2: float) =
            add
                $"<line x1=\"%s{one x1}\" y1=\"%s{one y1}\" x2=\"%s{one x2}\" y2=\"%s{one y2}\" stroke=\"#000\" stroke-opacity=\"0.15\"/>"

        let label exponent = $"10<tspan dy=\"-5\" font-size=\"8\">%d{exponent}</tspan>"

        for exponent in lowX..highX do
            rule (x (power exponent)) top (x (power exponent)) (panelHeight - bottom)
            text (x (power exponent)) (panelHeight - bottom + 18.0) "text-anchor=\"middle\"" (label exponent)

        for exponent in lowY..highY do
            rule (at + left) (y (power exponent)) (at + panelWidth - right) (y (power exponent))
            text (at + left - 8.0) (y (power exponent) + 4.0) "text-anchor=\"end\"" (label exponent)

        text (at + left) 18.0 "font-weight=\"bold\"" (encode panel.Title)
        text (at + (left + panelWidth - right) / 2.0) (panelHeight - 8.0) "text-anchor=\"middle\"" (encode panel.X)

        let middle = (top + panelHeight - bottom) / 2.0

        text
            (at + 14.0)
            middle
            $"text-anchor=\"middle\" transform=\"rotate(-90 %s{one (at + 14.0)} %s{one middle})\""
            (encode panel.Y)

        panel.Lines
        |> List.iteri (fun i line ->
            let colour = if line.IsReference then "#888888" else colours[i % colours.Length]
            let dash = if line.IsReference then " stroke-dasharray=\"5 4\"" else ""
            let path = line.Points |> List.map (fun (a, b) -> $"%s{one (x a)},%s{one (y b)}") |> String.concat " "
            add $"<polyline points=\"%s{path}\" fill=\"none\" stroke=\"%s{colour}\" stroke-width=\"2\"%s{dash}/>"

            if not line.IsReference then
                for a, b in line.Points do
                    add $"<circle cx=\"%s{one (x a)}\" cy=\"%s{one (y b)}\" r=\"3.5\" fill=\"%s{colour}\"/>"

            let exponent =
                match slope line.Points with
                | Some exponent when not line.IsReference ->
                    let shown = exponent.ToString("0.00", CultureInfo.InvariantCulture)
                    $" (slope %s{shown})"
                | _ -> ""

            let height = panelHeight + legendLine * float (i + 1)
            text (at + left) height $"fill=\"%s{colour}\"" (encode (line.Name + exponent)))

    /// The panels side by side. Lines without visible points are left out, and panels without lines are empty.
    let svg (panels: PlotPanel list) =
        let html = StringBuilder()
        let width = panelWidth * float panels.Length
        // The legend stands below its panel, where no line can cross it.
        let height =
            panelHeight
            + legendLine * (panels |> List.map (fun panel -> panel.Lines.Length + 1) |> List.max |> float)

        html.Append(
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%s{one width}\" height=\"%s{one height}\" viewBox=\"0 0 %s{one width} %s{one height}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n"
        )
        |> ignore

        panels
        |> List.iteri (fun i each ->
            let lines =
                each.Lines
                |> List.map (fun line -> {
                    line with
                        Points = visible line.Points
                })
                |> List.filter (fun line -> not line.Points.IsEmpty)

            if not lines.IsEmpty then
                panel html (panelWidth * float i) { each with Lines = lines })

        html.Append("</svg>\n").ToString()
