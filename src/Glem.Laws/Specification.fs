namespace Glem.Laws

open System.IO
open System.Text
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

    let private chapter (page: StringBuilder) (chapter: Chapter) =
        page.Append $"\n## %s{chapter.Title}\n" |> ignore

        for law in chapter.Laws do
            let name = law.Name[..0].ToUpperInvariant() + law.Name[1..]

            page
                .Append($"\n### %s{name}\n\n")
                .Append($"    %s{law.Statement}\n\n")
                .Append($"- from: %s{law.Source}\n")
                .Append($"- guards against: %s{law.Guards}\n")
                .Append($"- runs over: %s{instances law}\n")
            |> ignore

    /// docs/laws.md.
    let toMarkdown () =
        let page =
            StringBuilder()
                .Append("# Which laws does the method obey, and how do I check them?\n\n")
                .Append("    ./glem laws\n")
                .Append("    ./glem laws --count 1000 --seed 7 --only alpha\n\n")
                .Append(
                    $"These %d{laws.Length} laws are the specification of the method as it is built here. Each is a property: it is "
                )
                .Append(
                    "tried on generated\nproblems, graphs of 3 to 40 nodes with 1 to 5 classes, labels, a split and the logits of two models, some of "
                )
                .Append(
                    "them\nsmall integers (ties) or 800 (overflow). A failure is shrunk to the smallest problem that still fails.\n\n"
                )
                .Append(
                    "The engine's laws run over every pair of students: `tables` (two tables of logits), `exact tables` (a conditional\n"
                )
                .Append(
                    "random field on a graph whose every labelling is listed, with a mean field or any distribution as q), `two GNNs`\n"
                )
                .Append(
                    "(GMNN) and `LM and GNN` (GLEM: a BERT of one layer, a GCN on its embeddings). Networks get a half or a quarter of\n"
                )
                .Append("the problems, of at most 12 nodes.\n\n")
                .Append(
                    "This page is written by `./glem laws --markdown docs/laws.md` from the laws' own values in `src/Glem.Laws`.\n"
                )

        for it in chapters do
            chapter page it

        page
            .Append("\n## What each law catches\n\n")
            .Append(
                "A law that cannot fail says nothing. Each of these changes was made to the code, and the law beside it was seen to fail.\n\n"
            )
            .Append("| law | change |\n|---|---|\n")
        |> ignore

        for law in laws do
            page.Append($"| %s{cell law.Name} | %s{cell law.Mutation} |\n") |> ignore

        page.ToString()

    /// Writes docs/laws.md, beside and then renamed.
    let write (path: string) =
        let beside = path + ".new"
        File.WriteAllText(beside, toMarkdown ())
        File.Move(beside, path, true)
