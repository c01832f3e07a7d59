namespace Glem

open System
open System.Diagnostics
open System.Globalization
open System.IO

/// A Debian release as this machine's package manager knows it: its index of packages, its long descriptions, its date.
type DebianIndices = {
    /// "bookworm"
    Codename: string
    /// "12.15", the point release.
    Version: string
    Architecture: string
    /// When the release was made, from its signed Release file.
    Date: DateOnly
    /// apt's own files, packed as apt keeps them.
    Packages: string
    Translations: string
}

/// Finds the indices through apt, and fetches them where the machine has no long descriptions (container images come without).
/// Nothing of the machine's own configuration or lists is changed: what is fetched goes to a folder of Glem's cache.
module DebianIndices =
    let private start (program: string) (arguments: string list) =
        let info =
            ProcessStartInfo(program, arguments, RedirectStandardOutput = true, RedirectStandardError = true)

        info.Environment["LC_ALL"] <- "C"

        try
            match Process.Start info with
            | null -> None
            | started -> Some started
        with :? ComponentModel.Win32Exception ->
            None

    let private missing what =
        GlemError.Missing(
            what,
            "debian is built from the package indices of a Debian machine (apt-get, apt-helper); build it on one, or in a debian container, and copy the folder"
        )

    /// What a program says, or Error with its complaint.
    let private outputOf (program: string) (arguments: string list) =
        match start program arguments with
        | None -> Error(missing program)
        | Some started ->
            use started = started
            let complaint = started.StandardError.ReadToEndAsync()
            let output = started.StandardOutput.ReadToEnd()
            started.WaitForExit()

            if started.ExitCode = 0 then
                Ok output
            else
                Error(missing $"an answer of %s{program} (%s{complaint.Result.Trim()})")

    /// Reads one of apt's files unpacked, whatever it is packed with.
    let read (file: string) (consume: TextReader -> 'a) : 'a =
        match start "/usr/lib/apt/apt-helper" [ "cat-file"; file ] with
        | None -> raise (GlemException(missing "apt-helper"))
        | Some started ->
            use started = started
            let complaint = started.StandardError.ReadToEndAsync()
            let answer = consume started.StandardOutput
            started.WaitForExit()

            if started.ExitCode <> 0 then
                raise (GlemException(InFile(file, "", complaint.Result.Trim(), "an index that apt can read")))

            answer

    let private fields = [
        "CREATED_BY"
        "ORIGIN"
        "LABEL"
        "CODENAME"
        "COMPONENT"
        "VERSION"
        "ARCHITECTURE"
        "FILENAME"
    ]

    /// The date of the Release file beside an index.
    let private releaseDate (packages: string) (component': string) =
        let prefix = packages.Substring(0, packages.IndexOf $"_%s{component'}_binary-")

        [ $"%s{prefix}_InRelease"; $"%s{prefix}_Release" ]
        |> List.tryFind File.Exists
        |> Option.bind (fun path -> File.ReadLines path |> Seq.tryFind _.StartsWith("Date: "))
        |> Option.bind (fun line ->
            match
                DateTimeOffset.TryParse(line.Substring(6).Replace(" UTC", " +0000"), CultureInfo.InvariantCulture)
            with
            | true, date -> Some(DateOnly.FromDateTime date.UtcDateTime)
            | false, _ -> None)

    /// The indices in a folder of lists (none: the machine's own). The release itself only: its updates and security fixes
    /// change by the day, a point release once in some months.
    let private targets (options: string list) =
        let format = fields |> List.map (fun field -> $"$(%s{field})") |> String.concat "\t"

        outputOf "apt-get" ([ "-o"; "Acquire::Languages=en" ] @ options @ [ "indextargets"; "--format"; format ])
        |> Result.map (fun output ->
            let rows = [
                for line in output.Split('\n', StringSplitOptions.RemoveEmptyEntries) do
                    match line.Split '\t' with
                    | [| kind; "Debian"; "Debian"; codename; "main"; version; architecture; file |] when
                        not (codename.Contains '-')
                        ->
                        kind, codename, version, architecture, file
                    | _ -> ()
            ]

            rows
            |> List.tryPick (fun (kind, codename, version, architecture, packages) ->
                let translations =
                    rows
                    |> List.tryPick (fun (kind, other, _, _, file) ->
                        if kind = "Translations" && other = codename && file.Contains "Translation-en" then
                            Some file
                        else
                            None)

                match kind, translations with
                | "Packages", Some translations when File.Exists packages && File.Exists translations ->
                    releaseDate packages "main"
                    |> Option.map (fun date -> {
                        Codename = codename
                        Version = version
                        Architecture = architecture
                        Date = date
                        Packages = packages
                        Translations = translations
                    })
                | _ -> None))

    /// Options under which apt keeps everything in a folder of ours.
    let private apart (folder: string) = [
        "-o"
        $"Dir::State::Lists=%s{folder}/lists"
        "-o"
        $"Dir::Cache=%s{folder}/cache"
        "-o"
        "APT::Sandbox::User=root"
    ]

    let private fetch (folder: string) =
        Directory.CreateDirectory(Path.Combine(folder, "lists", "partial")) |> ignore
        Directory.CreateDirectory(Path.Combine(folder, "cache", "archives", "partial")) |> ignore
        // Other sources of the machine may fail and are not needed: whether it worked is seen by the files.
        outputOf "apt-get" ([ "-o"; "Acquire::Languages=en" ] @ apart folder @ [ "update" ])

    /// The release's indices: the machine's own where they have long descriptions, else those in `folder`, fetched if need be.
    let find (folder: string) : Result<DebianIndices, GlemError> =
        let inFolder () = if Directory.Exists folder then targets (apart folder) else Ok None

        targets []
        |> Result.bind (function
            | Some indices -> Ok indices
            | None ->
                inFolder ()
                |> Result.bind (function
                    | Some indices -> Ok indices
                    | None ->
                        let complaint =
                            match fetch folder with
                            | Ok _ -> ""
                            | Error error -> $": %s{GlemError.message error}"

                        inFolder ()
                        |> Result.bind (function
                            | Some indices -> Ok indices
                            | None ->
                                Error(
                                    GlemError.Missing(
                                        "an index of Debian's packages with their descriptions",
                                        $"apt-get could not fetch it%s{complaint}"
                                    )
                                ))))
