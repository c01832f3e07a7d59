namespace Glem

open System.Globalization
open System.IO
open CsvHelper
open CsvHelper.Configuration

/// One test node on the maps of what the students make of it: its place on the plane that keeps most of the variance, in
/// units of the cloud's standard deviation (PrincipalPlane). The two maps have nothing to do with each other.
type MapPoint = {
    /// The node's id in the data set.
    Id: string
    /// Its gold class.
    Class: string
    /// By the LM's embeddings.
    Lm: struct (float * float)
    /// By the GNN's logits.
    Gnn: struct (float * float)
}

module MapPoint =
    let place student point =
        match student with
        | Student.Lm -> point.Lm
        | Student.Gnn -> point.Gnn

/// map.csv: id, class, lmX, lmY, gnnX, gnnY; RFC 4180 quoting.
module MapFile =
    let private columns = [ "id"; "class"; "lmX"; "lmY"; "gnnX"; "gnnY" ]

    let private toText (points: MapPoint seq) =
        use text = new StringWriter(CultureInfo.InvariantCulture)
        use csv = new CsvWriter(text, CsvConfiguration(CultureInfo.InvariantCulture, NewLine = "\n"))

        let row (fields: string list) =
            fields |> List.iter csv.WriteField
            csv.NextRecord()

        let place (struct (x: float, y: float)) = [
            for value in [ x; y ] -> value.ToString("0.####", CultureInfo.InvariantCulture)
        ]

        row columns

        for point in points do
            row ([ point.Id; point.Class ] @ place point.Lm @ place point.Gnn)

        csv.Flush()
        text.ToString()

    let write path points = RunFile.write path (toText points)

    /// Errors name the file, its line and column, what was found and expected.
    let read (path: string) : Result<MapPoint list, GlemError> =
        RunFile.guard path "a map of test nodes" (fun () -> [
            for row in Rows.read path Csv columns do
                let text column = row.Field column |> Option.defaultValue ""

                let number column =
                    match System.Double.TryParse(text column, NumberStyles.Float, CultureInfo.InvariantCulture) with
                    | true, value when System.Double.IsFinite value -> value
                    | _ ->
                        let place = $"line %d{row.Line}, column '%s{column}'"
                        raise (GlemException(InFile(path, place, $"'%s{text column}'", "a number")))

                {
                    Id = text "id"
                    Class = text "class"
                    Lm = struct (number "lmX", number "lmY")
                    Gnn = struct (number "gnnX", number "gnnY")
                }
        ])
