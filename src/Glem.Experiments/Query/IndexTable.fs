namespace Glem

/// A run, and the number that stands for it in every table.
type IndexedRun = {
    Number: int
    Run: RunFolder
    Place: GridPlace option
}

/// A column: what SQL calls it, its SQLite type, what it holds ("" where the name says it), and the value of a row.
type IndexColumn<'row> = {
    Column: string
    Type: string
    About: string
    Value: 'row -> SqlValue
}

/// A table of the index, and the rows that a run adds to it.
type IndexTable = {
    Name: string
    About: string
    /// Name, type, what it holds.
    Columns: (string * string * string) list
    Rows: IndexedRun -> SqlValue list list
}

module IndexTable =
    let private column kind name about value = {
        Column = name
        Type = kind
        About = about
        Value = value
    }

    let integer name about (value: 'row -> int) = column "INTEGER" name about (value >> SqlValue.ofInt)
    let real name about (value: 'row -> float) = column "REAL" name about (value >> SqlValue.Real)
    let text name about (value: 'row -> string) = column "TEXT" name about (value >> SqlValue.Text)

    let integerOption name about (value: 'row -> int option) =
        column "INTEGER" name about (value >> SqlValue.ofOption SqlValue.ofInt)

    let realOption name about (value: 'row -> float option) =
        column "REAL" name about (value >> SqlValue.ofOption SqlValue.Real)

    let textOption name about (value: 'row -> string option) =
        column "TEXT" name about (value >> SqlValue.ofOption SqlValue.Text)

    /// A number where the text is one. Without a declared type, SQLite compares it as what it is.
    let numberOrText name about (value: 'row -> string) = column "" name about (value >> SqlValue.ofNumberOrText)

    /// A table, whose first column is the run's number.
    let create name about key (rows: IndexedRun -> 'row list) (columns: IndexColumn<'row> list) : IndexTable = {
        Name = name
        About = about
        Columns = ("run", key, "the run's number in this index") :: [ for c in columns -> c.Column, c.Type, c.About ]
        Rows =
            fun run -> [
                for row in rows run -> SqlValue.ofInt run.Number :: [ for column in columns -> column.Value row ]
            ]
    }

    /// The SQL that makes it.
    let definition (table: IndexTable) =
        let columns =
            table.Columns
            |> List.map (fun (name, kind, _) -> $"\"%s{name}\" %s{kind}".TrimEnd())
            |> String.concat ", "

        $"CREATE TABLE \"%s{table.Name}\" (%s{columns})"
