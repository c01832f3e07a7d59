namespace Glem

open System
open System.Collections.Generic
open System.Globalization

/// What a made-up text-attributed graph is like.
type SyntheticSettings = {
    Nodes: int
    Classes: int
    /// Mean number of neighbours.
    Degree: float
    /// Probability that an edge stays within its node's class; 1 / classes says nothing, 0 never does.
    Homophily: float
    /// Probability that a word is drawn from all classes' words instead of its own class's; 1: the text says nothing.
    TextNoise: float
    /// Words of a text.
    Words: int
    /// Words that belong to one class.
    Vocabulary: int
    /// Share of each class that trains; a fifth validates, the rest is test.
    LabelRate: float
    Seed: int
}

/// What the best possible classifiers would reach on such a graph, known because the generator is.
type SyntheticCeiling = {
    /// Accuracy of Bayes' rule on a node's own text.
    Text: float
    /// On its text and its neighbours' true classes: more than any model can see, so no model beats it in expectation.
    TextAndNeighbours: float
}

/// A stochastic block model with equal classes and class-conditional words. Node i's text: each word, independently, comes from
/// its class's own words with probability 1 - noise, else from all classes' words alike. Each edge starts at a random node and ends,
/// with probability homophily, at another one of its class, else at one of another class; edges differ.
module Synthetic =
    let standard = {
        Nodes = 2000
        Classes = 5
        Degree = 6.0
        Homophily = 0.7
        TextNoise = 0.8
        Words = 20
        Vocabulary = 50
        LabelRate = 0.1
        Seed = 0
    }

    /// Spelt from three syllables.
    let private mostWords = 1_000_000

    let check (settings: SyntheticSettings) : Result<SyntheticSettings, GlemError> =
        let among name (value: float) low high =
            if value >= low && value <= high then
                []
            else
                [
                    InSetting(name, value.ToString CultureInfo.InvariantCulture, $"a number from %g{low} to %g{high}")
                ]

        // A class's nodes must leave room for edges that differ, within it and outside.
        let most = float settings.Nodes / float (max 1 settings.Classes) / 4.0

        let errors = [
            yield! among "--classes" (float settings.Classes) 2.0 1000.0
            yield! among "--nodes" (float settings.Nodes) (float (10 * settings.Classes)) 10_000_000.0
            yield! among "--degree" settings.Degree 0.0 (min most 1000.0)
            yield! among "--homophily" settings.Homophily 0.0 1.0
            yield! among "--text-noise" settings.TextNoise 0.0 1.0
            yield! among "--words" (float settings.Words) 1.0 1000.0
            yield!
                among "--vocabulary" (float settings.Vocabulary) 1.0 (float mostWords / float (max 1 settings.Classes))
            yield! among "--label-rate" settings.LabelRate 0.0001 0.7
        ]

        match errors with
        | error :: _ -> Error error
        | [] -> Ok settings

    /// Numbers that depend on the key alone, one after the other.
    type private Draws(key: Key) =
        let mutable count = 0

        let next () =
            count <- count + 1
            Key.seed (Key.at count key)

        /// From 0 to below 1.
        member _.Uniform() = float (next () >>> 11) * Math.Pow(2.0, -53.0)
        /// From 0 to limit - 1.
        member _.Below(limit: int) = int (next () % uint64 limit)

    let private consonants = "bcdfghjklmnpqrstvwxz"
    let private vowels = "aeiou"

    /// The i-th word: three syllables of a consonant and a vowel, scattered so that neighbours look unlike.
    let wordOf (i: int) =
        // 7919 is prime and no divisor of 10^6, so different numbers give different words.
        let number = int (int64 i * 7919L % int64 mostWords)

        String.init 3 (fun place ->
            let syllable = number / pown 100 place % 100
            $"%c{consonants[syllable / 5]}%c{vowels[syllable % 5]}")

    /// Words of every node, by number; those of class k are k * vocabulary .. (k + 1) * vocabulary - 1.
    let private drawWords (settings: SyntheticSettings) (classes: int[]) key =
        classes
        |> Array.mapi (fun i k ->
            let draws = Draws(Key.at i key)

            Array.init settings.Words (fun _ ->
                if draws.Uniform() < settings.TextNoise then
                    draws.Below(settings.Classes * settings.Vocabulary)
                else
                    k * settings.Vocabulary + draws.Below settings.Vocabulary))

    let private drawEdges (settings: SyntheticSettings) (classes: int[]) key =
        let members =
            Array.init settings.Classes (fun k -> [|
                for i in 0 .. classes.Length - 1 do
                    if classes[i] = k then
                        i
            |])

        let draws = Draws key
        let wanted = int (Math.Round(float settings.Nodes * settings.Degree / 2.0))
        // Of its final size at once: growing would hold the old table and the new one, three times as much.
        let seen = HashSet<int64>(wanted)
        let edges = StatedEdges settings.Nodes

        while edges.Count < wanted do
            let source = draws.Below settings.Nodes

            let k =
                if draws.Uniform() < settings.Homophily then
                    classes[source]
                else
                    (classes[source] + 1 + draws.Below(settings.Classes - 1)) % settings.Classes

            let target = members[k][draws.Below members[k].Length]
            let pair = int64 (min source target) * int64 settings.Nodes + int64 (max source target)

            if source <> target && seen.Add pair then
                edges.Add(source, target)

        edges

    /// Mean over the nodes of the largest posterior: what Bayes' rule gets right in expectation.
    ///   evidence : for each node the log-likelihood of each class, up to a constant
    let private bayes (evidence: float[][]) =
        evidence
        |> Array.averageBy (fun logs ->
            let top = Array.max logs
            1.0 / (logs |> Array.sumBy (fun log -> exp (log - top))))

    let private ceiling (settings: SyntheticSettings) (classes: int[]) (words: int[][]) (edges: Csr) =
        let c = float settings.Classes
        // How much likelier a class makes a word of its own than one of another class.
        let ratio =
            log ((1.0 - settings.TextNoise + settings.TextNoise / c) / max (settings.TextNoise / c) 1e-300)

        let same = log (max settings.Homophily 1e-300)
        let other = log (max ((1.0 - settings.Homophily) / (c - 1.0)) 1e-300)

        let fromText =
            words
            |> Array.map (fun words ->
                let counts = Array.zeroCreate<int> settings.Classes

                for word in words do
                    counts[word / settings.Vocabulary] <- counts[word / settings.Vocabulary] + 1

                counts |> Array.map (fun count -> ratio * float count))

        let fromNeighbours i =
            let counts = Array.zeroCreate<int> settings.Classes

            for neighbour in edges.NeighboursOf(i * 1<node>).ToArray() do
                counts[classes[neighbour]] <- counts[classes[neighbour]] + 1

            counts |> Array.map (fun count -> (same - other) * float count)

        {
            Text = bayes fromText
            TextAndNeighbours = fromText |> Array.mapi (fun i logs -> Array.map2 (+) logs (fromNeighbours i)) |> bayes
        }

    let private info (settings: SyntheticSettings) (ceiling: SyntheticCeiling) : DatasetInfo = {
        Name = "synthetic"
        Licence = "CC0-1.0"
        Source =
            $"made up: %d{settings.Nodes} nodes, %d{settings.Classes} classes, degree %g{settings.Degree}, homophily %g{settings.Homophily}, text noise %g{settings.TextNoise}, %d{settings.Words} words of %d{settings.Vocabulary} a class, label rate %g{settings.LabelRate}, seed %d{settings.Seed}; Bayes accuracy %.3f{ceiling.Text} from text, %.3f{ceiling.TextAndNeighbours} with neighbours' classes"
        Attribution = ""
        SplitPolicy = ""
    }

    let private keyOf (settings: SyntheticSettings) = Key.ofSeed settings.Seed |> Key.named "synthetic"

    let private drawClasses (settings: SyntheticSettings) =
        Array.init settings.Nodes (fun i -> i % settings.Classes)
        |> Key.shuffle (Key.named "classes" (keyOf settings))

    let private rows (settings: SyntheticSettings) (edges: StatedEdges) =
        Array.init edges.Count (fun i -> edges[i]) |> Csr.symmetric settings.Nodes

    /// The graph of these settings and every node's class : [n]. As `build` has them, without the texts: about 50 bytes an
    /// edge while it is made.
    let graph (settings: SyntheticSettings) : Result<Csr * int[], GlemError> =
        check settings
        |> Result.map (fun settings ->
            let classes = drawClasses settings
            drawEdges settings classes (Key.named "edges" (keyOf settings)) |> rows settings, classes)

    /// The data set of these settings, and what can be reached on it. The same settings give the same records on every machine.
    let build (settings: SyntheticSettings) : Result<DatasetRecords * SyntheticCeiling, GlemError> =
        check settings
        |> Result.map (fun settings ->
            let classes = drawClasses settings
            let words = drawWords settings classes (Key.named "words" (keyOf settings))
            let edges = drawEdges settings classes (Key.named "edges" (keyOf settings))
            let reached = rows settings edges |> ceiling settings classes words
            let name k = $"class%d{k}"

            let records, _ =
                ImportedGraph.toRecords HygieneRules.standard {
                    Info = info settings reached
                    ClassNames = Some(Array.init settings.Classes name)
                    Nodes =
                        Array.init settings.Nodes (fun i -> {
                            Id = $"n%d{i}"
                            Text = words[i] |> Array.map wordOf |> String.concat " "
                            Label = Some(name classes[i])
                            Part = Unassigned
                        })
                    HasSplit = false
                    Edges = edges
                    UnknownEnds = 0
                    NodesFile = "synthetic"
                    EdgesFile = "synthetic"
                }

            Dataset.splitRecords (Fractions(settings.LabelRate, 0.2)) settings.Seed records, reached)
