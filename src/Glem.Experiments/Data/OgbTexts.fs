namespace Glem

open System
open System.Collections.Generic
open System.IO
open System.Text.Json

/// The texts of OGB's graphs, which OGB keeps apart from the graphs:
///   titleabs.tsv   paper id, title, abstract                     (ogbn-arxiv; a gzipped tar archive, or the file)
///   idx_title.tsv, idx_abs.tsv   node index, text                (ogbn-papers100M)
///   trn.json, tst.json   a JSON object a line: uid, title, content   (ogbn-products, keyed by ASIN: Amazon-3M)
module OgbTexts =
    let private known = [ "titleabs.tsv"; "idx_title.tsv"; "idx_abs.tsv"; "trn.json"; "tst.json" ]

    /// Text files under the folder or beside it, by the names that their publishers gave them.
    let findBeside (folder: string) =
        let above = Path.GetDirectoryName(Path.GetFullPath folder) |> Option.ofObj |> Option.toList

        let folders = [
            for root in folder :: above do
                root
                Path.Combine(root, "mapping")
                Path.Combine(root, "paperinfo")
                Path.Combine(root, "Amazon-3M.raw")
        ]

        known
        |> List.choose (fun name -> folders |> List.tryPick (fun folder -> TextLines.find folder name))

    let private pieces (parts: string list) = parts |> List.map _.Trim() |> List.filter ((<>) "") |> String.concat " "

    /// Id and text of every line of a products file.
    let private products (path: string) = seq {
        for struct (line, text) in TextLines.read path do
            let id, content =
                try
                    use document = JsonDocument.Parse text

                    let field (name: string) =
                        match document.RootElement.TryGetProperty name with
                        | true, value when value.ValueKind = JsonValueKind.String -> value.GetString() |> string
                        | _ -> ""

                    match field "uid" with
                    | "" -> TextLines.refuse path line "no 'uid'" "an object with uid, title and content"
                    | id -> id, pieces [ field "title"; field "content" ]
                with
                | :? JsonException
                | :? InvalidOperationException ->
                    TextLines.refuse path line (TextLines.quoted text) "an object with uid, title and content"

            struct (id, content)
    }

    /// Id and text of every line of a table.
    let private table (path: string) = seq {
        for struct (line, text) in TextLines.read path do
            match text.IndexOf '\t' with
            // A tar archive's padding, or the blank line at a file's end.
            | -1 when text.Trim([| '\000'; ' ' |]) = "" -> ()
            | -1 -> TextLines.refuse path line (TextLines.quoted text) "an id and a text, divided by a tab"
            | tab -> struct (text.Substring(0, tab).Trim(), pieces [ yield! text.Substring(tab + 1).Split '\t' ])
    }

    /// Texts of n nodes; "" where a node has none. A node with several (title, then abstract) gets them in the files' order.
    ///   names : publisher's id (paper, ASIN) -> node index
    /// Files are read line by line; only nodes' texts are kept.
    let read (names: Dictionary<string, int>) (n: int) (paths: string list) : string[] =
        let texts = Array.create n ""

        for path in paths do
            let file = Path.GetFileName path |> string
            let isJson = file.Contains ".json"
            let byIndex = file.StartsWith "idx_"

            for struct (id, text) in (if isJson then products path else table path) do
                let node =
                    if byIndex then
                        match Int32.TryParse id with
                        | true, i when i >= 0 && i < n -> i
                        | _ -> -1
                    else
                        match names.TryGetValue id with
                        | true, i -> i
                        | false, _ -> -1

                if node >= 0 then
                    texts[node] <- if texts[node] = "" then text else texts[node] + " " + text

        texts
