namespace Glem

open System
open System.IO
open System.Reflection
open System.Runtime

/// One pinned reference pack: a NuGet package of assemblies without code, with their XML documentation.
type ReferencePack = {
    Name: string
    Version: string
    /// The folder of its .dll and .xml files.
    Folder: string
}

/// The packs that dotnet-api is built from. The project file pins them with PackageDownload, so a restore has them on disk.
module ReferencePacks =
    let version = "10.0.12"
    let names = [ "Microsoft.NETCore.App.Ref"; "Microsoft.AspNetCore.App.Ref" ]
    let private framework = "net10.0"

    /// The package folder of the restore that this build came from; MSBuild writes it into the assembly.
    let private restoredInto () =
        Assembly.GetExecutingAssembly().GetCustomAttributes<AssemblyMetadataAttribute>()
        |> Seq.tryPick (fun attribute ->
            match attribute.Key, attribute.Value with
            | "NuGetPackageRoot", value when not (String.IsNullOrEmpty value) -> Option.ofObj value
            | _ -> None)

    let private environment name = Environment.GetEnvironmentVariable name |> Option.ofObj |> Option.filter ((<>) "")

    /// Where a pack may lie: the package folders, then the SDK's own packs (the same files).
    let private candidates (name: string) =
        let packages =
            [
                restoredInto ()
                environment "NUGET_PACKAGES"
                Some(
                    Path.Combine(Environment.GetFolderPath Environment.SpecialFolder.UserProfile, ".nuget", "packages")
                )
            ]
            |> List.choose id

        let sdks =
            [
                environment "DOTNET_ROOT"
                // <sdk>/shared/Microsoft.NETCore.App/<version>/ is where the running framework lies.
                Some(Path.Combine(InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."))
            ]
            |> List.choose id

        [
            for folder in packages do
                Path.Combine(folder, name.ToLowerInvariant(), version, "ref", framework)
            for folder in sdks do
                Path.Combine(folder, "packs", name, version, "ref", framework)
        ]

    /// The pinned packs on this machine.
    let locate () =
        let find name =
            match candidates name |> List.tryFind Directory.Exists with
            | Some folder ->
                Ok {
                    Name = name
                    Version = version
                    Folder = Path.GetFullPath folder
                }
            | None ->
                Error(
                    GlemError.Missing(
                        $"the reference pack %s{name} %s{version}",
                        "restore the project (dotnet restore src/Glem.Experiments) with a NuGet source that serves it, "
                        + "or set NUGET_PACKAGES to a folder that holds it"
                    )
                )

        (names, Ok [])
        ||> List.foldBack (fun name found ->
            found |> Result.bind (fun rest -> find name |> Result.map (fun pack -> pack :: rest)))
