namespace Glem.Laws

open System.IO
open TorchSharp
open Glem.Torch.Extensions

/// Every law of the method, in reading order.
module Specification =
    let chapters = [
        PosteriorLaws.chapter
        TeachingLaws.chapter
        ObjectiveLaws.chapter
        ExactLaws.chapter
        EngineLaws.chapter
        StudentLaws.chapter
        SelectionLaws.chapter
    ]

    let laws = chapters |> List.collect _.Laws

    /// Loads the tensor engine, on one thread: the laws' networks are so small that threads would only wait for each other.
    /// To be called before laws are tried.
    let prepare () =
        Engine.Initialize()
        torch.set_num_threads 1

    // A cell of a Markdown table must not end at a bar within it.
    let private cell (text: string) = text.Replace("|", "\\|")

    let private instances (law: Law) = law.Cases |> List.map _.Instance |> String.concat ", "

    let private opening = [
        "# Which laws does the method obey, and how do I check them?"
        ""
        "    ./glem laws"
        "    ./glem laws --count 1000 --seed 7 --only alpha"
        ""
        $"These %d{laws.Length} laws are the specification of the method as it is built here. Each is a property: it is tried on"
        "generated problems, graphs of 3 to 40 nodes with 1 to 5 classes, labels, a split and the logits of two models, some"
        "of them small integers (ties) or 800 (overflow). A failure is shrunk to the smallest problem that still fails."
        ""
        "The engine's laws run over every pair of students:"
        ""
        "- `tables`: two tables of logits;"
        "- `exact tables`: a conditional random field on a graph whose every labelling is listed, with a mean field or any"
        "  distribution as q;"
        "- `GMNN`: its two graph networks, q on features, p on the labels that q gives;"
        "- `two GNNs`: two graph networks on the same features, under GLEM's objective;"
        "- `LM and GNN`: GLEM, a BERT of one layer and a GCN on its embeddings."
        ""
        "Networks get a half or a quarter of the problems, of at most 12 nodes."
        ""
        "This page is written by `./glem laws --markdown docs/laws.md` from the laws' own values in `src/Glem.Laws`."
    ]

    let private closing = [
        ""
        "## What each law catches"
        ""
        "A law that cannot fail says nothing. Each of these changes was made to the code, and the law beside it was seen to"
        "fail."
        ""
        "| law | change |"
        "|---|---|"
        for law in laws do
            $"| %s{cell law.Name} | %s{cell law.Mutation} |"
    ]

    let private chapter (chapter: Chapter) = [
        ""
        $"## %s{chapter.Title}"
        for law in chapter.Laws do
            ""
            $"### %s{law.Name[..0].ToUpperInvariant()}%s{law.Name[1..]}"
            ""
            $"    %s{law.Statement}"
            ""
            $"- from: %s{law.Source}"
            $"- guards against: %s{law.Guards}"
            $"- runs over: %s{instances law}"
    ]

    /// docs/laws.md.
    let toMarkdown () =
        opening @ List.collect chapter chapters @ closing
        |> List.map (fun line -> line + "\n")
        |> String.concat ""

    /// Writes docs/laws.md, beside and then renamed.
    let write (path: string) =
        let beside = path + ".new"
        File.WriteAllText(beside, toMarkdown ())
        File.Move(beside, path, true)
