/// README and docs/ say what the program does. These tests read both.
module Glem.Experiments.Tests.DocsTests

open System
open System.Globalization
open System.IO
open System.Text.RegularExpressions
open Argu
open Glem
open Xunit

let private root =
    let rec climb (folder: DirectoryInfo) =
        if File.Exists(Path.Combine(folder.FullName, "Glem.Fs.sln")) then
            folder.FullName
        else
            match folder.Parent with
            | null -> failwith "these tests run inside the repository"
            | parent -> climb parent

    climb (DirectoryInfo AppContext.BaseDirectory)

let private inRoot parts = Path.Combine(Array.append [| root |] parts)

/// README.md and every page, by path.
let private pages = [
    inRoot [| "README.md" |]
    yield! Directory.GetFiles(inRoot [| "docs" |], "*.md") |> Array.sort
]

/// Whose line is wrong: "docs/data.md: …".
let private complain (page: string) what = $"%s{Path.GetRelativePath(root, page)}: %s{what}"

let private noComplaint (complaints: string list) = Assert.True(complaints.IsEmpty, String.Join("\n", complaints))

/// The contents of a page's fenced blocks in one language.
let private blocks language (text: string) = [
    for found in
        Regex.Matches(text, $@"^```%s{language}\n(.*?)^```", RegexOptions.Multiline ||| RegexOptions.Singleline) ->
        found.Groups[1].Value
]

[<Fact>]
let ``every relative link leads somewhere`` () =
    let links = [
        for page in pages do
            for link in Regex.Matches(File.ReadAllText page, @"\]\(([^)\s]+)\)") -> page, link.Groups[1].Value
    ]

    Assert.NotEmpty links

    noComplaint [
        for page, link in links do
            if not (Regex.IsMatch(link, "^[a-z]+:")) then
                let path, anchor =
                    match link.Split '#' with
                    | [| path; anchor |] -> path, Some anchor
                    | _ -> link, None

                let target =
                    if path = "" then
                        page
                    else
                        Path.Combine(Path.GetDirectoryName page |> string, path)

                // A heading's anchor: lower case, words joined by hyphens, punctuation gone.
                let anchorOf (heading: string) =
                    Regex.Replace(heading.ToLowerInvariant(), @"[^\p{L}\p{N} _-]", "").Replace(' ', '-')

                let has (anchor: string) =
                    File.ReadLines target
                    |> Seq.filter _.StartsWith('#')
                    |> Seq.exists (fun line -> anchorOf (line.TrimStart('#').Trim()) = anchor)

                if not (File.Exists target || Directory.Exists target) then
                    complain page $"the link to %s{link}"
                elif anchor |> Option.exists (has >> not) then
                    complain page $"the heading in the link to %s{link}"
    ]

/// The `./glem …` commands of a page, in code blocks and in code spans, each as its words.
let private commands (text: string) = [
    for found in Regex.Matches(text, @"\./glem ([^`\n]*)") ->
        Regex.Matches(found.Groups[1].Value, "\"[^\"]*\"|[^\\s\"]+")
        |> Seq.map _.Value
        |> Seq.takeWhile (fun word -> not (Regex.IsMatch(word, @"^(\||&&|;|#|>)")))
        |> Seq.map _.TrimEnd([| ';'; ','; '.'; ':'; ')' |])
        |> List.ofSeq
]

let rec private unknownWord (parser: ArgumentParser) (words: string list) =
    let subCommand word =
        parser.GetSubCommandParsers()
        |> List.tryFind (fun sub ->
            sub.ParentInfo |> Option.exists (fun parent -> List.contains word parent.CommandLineNames.Value))

    let known = [
        for case in parser.GetArgumentCases() do
            yield! case.CommandLineNames.Value
        "--help"
        "--verbose"
    ]

    let takesValue = parser.GetArgumentCases() |> List.exists _.IsMainCommand

    match words with
    | [] -> None
    | word :: rest ->
        match subCommand word with
        | Some sub -> unknownWord sub rest
        | None when List.contains word known -> unknownWord parser rest
        | None when word.StartsWith "--" -> Some word
        | None when not (takesValue || parser.GetSubCommandParsers().IsEmpty) -> Some word
        | None -> unknownWord parser rest // an option's value

[<Fact>]
let ``every command in the pages is one that the program knows`` () =
    let parser = ArgumentParser.Create<GlemArguments>(programName = "glem", checkStructure = false)

    let found = [
        for page in pages do
            for words in commands (File.ReadAllText page) -> page, words
    ]

    Assert.True(found.Length > 20)

    noComplaint [
        for page, words in found do
            match words with
            | "test" :: _ -> () // the launcher's own
            | _ ->
                match unknownWord parser words with
                | Some word -> complain page $"""the word %s{word} in ./glem %s{String.Join(" ", words)}"""
                | None -> ()
    ]

let private recipes = inRoot [| "docs"; "recipes.md" |]

/// Field and default of every row of recipes.md that names a field: the default stands under "default", or under the
/// stage whose field it is.
let private documentedFields () =
    let cells (line: string) = line.Trim().Trim('|').Split('|') |> Array.map (fun cell -> cell.Trim())
    let isCode (cell: string) = cell.StartsWith '`' && cell.EndsWith '`'
    let bare (cell: string) = cell.Trim '`'

    let rows =
        File.ReadAllLines recipes
        |> Array.fold
            (fun (header, rows) line ->
                match header with
                | _ when not (line.StartsWith '|') -> None, rows
                | None -> Some(cells line), rows
                | Some header -> Some header, (header, cells line) :: rows)
            (None, [])
        |> snd

    [
        for header, row in rows do
            if isCode row[0] then
                for name, value in Array.zip header row |> Array.skip 1 do
                    if name = "default" then
                        bare row[0], bare value
                    elif isCode name then
                        $"%s{bare name}.%s{bare row[0]}", bare value
    ]

[<Fact>]
let ``recipes.md names every field of a recipe with quickstart's value, and no other`` () =
    let documented = documentedFields ()
    let actual = Settings.fields Recipes.quickstart

    let isSame (a: string) (b: string) =
        let number (text: string) = Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture)

        match number a, number b with
        | (true, a), (true, b) -> a = b
        | _ -> a.Equals(b, StringComparison.OrdinalIgnoreCase)

    noComplaint [
        for field, value in actual do
            match documented |> List.filter (fst >> (=) field) with
            | [ _, told ] when isSame told value -> ()
            | [ _, told ] -> complain recipes $"%s{field} is %s{value}, not %s{told}"
            | rows -> complain recipes $"%s{field} stands in %d{rows.Length} rows"

        for field, _ in documented do
            if not (List.exists (fst >> (=) field) actual) then
                complain recipes $"%s{field} is no field of a recipe"
    ]

let private official = inRoot [| "docs"; "official-recipes.md" |]

/// A published recipe as official-recipes.md prints it.
let private section (recipe: PublishedRecipe) =
    let row (setting: string, source: string) =
        let at = setting.IndexOf '='
        $"| `%s{setting.Substring(0, at)}` | `%s{setting.Substring(at + 1)}` | %s{source} |"

    String.Join(
        "\n",
        [
            $"## %s{recipe.Name}"
            ""
            $"%s{recipe.What}."
            ""
            "| field | value | source |"
            "|---|---|---|"
            yield! recipe.Settings |> List.map row
            ""
            "What the source does and no field says:"
            ""
            yield! recipe.Unsaid |> List.map (fun (what, source) -> $"- %s{what} (%s{source})")
            ""
        ]
    )

[<Fact>]
let ``official-recipes.md prints every published recipe with its sources, and no other`` () =
    let page = File.ReadAllText official
    let introduction = page.Substring(0, page.IndexOf "## ")
    let sections = OfficialRecipes.all |> List.map section
    Assert.Equal(introduction + String.Join("\n", sections), page)

let private inFolder (test: string -> unit) =
    let folder = Directory.CreateTempSubdirectory("glem-docs-").FullName

    try
        test folder
    finally
        Directory.Delete(folder, true)

[<Fact>]
let ``the recipe file in recipes.md is a recipe`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "mine.json")
        let example = blocks "json" (File.ReadAllText recipes) |> List.exactlyOne
        File.WriteAllText(path, example)
        let recipe = Recipes.find path |> Result.bind Recipe.validate |> Result.orRaise
        Assert.Equal("trusting", recipe.Name)
        Assert.Equal(Cls, recipe.Lm.Pooling))

[<Fact>]
let ``the tables in data.md are the data set whose dataset.json it shows`` () =
    inFolder (fun folder ->
        let page = File.ReadAllText(inRoot [| "docs"; "data.md" |])

        let write (name: string) (content: string) =
            let path = Path.Combine(folder, name)
            File.WriteAllText(path, content)
            path

        let csv, edges =
            match blocks "csv" page with
            | [ nodes; edges ] -> write "nodes.csv" nodes, write "edges.csv" edges
            | other -> failwith $"data.md has %d{other.Length} CSV blocks"

        let jsonl = blocks "jsonl" page |> List.exactlyOne |> write "nodes.jsonl"
        let manifest = blocks "json" page |> List.exactlyOne

        for nodes in [ csv; jsonl ] do
            let out = Path.Combine(folder, Path.GetExtension nodes |> string)
            let request = Import.ofTables nodes edges out

            let request = {
                request with
                    Info = {
                        request.Info with
                            Name = "tiny"
                            Licence = "CC0-1.0"
                            Source = "made up"
                    }
            }

            Import.run request |> Result.orRaise |> ignore
            Assert.Equal(manifest.Trim(), File.ReadAllText(Path.Combine(out, "dataset.json")).Trim()))

[<Fact>]
let ``README prints scripts/first.fsx as it is`` () =
    let printed = blocks "fsharp" (File.ReadAllText(inRoot [| "README.md" |])) |> List.exactlyOne
    Assert.Equal(File.ReadAllText(inRoot [| "scripts"; "first.fsx" |]), printed)

[<Fact>]
let ``dependencies.md names every package that is asked for`` () =
    let page = inRoot [| "docs"; "dependencies.md" |]
    let text = File.ReadAllText page

    let packages =
        File.ReadAllLines(inRoot [| "paket.dependencies" |])
        |> Array.map _.Trim()
        |> Array.filter _.StartsWith("nuget ")
        |> Array.map (fun line -> line.Split(' ')[1])

    Assert.NotEmpty packages

    noComplaint [
        for package in packages do
            if not (text.Contains $"`%s{package}`") then
                complain page $"no word on %s{package}"
    ]
