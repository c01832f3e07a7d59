namespace Glem

open System
open System.Collections.Generic
open System.Globalization
open System.IO
open System.Text
open System.Text.RegularExpressions

/// What building said no to, merged or left out.
type DebianReport = {
    /// Stanzas of a package that is there in another version already.
    RepeatedPackages: int
    /// Dependencies met by a package that is named, and by the one package that provides a virtual name.
    Named: int
    Provided: int
    /// Dependencies on a virtual name that several packages provide: none of them is meant, so there is no edge.
    Ambiguous: int
    /// Dependencies that nothing in the release meets.
    Unmet: int
    /// Sections with fewer packages than Debian.minimumSection, and how many packages lose their label with them.
    SmallSections: string list
    Unlabelled: int
}

/// Every package of a Debian release's main component. Text = short and long description without package names; edge = one depends
/// on the other, recommends or suggests it; class = section.
module Debian =
    /// Sections with fewer packages are no class: their packages stay in the graph without label.
    let minimumSection = 200

    /// Changes when this module makes something else of the same indices.
    let private recipe = 1

    let private packageFields =
        set [
            "Package"
            "Section"
            "Description"
            "Description-md5"
            "Provides"
            "Pre-Depends"
            "Depends"
            "Recommends"
            "Suggests"
        ]

    let private dependencyFields = [ "Pre-Depends"; "Depends"; "Recommends"; "Suggests" ]

    let private field name (stanza: Dictionary<string, string>) =
        match stanza.TryGetValue name with
        | true, value -> value
        | false, _ -> ""

    /// "libc6 (>= 2.34)", "python3:any": the name alone.
    let private nameOf (relation: string) =
        let relation = relation.Trim()

        match relation.IndexOfAny [| ' '; '('; ':'; '['; '<'; '\n' |] with
        | -1 -> relation
        | at -> relation.Substring(0, at)

    /// Names of a relation field: each dependency with its alternatives.
    let private relations (value: string) =
        value.Split(',', StringSplitOptions.RemoveEmptyEntries)
        |> Array.map (fun dependency -> dependency.Split '|' |> Array.map nameOf |> Array.filter ((<>) ""))
        |> Array.filter (fun alternatives -> alternatives.Length > 0)

    // ---- texts

    /// A description's lines as one: " ." divides paragraphs, and blanks indent lists.
    let private flow (description: string) =
        let text = StringBuilder()

        for line in description.Split '\n' do
            match line.Trim() with
            | "."
            | "" -> ()
            | line -> text.Append(if text.Length = 0 then "" else " ").Append(line) |> ignore

        text.ToString()

    let private word = Regex(@"[A-Za-z0-9][A-Za-z0-9+.\-]*[A-Za-z0-9+]", RegexOptions.Compiled)

    /// Names follow rules that give the section away (python3-…, lib…-perl, …-dev, …-doc), so they are taken out of the text: a
    /// package's own, and every hyphenated name of a package. Names that are plain words ("gnome", "perl") stay: nobody can tell
    /// them from the word.
    let strip (isPackage: string -> bool) (own: string) (text: string) =
        let shown =
            word.Replace(
                text,
                fun found ->
                    let name = found.Value.ToLowerInvariant()
                    if name = own || (name.Contains '-' && isPackage name) then "" else found.Value
            )

        Regex.Replace(shown, @"\s+", " ").Trim()

    let private info (indices: DebianIndices) : DatasetInfo =
        let day = indices.Date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)

        {
            Name = $"debian-%s{indices.Codename}-%s{day}"
            Licence = "the packages' own (descriptions and control fields of Debian main, which are free software)"
            Source =
                $"Debian %s{indices.Version} (%s{indices.Codename}), main, %s{indices.Architecture}, release of %s{day}: Packages and Translation-en"
            Attribution = "The Debian Project and the packages' maintainers and authors"
            SplitPolicy = ""
        }

    /// Nodes and edges from the two indices, unpacked, split 60/20/20 with seed 0. The same indices give the same records.
    /// Raises GlemException for an index that is damaged.
    let build (info: DatasetInfo) (packages: TextReader) (translations: TextReader) : DatasetRecords * DebianReport =
        let stanzas = Dictionary<string, Dictionary<string, string>>()
        let mutable repeated = 0

        for stanza in ControlFile.read "Packages" packageFields packages do
            match field "Package" stanza with
            | "" -> raise (GlemException(InFile("Packages", "", "a stanza without Package", "a name in each stanza")))
            | name ->
                if not (stanzas.TryAdd(name, stanza)) then
                    repeated <- repeated + 1

        let long = Dictionary<struct (string * string), string>()

        for stanza in
            ControlFile.read "Translation-en" (set [ "Package"; "Description-md5"; "Description-en" ]) translations do
            let name = field "Package" stanza

            if stanzas.ContainsKey name then
                long[struct (name, field "Description-md5" stanza)] <- field "Description-en" stanza

        let names = stanzas.Keys |> Seq.toArray |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))
        let index = Dictionary<string, int>()
        names |> Array.iteri (fun i name -> index[name] <- i)

        let providers =
            names
            |> Seq.collect (fun name ->
                relations (field "Provides" stanzas[name])
                |> Seq.collect (Array.map (fun virtual' -> virtual', index[name])))
            |> Seq.distinct
            |> Seq.groupBy fst
            |> Seq.map (fun (virtual', found) -> virtual', found |> Seq.map snd |> Seq.toArray)
            |> dict

        let mutable named = 0
        let mutable provided = 0
        let mutable ambiguous = 0
        let mutable unmet = 0
        let edges = StatedEdges names.Length

        let provider name =
            match providers.TryGetValue name with
            | true, [| one |] -> Some one
            | _ -> None

        for source in 0 .. names.Length - 1 do
            for dependencyField in dependencyFields do
                for alternatives in relations (field dependencyField stanzas[names[source]]) do
                    match alternatives |> Array.tryFind index.ContainsKey, Array.tryPick provider alternatives with
                    | Some name, _ ->
                        named <- named + 1
                        edges.Add(source, index[name])
                    | None, Some target ->
                        provided <- provided + 1
                        edges.Add(source, target)
                    | None, None when alternatives |> Array.exists providers.ContainsKey -> ambiguous <- ambiguous + 1
                    | None, None -> unmet <- unmet + 1

        // "non-free/libs": the area is no part of the section.
        let sectionOf name =
            let section = field "Section" stanzas[name]
            section.Substring(section.LastIndexOf '/' + 1)

        let sizes = names |> Array.countBy sectionOf

        let small =
            sizes
            |> Array.filter (fun (name, size) -> name = "" || size < minimumSection)
            |> Array.map fst
            |> Set

        let textOf name =
            let stanza = stanzas[name]
            let short = field "Description" stanza

            let whole =
                match long.TryGetValue(struct (name, field "Description-md5" stanza)) with
                | true, description -> description
                | false, _ -> short

            match strip index.ContainsKey name (flow whole) with
            | "" -> ImportedGraph.missingText
            | text -> text

        let graph: ImportedGraph = {
            Info = info
            ClassNames = None
            Nodes =
                names
                |> Array.map (fun name ->
                    let section = sectionOf name

                    {
                        Id = name
                        Text = textOf name
                        Label = if small.Contains section then None else Some section
                        Part = Unassigned
                    })
            HasSplit = false
            Edges = edges
            UnknownEnds = 0
            NodesFile = "Packages"
            EdgesFile = "Packages"
        }

        let records, _ = ImportedGraph.toRecords HygieneRules.standard graph

        Dataset.splitRecords SplitPolicy.standard 0 records,
        {
            RepeatedPackages = repeated
            Named = named
            Provided = provided
            Ambiguous = ambiguous
            Unmet = unmet
            SmallSections = Set.toList small
            Unlabelled = graph.Nodes |> Array.filter _.Label.IsNone |> Array.length
        }

    /// What building left out or resolved, a line each.
    let lines (report: DebianReport) = [
        $"%d{report.Named} dependencies name a package, %d{report.Provided} a virtual one that one package provides"
        $"%d{report.Ambiguous} dependencies without edge: several packages provide the virtual one"
        $"%d{report.Unmet} dependencies without edge: nothing in the release meets them"
        $"%d{report.RepeatedPackages} packages are there in a second version, which is left out"
        $"""%d{report.Unlabelled} packages without label, of sections with fewer than %d{minimumSection}: %s{String.Join(", ", report.SmallSections)}"""
    ]

    let private ofIndices (indices: DebianIndices) =
        DebianIndices.read indices.Packages (fun packages ->
            DebianIndices.read indices.Translations (fun translations -> build (info indices) packages translations))

    let private listsFolder () = Path.Combine(CacheFolder.path (), "debian-lists")

    /// Builds the machine's release anew, into a folder of its own.
    let make (out: string) : Result<Dataset * DebianReport, GlemError> =
        try
            DebianIndices.find (listsFolder ())
            |> Result.bind (fun indices ->
                let records, report = ofIndices indices
                DatasetFolder.write out records |> Result.map (fun dataset -> dataset, report))
        with GlemException error ->
            Error error

    /// The machine's release, from the cache or built into it (about 20 seconds).
    let load () : Result<Dataset, GlemError> =
        DebianIndices.find (listsFolder ())
        |> Result.bind (fun indices ->
            let date = indices.Date.ToString("yyyyMMdd", CultureInfo.InvariantCulture)

            let folder =
                Path.Combine(
                    CacheFolder.path (),
                    $"debian-%s{indices.Codename}-%s{date}-%s{indices.Architecture}-%d{recipe}"
                )

            let read () = DatasetFolder.read folder |> Result.map fst

            if Directory.Exists folder then
                read ()
            else
                match make folder with
                // Another process may have been faster; its folder is as good.
                | Error _ when Directory.Exists folder -> read ()
                | Error error -> Error error
                | Ok(dataset, _) -> Ok dataset)
