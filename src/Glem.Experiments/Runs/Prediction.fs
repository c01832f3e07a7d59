namespace Glem

open System.Globalization
open System.IO
open CsvHelper
open CsvHelper.Configuration

/// What one student says about one node: its most probable class, and how probable it is (0 to 1).
type Guess = { Class: string; Confidence: float }

/// One node of predictions.csv. The guesses are those of the rounds chosen on validation.
type Prediction = {
    /// The node's id in the data set.
    Id: string
    Split: Part
    /// Gold class; None for an unlabelled node.
    Label: string option
    Lm: Guess option
    Gnn: Guess option
}

module Prediction =
    let guess student prediction =
        match student with
        | Student.Lm -> prediction.Lm
        | Student.Gnn -> prediction.Gnn

/// predictions.csv: id, split, label, lm, lmConfidence, gnn, gnnConfidence; RFC 4180 quoting; an empty field is None.
module Predictions =
    let private columns = [ "id"; "split"; "label"; "lm"; "lmConfidence"; "gnn"; "gnnConfidence" ]

    let private partText part =
        match part with
        | Train -> "train"
        | Valid -> "valid"
        | Test -> "test"
        | Unassigned -> ""

    let private configuration () =
        CsvConfiguration(CultureInfo.InvariantCulture, NewLine = "\n", Mode = CsvMode.RFC4180)

    let private toText (predictions: Prediction seq) =
        use text = new StringWriter(CultureInfo.InvariantCulture)
        use csv = new CsvWriter(text, configuration ())

        let row (fields: string list) =
            fields |> List.iter csv.WriteField
            csv.NextRecord()

        let guessFields guess =
            match guess with
            | None -> [ ""; "" ]
            | Some guess -> [
                guess.Class
                guess.Confidence.ToString("0.######", CultureInfo.InvariantCulture)
              ]

        row columns

        for p in predictions do
            [ p.Id; partText p.Split; Option.defaultValue "" p.Label ] @ guessFields p.Lm @ guessFields p.Gnn
            |> row

        csv.Flush()
        text.ToString()

    let private readAll (path: string) (text: string) =
        use csv = new CsvReader(new StringReader(text), configuration ())
        let fail place found expected = raise (GlemException(InFile(path, place, found, expected)))

        let header = String.concat "," columns

        if not (csv.Read() && csv.ReadHeader()) then
            fail "line 1" "an empty file" header

        for column in columns do
            if csv.GetFieldIndex(column, isTryGet = true) < 0 then
                fail "line 1" $"no column '%s{column}'" header

        let cell (column: string) = csv.GetField column |> Option.ofObj |> Option.defaultValue ""
        let place column = $"line %d{csv.Parser.RawRow}, column '%s{column}'"

        let guess column =
            match cell column with
            | "" -> None
            | name ->
                let confidence = $"%s{column}Confidence"

                match System.Double.TryParse(cell confidence, NumberStyles.Float, CultureInfo.InvariantCulture) with
                | true, value when value >= 0.0 && value <= 1.0 -> Some { Class = name; Confidence = value }
                | _ -> fail (place confidence) $"'%s{cell confidence}'" "a number from 0 to 1"

        [
            while csv.Read() do
                {
                    Id = cell "id"
                    Split =
                        match cell "split" with
                        | "train" -> Train
                        | "valid" -> Valid
                        | "test" -> Test
                        | "" -> Unassigned
                        | other -> fail (place "split") $"'%s{other}'" "train, valid, test or nothing"
                    Label =
                        (match cell "label" with
                         | "" -> None
                         | label -> Some label)
                    Lm = guess "lm"
                    Gnn = guess "gnn"
                }
        ]

    let write path predictions = RunFile.write path (toText predictions)

    let read path =
        RunFile.read path
        |> Result.bind (fun text ->
            RunFile.guard path "a table of predictions" (fun () ->
                try
                    readAll path text
                with :? CsvHelperException as e ->
                    let row =
                        e.Context
                        |> Option.ofObj
                        |> Option.bind (fun context -> Option.ofObj context.Parser)
                        |> Option.map (fun parser -> parser.RawRow)
                        |> Option.defaultValue 1

                    raise (
                        GlemException(
                            InFile(
                                path,
                                $"line %d{row}",
                                "a row that is not CSV or lacks fields",
                                String.concat "," columns
                            )
                        )
                    )))
