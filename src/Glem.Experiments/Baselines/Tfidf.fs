namespace Glem

open System
open System.Collections.Generic

/// TF-IDF over word tokens, as scikit-learn's TfidfVectorizer(sublinear_tf=True, min_df=2) counts it: weight
/// (1 + ln tf) (1 + ln((1 + n) / (1 + df))), rows of length 1.
module Tfidf =
    /// Words in at least this many texts become features.
    let private minimumDocuments = 2

    /// Lower-case runs of two or more letters and digits.
    let words (text: string) : string list =
        let found = List<string>()
        let mutable start = -1

        for i in 0 .. text.Length do
            if i < text.Length && Char.IsLetterOrDigit text[i] then
                if start < 0 then
                    start <- i
            elif start >= 0 then
                if i - start >= 2 then
                    found.Add(text.Substring(start, i - start).ToLowerInvariant())

                start <- -1

        List.ofSeq found

    /// Words of a name in CamelCase: "XmlReaderSettings2" gives xml, reader, settings, 2; "IOStream" gives io, stream.
    let camelWords (name: string) : string list =
        let startsWord i =
            let previous, here = name[i - 1], name[i]

            Char.IsUpper here && not (Char.IsUpper previous)
            || Char.IsDigit here <> Char.IsDigit previous
            || not (Char.IsLetterOrDigit here)
            || not (Char.IsLetterOrDigit previous)
            || Char.IsUpper here && i + 1 < name.Length && Char.IsLower name[i + 1]

        let starts = [
            for i in 0 .. name.Length - 1 do
                if i = 0 || startsWord i then
                    i
        ]

        List.zip starts (List.skip 1 (starts @ [ name.Length ]))
        |> List.map (fun (start, stop) -> name.Substring(start, stop - start).ToLowerInvariant())
        |> List.filter (fun word -> Char.IsLetterOrDigit word[0])

    /// Features of n tokenised texts, [n; d]. Of the words that occur in two texts or more, the `maximumFeatures` most frequent count
    /// (ties by spelling). Transductive: all texts, labelled or not, count towards df.
    let ofTokens (maximumFeatures: int) (documents: string list[]) : SparseRows =
        let counts = documents |> Array.Parallel.map (List.countBy id)
        let documentFrequency = Dictionary<string, int>()
        let termFrequency = Dictionary<string, int>()

        let add (table: Dictionary<string, int>) word count =
            match table.TryGetValue word with
            | true, already -> table[word] <- already + count
            | false, _ -> table[word] <- count

        for document in counts do
            for word, count in document do
                add documentFrequency word 1
                add termFrequency word count

        let vocabulary =
            documentFrequency.Keys
            |> Seq.filter (fun word -> documentFrequency[word] >= minimumDocuments)
            |> Seq.toArray
            |> Array.sortWith (fun a b ->
                match compare termFrequency[b] termFrequency[a] with
                | 0 -> String.CompareOrdinal(a, b)
                | order -> order)
            |> Array.truncate maximumFeatures

        let column = Dictionary(vocabulary |> Seq.mapi (fun i word -> KeyValuePair(word, i)))

        let inverse =
            vocabulary
            |> Array.map (fun word -> 1.0 + log (float (1 + documents.Length) / float (1 + documentFrequency[word])))

        let row document =
            let weights =
                document
                |> List.choose (fun (word, count) ->
                    match column.TryGetValue word with
                    | true, i -> Some(struct (i, (1.0 + log (float count)) * inverse[i]))
                    | false, _ -> None)
                |> List.toArray
                |> Array.sortBy (fun (struct (i, _)) -> i)

            let length = sqrt (weights |> Array.sumBy (fun (struct (_, weight)) -> weight * weight))
            weights |> Array.map (fun (struct (i, weight)) -> struct (i, weight / length))

        counts |> Array.Parallel.map row |> SparseRows.ofRows vocabulary.Length

    /// Features of texts by their words, at most 50,000.
    let ofTexts (texts: string[]) = texts |> Array.Parallel.map words |> ofTokens 50_000
