namespace Glem

open System.IO

/// Planetoid's graphs as data sets. They have bags of words and no texts: a node's text is its words by their numbers,
/// "w12 w407 …", which a tokenizer and TF-IDF read as words, and nothing of a language is left to understand.
module PlanetoidImport =
    /// Whether a folder holds GMNN's six files.
    let isLayout (folder: string) =
        [ "net.txt"; "feature.txt"; "label.txt" ]
        |> List.forall (fun name -> File.Exists(Path.Combine(folder, name)))

    let private textOf (words: SparseRows) (row: int) =
        words.Columns[words.Offsets[row] .. words.Offsets[row + 1] - 1]
        |> Array.map (fun word -> $"w%d{word}")
        |> String.concat " "

    /// Reads a folder with its published split. Raises GlemException.
    let read (folder: string) : ImportedGraph =
        let data = Planetoid.read folder |> Result.orRaise
        let audit = Audit.ofSplit data.Labels data.Split |> Result.orRaise
        let edges = StatedEdges data.Ids.Length

        for struct (a, b) in Csr.pairs data.Edges do
            if a < b then
                edges.Add(a, b)

        {
            Info = {
                Name = data.Name
                Licence = "not stated"
                Source =
                    $"Planetoid's %s{data.Name} (Yang, Cohen & Salakhutdinov 2016) with its public split, as github.com/DeepGraphLearning/GMNN holds it"
                Attribution =
                    "Sen et al., Collective Classification in Network Data, AI Magazine 2008; Yang et al., Revisiting Semi-Supervised Learning with Graph Embeddings, ICML 2016"
                SplitPolicy = "Planetoid's public split"
            }
            ClassNames = Some data.Labels.ClassNames
            Nodes =
                Array.init data.Ids.Length (fun i -> {
                    Id = data.Ids[i]
                    Text = textOf data.Words i
                    Label =
                        (match audit.Label(i * 1<node>) with
                         | ValueSome k -> Some data.Labels.ClassNames[int k]
                         | ValueNone -> None)
                    Part = data.Split[i * 1<node>]
                })
            HasSplit = true
            Edges = edges
            UnknownEnds = 0
            NodesFile = Path.Combine(folder, "feature.txt")
            EdgesFile = Path.Combine(folder, "net.txt")
        }
