namespace Glem

open System.IO
open System.Reflection

/// Encoders that come with Glem, in the folder models/ beside its assemblies.
module BundledModel =
    let names = [ "glem-mini" ]

    /// Not AppContext.BaseDirectory: in a script that is the folder of `dotnet fsi`.
    let private beside = lazy (Assembly.GetExecutingAssembly().Location |> Path.GetDirectoryName |> string)

    /// A bundled encoder's folder by its name; anything else is taken for a folder, and so is a name where there is a folder
    /// of that name.
    let folderOf (nameOrFolder: string) =
        if List.contains nameOrFolder names && not (Directory.Exists nameOrFolder) then
            Path.Combine(beside.Value, "models", nameOrFolder)
        else
            nameOrFolder
