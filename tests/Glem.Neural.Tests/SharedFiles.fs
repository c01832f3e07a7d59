namespace Glem.Tests

open System
open System.IO
open Xunit

/// Golden files and data that live beside the repository, in a folder `shared` of some parent of the tests.
module SharedFiles =
    /// The file at a path inside `shared`; the test is skipped where there is none.
    let file (path: string) =
        let rec search (folder: DirectoryInfo | null) =
            match folder with
            | null -> None
            | folder ->
                let candidate = Path.Combine(folder.FullName, "shared", path)
                if File.Exists candidate then Some candidate else search folder.Parent

        match search (DirectoryInfo AppContext.BaseDirectory) with
        | Some found -> found
        | None ->
            Assert.Skip $"shared/%s{path} is not beside this checkout"
            path
