namespace Glem.Tests

open System
open System.IO

/// A folder of a test's own, gone when the test is.
[<Sealed>]
type TemporaryFolder() =
    let folder = Directory.CreateTempSubdirectory "glem-test-"

    member _.File(name: string) = Path.Combine(folder.FullName, name)
    member _.Names = folder.GetFiles() |> Array.map _.Name |> Array.sort

    interface IDisposable with
        member _.Dispose() = folder.Delete true
