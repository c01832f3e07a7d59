namespace Glem.Neural.Tests

open System
open System.IO
open Xunit

/// Golden files and data that live beside the repository, in a folder `shared` of some parent of the tests.
module SharedFiles =
    let private find (isThere: string -> bool) (path: string) =
        let rec search (folder: DirectoryInfo | null) =
            match folder with
            | null -> None
            | folder ->
                let candidate = Path.Combine(folder.FullName, "shared", path)
                if isThere candidate then Some candidate else search folder.Parent

        search (DirectoryInfo AppContext.BaseDirectory)

    /// The folder at a path inside `shared`, where there is one.
    let tryFolder (path: string) = find Directory.Exists path

    /// The file at a path inside `shared`, where there is one.
    let tryFile (path: string) = find File.Exists path

    /// The file at a path inside `shared`; the test is skipped where there is none.
    let file (path: string) =
        match tryFile path with
        | Some found -> found
        | None ->
            Assert.Skip $"shared/%s{path} is not beside this checkout"
            path
