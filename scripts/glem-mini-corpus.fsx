// What does glem-mini learn from? Makes its corpus: API documentation and Debian's package descriptions, no label in sight.
// ./glem doctor && dotnet fsi scripts/glem-mini-corpus.fsx -- --out FILE.txt.gz --docs DIR ... [--debian FILE]    1 min
//   --docs    folders of assemblies and their XML documentation (Microsoft.NETFramework.ReferenceAssemblies.net48, unpacked),
//             read after the two reference packs of dotnet-api
//   --debian  Debian's Translation-en, unpacked: "apt-helper cat-file" of it among "apt-get indextargets"
#load "Glem.fsx"
open System
open System.Collections.Generic
open System.IO
open System.IO.Compression
open System.Text.RegularExpressions
open Glem

let options = Script.options<CorpusArguments> fsi.CommandLineArgs
let out = options.GetResult CorpusArguments.Out
let packs = ReferencePacks.locate () |> Script.orExit |> List.map _.Folder
let folders = packs @ options.GetResults CorpusArguments.Docs

// The types that test nodes of dotnet-api stand for are left out, whichever pack documents them: the encoder has not read what it is tested on.
let tested =
    let dataset = DotnetApi.load () |> Script.orExit
    Split.nodes Test dataset.Split |> Seq.map (fun node -> dataset.Graph.Ids[int node]) |> HashSet

let files ending (folder: string) = Directory.GetFiles(folder, ending) |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))

let names =
    [ for folder in folders do
          for file in files "*.dll" folder do
              match ApiMetadata.read file with
              | Ok types -> yield! types |> List.map _.Namespace
              | Error _ -> () ] // what is no assembly with metadata names no namespace
    |> List.filter ((<>) "")
    |> Seq.distinct
    |> NamespaceNames.ofNamespaces

// A paragraph counts once: packs repeat each other, and so do members and packages.
let seen = HashSet<string>()
let fresh (text: string) = text.Length < 30 || seen.Add text

let ofType (owner: string, entries: (string * string option * string list) list) =
    let simple = owner.Substring(owner.LastIndexOf '.' + 1).Split('`')[0]
    let said = [
        for _, memberName, paragraphs in entries do
            match paragraphs |> List.filter fresh with
            | [] -> ()
            | paragraphs -> String.concat " " ((memberName |> Option.filter ((<>) "#ctor") |> Option.toList) @ paragraphs)
    ]
    if said.IsEmpty then None else Some(String.concat " " (simple :: said) |> NamespaceNames.strip names)

let documentation = [
    for folder in folders do
        for file in files "*.xml" folder do
            for owner, entries in ApiDocumentation.passages file |> Script.orExit |> List.groupBy (fun (owner, _, _) -> owner) do
                if not (tested.Contains owner) then
                    yield! ofType (owner, entries) |> Option.toList
]

let blanks = Regex @"\s+"

/// Name, short and long description of each package.
let packages (path: string) = [
    let mutable text = ResizeArray<string>()
    for line in Seq.append (File.ReadLines path) [ "" ] do
        if line = "" then
            let whole = blanks.Replace(String.concat " " text, " ").Trim()
            if whole <> "" then whole
            text <- ResizeArray()
        elif line.StartsWith "Package: " then text.Add(line.Substring 9)
        elif line.StartsWith "Description-en: " then text.Add(line.Substring 16 + ".")
        elif line.StartsWith " " && line.Trim() <> "." && fresh line then text.Add(line.Trim())
]

let descriptions = options.TryGetResult CorpusArguments.Debian |> Option.map packages |> Option.defaultValue []

do
    use file = new StreamWriter(new GZipStream(File.Create(out + ".partial"), CompressionLevel.Optimal))
    for text in documentation @ descriptions do
        file.WriteLine text

File.Move(out + ".partial", out, true)
let words texts = texts |> List.sumBy (fun (text: string) -> int64 (text.Split(' ').Length))
printfn $"{documentation.Length} types with {words documentation:N0} words, {descriptions.Length} packages with {words descriptions:N0}; {tested.Count} test types left out"
printfn $"{out}: SHA-256 of its texts {Corpus.fingerprint (Array.ofList (documentation @ descriptions))}"
