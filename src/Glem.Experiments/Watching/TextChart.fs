namespace Glem

open System
open System.Globalization

/// A curve of a chart: the letter that marks its points, and the points in the order of x.
type TextCurve = {
    Mark: char
    Points: (float * float) list
}

/// Curves in characters: lines of Braille dots, two by four to a character, and a letter on each point.
module TextChart =
    // Unicode's Braille patterns from U+2800: which bit is the dot of a column and a row.
    let private bits = [| [| 0x01; 0x02; 0x04; 0x40 |]; [| 0x08; 0x10; 0x20; 0x80 |] |]

    let private number (value: float) = value.ToString("0.0", CultureInfo.InvariantCulture)

    /// Lines of text, as wide and high as asked plus an axis of values on the left; empty where no curve has a point.
    ///   width, height : of the plot, in characters, from 2
    let draw (width: int) (height: int) (curves: TextCurve list) : string list =
        let points = curves |> List.collect _.Points

        if points.IsEmpty then
            []
        else
            let left, right = points |> List.map fst |> List.min, points |> List.map fst |> List.max
            let low, high = points |> List.map snd |> List.min, points |> List.map snd |> List.max
            // A flat line lies in the middle.
            let low, high = if high > low then low, high else low - 0.5, high + 0.5
            let dots = Array2D.create height width 0
            let marks = Array2D.create height width ' '
            let columns, rows = 2 * width - 1, 4 * height - 1

            let column x =
                if right > left then
                    int (round ((x - left) / (right - left) * float columns))
                else
                    0

            let row y = int (round ((high - y) / (high - low) * float rows))

            for curve in curves do
                for (x0, y0), (x1, y1) in List.pairwise curve.Points do
                    for at in column x0 .. column x1 do
                        let share = float (at - column x0) / float (max 1 (column x1 - column x0))
                        let y = row (y0 + share * (y1 - y0))
                        dots[y / 4, at / 2] <- dots[y / 4, at / 2] ||| bits[at % 2][y % 4]

                for x, y in curve.Points do
                    marks[row y / 4, column x / 2] <- curve.Mark

            let character i j =
                if marks[i, j] <> ' ' then marks[i, j]
                elif dots[i, j] = 0 then ' '
                else char (0x2800 + dots[i, j])

            let labels = [ number high; number low ]
            let margin = labels |> List.map String.length |> List.max

            [
                for i in 0 .. height - 1 do
                    let label =
                        if i = 0 then labels[0]
                        elif i = height - 1 then labels[1]
                        else ""

                    let line = String(Array.init width (character i))
                    $"%s{label.PadLeft margin} │%s{line}".TrimEnd()
            ]

    /// A bar of that many characters, filled by a share from 0 to 1.
    let bar (width: int) (share: float) : string =
        let eighths = int (Math.Round(8.0 * float width * min 1.0 (max 0.0 share)))
        let full = String('█', eighths / 8)
        // U+2588 is the whole block, U+2589 seven eighths, … U+258F one.
        let part = if eighths % 8 = 0 then "" else string (char (0x2590 - eighths % 8))
        (full + part).PadRight(width, '░')
