namespace Glem.Experiments.Tests

open System
open System.IO
open System.Text.Json
open Xunit

/// shared/fixtures/metrics.json of the folder above this one that has it: golden numbers of SciPy, statsmodels, scikit-learn
/// and numpy.
module Reference =
    /// A part of the file. Skips the test where the file is absent.
    let metrics (part: string) : JsonElement =
        let rec search (folder: DirectoryInfo | null) =
            match folder with
            | null -> None
            | folder ->
                let path = Path.Combine(folder.FullName, "shared", "fixtures", "metrics.json")
                if File.Exists path then Some path else search folder.Parent

        let path = search (DirectoryInfo AppContext.BaseDirectory)
        Assert.SkipUnless(path.IsSome, "shared/fixtures/metrics.json is not here")
        JsonDocument.Parse(File.ReadAllText path.Value).RootElement.GetProperty part

    let numbers (element: JsonElement) = [ for x in element.EnumerateArray() -> x.GetDouble() ]
