namespace Glem

open System.Text.Json.Nodes

type internal Column = { Heading: string; Numeric: bool }

type internal Row = {
    Cells: string list
    /// Columns whose cell is set in bold.
    Bold: int list
}

type internal Table = {
    Caption: string
    Columns: Column list
    Rows: Row list
}

/// A chart of the HTML page. Its numbers also stand in a table, which is what Markdown and screen readers get.
type internal Figure = {
    Id: string
    /// The drawing function of Assets/report.js.
    Kind: string
    /// What the chart shows, in a sentence: caption and text alternative.
    Description: string
    Data: JsonNode
}

/// What a report says, before it becomes HTML or Markdown: both have the same sections, sentences and tables.
type internal Block =
    | Prose of string
    | Figure of Figure
    | Table of Table
    /// Lines to type.
    | Code of string
    /// A figure's worth in few words: value, what it is.
    | Tiles of (string * string) list
    /// For those who look for it: closed at first on the page.
    | Folded of title: string * Block list

type internal Section = {
    Anchor: string
    Title: string
    Blocks: Block list
}

module internal Table =
    /// `headings`: a leading "#" makes the column numeric (aligned right).
    let create caption (headings: string list) rows = {
        Caption = caption
        Columns = [
            for heading in headings ->
                {
                    Heading = heading.TrimStart '#'
                    Numeric = heading.StartsWith '#'
                }
        ]
        Rows = [ for cells in rows -> { Cells = cells; Bold = [] } ]
    }

    /// Sets one cell of a column in bold, where there is one to set (Bold.best).
    let embolden (column: int) (row: int option) (table: Table) = {
        table with
            Rows =
                table.Rows
                |> List.mapi (fun i cells ->
                    if Some i = row then
                        {
                            cells with
                                Bold = column :: cells.Bold
                        }
                    else
                        cells)
    }
