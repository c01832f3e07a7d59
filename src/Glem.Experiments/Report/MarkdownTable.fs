namespace Glem

/// Tables in Markdown.
module internal MarkdownTable =
    /// One line of a table, be it of headings, of rules or of values.
    let line (cells: string list) = "| " + String.concat " | " cells + " |\n"
