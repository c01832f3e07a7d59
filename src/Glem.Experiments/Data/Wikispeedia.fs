namespace Glem

open System
open System.Collections.Generic
open System.IO

/// Wikispeedia (West, Pineau & Precup 2009): articles of the 2007 Schools Wikipedia and their links. Names are URL-encoded.
///   texts_512w.tsv.gz : title, text      categories.tsv : article, subject.A.B…: the class is A, of several the first
///   links.tsv(.gz) : from, to            Lines that begin with # are comments.
module Wikispeedia =
    let private texts = "texts_512w.tsv"

    let isLayout (folder: string) =
        TextLines.find folder texts |> Option.isSome
        && TextLines.find folder "categories.tsv" |> Option.isSome

    let private info: DatasetInfo = {
        Name = "wikispeedia"
        Licence = "GFDL (the articles' own footers; the repository states none)"
        Source =
            "SNAP wikispeedia, as github.com/angelpras/epfl_ADA_project (commit c955510e) holds it; texts cut to 512 words, the line that names the category taken out"
        Attribution =
            "West & Leskovec, Human Wayfinding in Information Networks, WWW 2012; West, Pineau & Precup, Wikispeedia, IJCAI 2009; texts: English Wikipedia"
        SplitPolicy = ""
    }

    /// Line and fields of every row of two columns.
    let private rows (path: string) = seq {
        for struct (line, text) in TextLines.read path do
            if text <> "" && text[0] <> '#' then
                match text.IndexOf '\t' with
                | -1 -> TextLines.refuse path line (TextLines.quoted text) "two fields, divided by a tab"
                | tab -> struct (line, text.Substring(0, tab), text.Substring(tab + 1))
    }

    /// Reads a folder. Raises GlemException.
    let read (rules: HygieneRules) (folder: string) : ImportedGraph =
        let textsFile = TextLines.need folder texts
        let categoriesFile = TextLines.need folder "categories.tsv"
        let linksFile = TextLines.need folder "links.tsv"
        let classOf = Dictionary<string, string>()

        for struct (line, article, subject) in rows categoriesFile do
            match subject.Split '.' with
            | parts when parts.Length >= 2 && parts[0] = "subject" ->
                classOf.TryAdd(Uri.UnescapeDataString article, parts[1]) |> ignore
            | _ -> TextLines.refuse categoriesFile line (TextLines.quoted subject) "subject.NAME"

        let index = Dictionary<string, int>()

        let nodes = [|
            for struct (line, title, text) in rows textsFile do
                if not (index.TryAdd(title, index.Count)) then
                    TextLines.refuse textsFile line $"the title '%s{title}' again" "each title once"

                {
                    Id = title
                    Text = text.Trim()
                    Label =
                        (match classOf.TryGetValue title with
                         | true, name -> Some name
                         | false, _ -> None)
                    Part = Unassigned
                }
        |]

        let edges = StatedEdges nodes.Length
        let mutable unknown = 0

        for struct (line, source, target) in rows linksFile do
            match
                index.TryGetValue(Uri.UnescapeDataString source), index.TryGetValue(Uri.UnescapeDataString target)
            with
            | (true, a), (true, b) -> edges.Add(a, b)
            | _ when rules.UnknownEnds = Blemish.Drop -> unknown <- unknown + 1
            | _ ->
                TextLines.refuse
                    linksFile
                    line
                    $"'%s{source}' and '%s{target}'"
                    "articles that have a text (or --rule unknown-ends=drop)"

        {
            Info = info
            ClassNames = None
            Nodes = nodes
            HasSplit = false
            Edges = edges
            UnknownEnds = unknown
            NodesFile = textsFile
            EdgesFile = linksFile
        }
