// What every script loads: the built library under `dotnet fsi`. Build first: ./glem doctor builds what is missing.
#I "../src/Glem.Experiments/bin/Release/net10.0"
#r "Glem.Model.dll"
#r "Glem.Torch.dll"
#r "Glem.Neural.dll"
#r "Argu.dll"
#r "glem.dll"

open System.IO

let private root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, ".."))

// A stale build gives the numbers of code that is no longer there.
do
    let built = File.GetLastWriteTimeUtc(Path.Combine(root, "src/Glem.Experiments/bin/Release/net10.0/glem.dll"))

    let newer =
        Directory.EnumerateFiles(Path.Combine(root, "src"), "*.*s", SearchOption.AllDirectories)
        |> Seq.filter (fun file -> not (file.Contains "/obj/") && not (file.Contains "/bin/"))
        |> Seq.tryFind (fun file -> File.GetLastWriteTimeUtc file > built)

    match newer with
    | Some file ->
        eprintfn $"error: {Path.GetRelativePath(root, file)} is newer than the build: run ./glem doctor, which builds, and try again"
        exit 2
    | None -> Glem.Torch.Extensions.Engine.Initialize()
