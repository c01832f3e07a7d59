namespace Glem.Experiments.Tests

open System
open System.IO
open Glem

/// Sixty nodes of three classes, with texts and edges that mostly agree with them: a data set that runs in seconds.
module Colours =
    let private classNames = [| "red"; "green"; "blue" |]

    let private words = [|
        [| "apple"; "cherry"; "ruby"; "tomato"; "brick"; "rose" |]
        [| "grass"; "leaf"; "emerald"; "frog"; "lime"; "moss" |]
        [| "sky"; "ocean"; "sapphire"; "jeans"; "whale"; "iris" |]
    |]

    let private parts = [| Train; Train; Train; Valid; Test |]

    let records: DatasetRecords =
        let random = Random 1
        let any (items: string[]) = items[random.Next items.Length]

        let text k =
            let word _ = if random.Next 3 = 0 then any [| "the"; "of"; "and"; "a" |] else any words[k]
            String.Join(" ", Array.init 12 word) + "."

        {
            Info = {
                Name = "colours"
                Licence = "CC0-1.0"
                Source = "made up for a test"
                Attribution = ""
                SplitPolicy = "by hand"
            }
            ClassNames = classNames
            Nodes =
                Array.init 60 (fun i -> {
                    Id = $"n%d{i}"
                    Text = text (i % 3)
                    Label = Some classNames[i % 3]
                    Part = parts[i / 3 % 5]
                })
            Edges = Array.init 120 (fun i -> struct ($"n%d{i % 60}", $"n%d{(i % 60 + 3 * random.Next(1, 20)) % 60}"))
        }

    let dataset = lazy (Dataset.ofRecords "colours" records |> Result.orRaise)

    let nodeLines (records: DatasetRecords) = [
        "id,text,label,split"
        for node in records.Nodes do
            $"""{node.Id},{node.Text},{node.Label |> Option.defaultValue ""},{Dataset.partName node.Part}"""
    ]

    let edgeLines = [
        "source,target"
        for struct (a, b) in records.Edges do
            $"%s{a},%s{b}"
    ]

    /// Writes lines as the documented folder format has them, by hand: no code of ours is asked.
    let writeLines (folder: string) (nodes: string list) (edges: string list) =
        Directory.CreateDirectory folder |> ignore
        let write (name: string) (lines: string list) = File.WriteAllLines(Path.Combine(folder, name), lines)

        write "dataset.json" [
            """{ "name": "colours", "licence": "CC0-1.0", "source": "made up for a test" }"""
        ]

        write "nodes.csv" nodes
        write "edges.csv" edges

    let write folder = writeLines folder (nodeLines records) edgeLines

    /// A recipe that trains on colours in about a second.
    let recipe: Recipe =
        let cut (fit: FitRecipe) = {
            fit with
                Epochs = 2.0
                Batch = 16
                Patience = 0
        }

        let base' = Recipes.quick Recipes.scratch

        {
            base' with
                Name = "colours"
                Dataset = "colours"
                Lm = {
                    base'.Lm with
                        Hidden = 32
                        Heads = 4
                        Intermediate = 64
                        Vocabulary = 300
                        SplitIdentifiers = false
                        MaxTokens = 24
                }
                Mlm = {
                    base'.Mlm with
                        Fit = cut base'.Mlm.Fit
                }
                LmFit = cut base'.LmFit
                Gnn = { base'.Gnn with Hidden = 16 }
                Rounds = 2
                EStep = {
                    base'.EStep with
                        Fit = cut base'.EStep.Fit
                }
        }
