namespace Glem

open System
open System.Globalization
open System.IO
open System.Net.Http
open System.Threading

/// `glem data fetch`: a published data set's files in a folder, archives unpacked.
module Fetch =
    let private isArchive (name: string) = name.EndsWith ".zip" || name.EndsWith ".tar.gz" || name.EndsWith ".tgz"

    let private stem (name: string) =
        [ ".zip"; ".tar.gz"; ".tgz" ]
        |> List.fold
            (fun (name: string) ending ->
                if name.EndsWith ending then
                    name.Substring(0, name.Length - ending.Length)
                else
                    name)
            name

    /// An archive that holds one folder and nothing else has brought its own name; two of the same in each other help nobody.
    let private lift (folder: string) =
        match Directory.GetFileSystemEntries folder with
        | [| only |] when Directory.Exists only ->
            let beside = folder + ".lifted"
            Directory.Move(only, beside)
            Directory.Delete folder
            Directory.Move(beside, folder)
        | _ -> ()

    /// What unpacking may make of an archive of this size: numbers and text are packed to a twentieth at best.
    let private limits (size: int64) = {
        Files = 100_000
        Bytes = 20L * max size 1_000_000L
    }

    /// Fetches what is not there yet. An unfinished file goes on where it stopped. `say` gets a line for each step.
    let run
        (client: HttpClient)
        (say: string -> unit)
        (dataset: PublicDataset)
        (out: string)
        (cancel: CancellationToken)
        =
        let fetchFile (file: PublicFile) =
            let target = Path.Combine(out, file.Name)
            let folder = Path.Combine(out, stem file.Name)
            let mutable told = 0L

            let progress (bytes: int64) =
                if bytes >= told + 100_000_000L then
                    told <- bytes
                    say $"  %d{bytes / 1_000_000L} of about %d{file.Size / 1_000_000L} MB"

            let download () =
                if File.Exists target then
                    say $"%s{file.Name} is there"
                    file.Hash |> Option.map (Download.check target) |> Option.defaultValue (Ok())
                else
                    say $"%s{file.Name} from %O{file.Address}"
                    Download.file client file.Address target file.Hash (4L * file.Size + 1_000_000L) progress cancel

            if isArchive file.Name && Directory.Exists folder then
                say $"%s{folder} is there"
                Ok()
            else
                download ()
                |> Result.bind (fun () ->
                    if isArchive file.Name then
                        say $"unpacking %s{file.Name}"
                        Unpack.run target (limits file.Size) folder |> Result.map (fun () -> lift folder)
                    else
                        Ok())
                |> Result.map (fun () ->
                    match file.Hash with
                    | Some _ -> ()
                    | None when File.Exists target ->
                        say $"no published hash to hold it against; its SHA-256 is %s{FileScan.sha256 target}"
                    | None -> ())

        try
            Directory.CreateDirectory out |> ignore

            dataset.Files
            |> List.fold (fun result file -> result |> Result.bind (fun () -> fetchFile file)) (Ok())
            |> Result.map (fun () ->
                let lines = [
                    $"data set  %s{dataset.Name}"
                    $"licence   %s{dataset.Licence}"
                    $"source    %s{dataset.Source}"
                    for file in dataset.Files do
                        $"file      %O{file.Address}"
                ]

                WholeFile.writeText (Path.Combine(out, "SOURCE.txt")) (String.Join("\n", lines) + "\n"))
        with
        | :? UnauthorizedAccessException
        | :? IOException as error -> Error(InFile(out, "", error.Message, "a folder that can be written to"))
