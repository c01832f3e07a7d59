namespace Glem

open System
open System.Collections.Generic
open System.Globalization
open System.IO

/// A citation graph of Planetoid's (Yang, Cohen & Salakhutdinov 2016) with its published split: bags of words, no texts.
type Planetoid = {
    /// "cora", "citeseer": the folder's name.
    Name: string
    /// In the order of their first edge : [n].
    Ids: string[]
    /// Symmetric, without self-loops.
    Edges: Csr
    /// The words' weights as the file has them : [n; d]. A node may have no word.
    Words: SparseRows
    Labels: Labels
    Split: Split
}

/// Folders as GMNN's repository holds them. Fields are divided by tabs:
///   net.txt : node, node, weight   feature.txt : node, "word:weight word:weight …"   label.txt : node, class
///   train.txt, dev.txt, test.txt : node
module Planetoid =
    let private rows (path: string) : struct (string * string[])[] =
        if File.Exists path && FileInfo(path).Length = 0L then
            raise (GlemException(InFile(path, "", "an empty file", "a row a line")))

        FileScan.check path |> Result.orRaise

        File.ReadAllLines path |> Array.mapi (fun i line -> struct ($"line %d{i + 1}", line.Split '\t'))

    let private refuse path line found expected = raise (GlemException(InFile(path, line, found, expected)))

    let private quoted (fields: string[]) = $"""'%s{String.Join("\t", fields)}'"""

    let private positive (path: string) line (text: string) =
        match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
        | true, value when value > 0.0 && Double.IsFinite value -> value
        | _ -> refuse path line $"the weight '%s{text}'" "a number above 0"

    let private net path =
        let ids = Dictionary<string, int>()

        let index id =
            match ids.TryGetValue id with
            | true, i -> i
            | _ ->
                ids.Add(id, ids.Count)
                ids.Count - 1

        let edges =
            rows path
            |> Array.map (fun (struct (line, fields)) ->
                match fields with
                | [| a; b; weight |] ->
                    // GMNN's graphs are unweighted, and so is the propagation that they meet here.
                    if positive path line weight <> 1.0 then
                        refuse path line $"the weight '%s{weight}'" "1: edges have no weights here"

                    let first = index a
                    struct (first, index b)
                | fields -> refuse path line (quoted fields) "node, node and weight, divided by tabs")

        ids, Csr.symmetric ids.Count edges

    let private nodeOf (ids: Dictionary<string, int>) path line (id: string) =
        match ids.TryGetValue id with
        | true, i -> i
        | _ -> refuse path line $"the node '%s{id}'" "a node of net.txt"

    // A slip of the keyboard must not ask for memory by the gigabyte.
    let private mostWords = 9_999_999

    let private words (ids: Dictionary<string, int>) path =
        let word line (pair: string) =
            match pair.Split ':' with
            | [| word; weight |] ->
                match Int32.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture) with
                | true, word when word <= mostWords -> struct (word, positive path line weight)
                | _ -> refuse path line $"the word '%s{word}'" $"a whole number from 0 to %d{mostWords}"
            | _ -> refuse path line $"'%s{pair}'" "word:weight"

        let bags = Array.create ids.Count [||]
        let seen = HashSet<int>()

        for struct (line, fields) in rows path do
            match fields with
            | [| id; bag |] ->
                let node = nodeOf ids path line id
                let bag = bag.Split(' ', StringSplitOptions.RemoveEmptyEntries) |> Array.map (word line)

                if not (seen.Add node) then
                    refuse path line $"the node '%s{id}' again" "each node once"

                match bag |> Array.countBy (fun (struct (word, _)) -> word) |> Array.tryFind (fun (_, n) -> n > 1) with
                | Some(word, _) -> refuse path line $"the word %d{word} again" "each word of a node once"
                | None -> bags[node] <- Array.sortBy (fun (struct (word, _)) -> word) bag
            | fields -> refuse path line (quoted fields) "node and words, divided by a tab"

        let width = bags |> Seq.collect id |> Seq.fold (fun most (struct (word, _)) -> max most (word + 1)) 0
        SparseRows.ofRows width bags

    let private labels (ids: Dictionary<string, int>) path =
        let classOf = Array.create ids.Count None

        for struct (line, fields) in rows path do
            match fields with
            | [| id; name |] ->
                let node = nodeOf ids path line id

                if classOf[node] <> None then
                    refuse path line $"the node '%s{id}' again" "one class for each node"

                classOf[node] <- Some name
            | fields -> refuse path line (quoted fields) "node and class, divided by a tab"

        let isLabelled = classOf |> Array.map Option.isSome

        let names =
            classOf
            |> Array.choose id
            |> Array.distinct
            |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))

        classOf
        |> Array.map (function
            | Some name -> Array.IndexOf(names, name)
            | None -> -1)
        |> Labels.ofIndices names
        |> Result.orRaise,
        isLabelled

    let private split (ids: Dictionary<string, int>) (isLabelled: bool[]) (folder: string) =
        let parts = Array.create ids.Count Unassigned

        for file, part in [ "train.txt", Train; "dev.txt", Valid; "test.txt", Test ] do
            let path = Path.Combine(folder, file)

            for struct (line, fields) in rows path do
                match fields with
                | [| id |] ->
                    let node = nodeOf ids path line id

                    if parts[node] <> Unassigned then
                        refuse path line $"the node '%s{id}' again" "each node in one part, once"

                    if not isLabelled[node] then
                        refuse path line $"the node '%s{id}', which has no class" "a node of label.txt"

                    parts[node] <- part
                | fields -> refuse path line (quoted fields) "a node"

        Split.ofParts parts

    /// Reads a folder. Error: the file and line of what is missing, damaged or contradictory; a class without training node.
    let read (folder: string) : Result<Planetoid, GlemError> =
        let file name = Path.Combine(folder, name)

        try
            let ids, edges = net (file "net.txt")
            let words = words ids (file "feature.txt")
            let labels, isLabelled = labels ids (file "label.txt")
            let split = split ids isLabelled folder

            // What is left to be wrong: a class that no training node has.
            Supervision.ofSplit labels split
            |> Result.mapError (function
                | InValue(what, found, expected) -> InFile(file "train.txt", what, found, expected)
                | error -> error)
            |> Result.map (fun _ -> {
                Name = DirectoryInfo(folder).Name
                Ids = ids |> Seq.sortBy _.Value |> Seq.map _.Key |> Seq.toArray
                Edges = edges
                Words = words
                Labels = labels
                Split = split
            })
        with GlemException error ->
            Error error

    /// Each word of a node weighs 1 / (its number of words), whatever the file says: GMNN's features.
    let rowNormalised (words: SparseRows) = {
        words with
            Values =
                Array.init words.RowCount (fun row ->
                    let count = words.Offsets[row + 1] - words.Offsets[row]
                    Array.create count (1.0 / float count))
                |> Array.concat
    }

    /// The folder `shared/data/gmnn-planetoid` beside the given folder or beside one that holds it.
    let findBeside (folder: string) : Result<string, GlemError> =
        let rec climb (folder: DirectoryInfo | null) =
            match folder with
            | null ->
                let remedy =
                    "clone github.com/DeepGraphLearning/GMNN and pass --data CLONE/semisupervised/data, the folder that holds cora/ and citeseer/"

                Error(Missing("Planetoid's data", remedy))
            | folder ->
                let data = Path.Combine(folder.FullName, "shared", "data", "gmnn-planetoid")
                if Directory.Exists data then Ok data else climb folder.Parent

        climb (DirectoryInfo folder)
