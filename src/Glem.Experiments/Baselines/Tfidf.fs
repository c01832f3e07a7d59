namespace Glem

open System
open System.Collections.Generic

/// Words that are features, and how much each weighs: fitted on some texts, applied to any.
type Tfidf = {
    /// The column of each word.
    Columns: Dictionary<string, int>
    /// 1 + ln((1 + n) / (1 + df)) : [d].
    Weights: float[]
}

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

    /// Of the words that occur in two of n tokenised texts or more, the `maximumFeatures` most frequent become features
    /// (ties by spelling). All these texts, labelled or not, count towards df.
    let fitTokens (maximumFeatures: int) (documents: string list[]) : Tfidf =
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

        {
            Columns = Dictionary(vocabulary |> Seq.mapi (fun i word -> KeyValuePair(word, i)))
            Weights =
                vocabulary
                |> Array.map (fun word ->
                    1.0 + log (float (1 + documents.Length) / float (1 + documentFrequency[word])))
        }

    /// Features of tokenised texts, [n; d]. A word that is no feature counts for nothing.
    let applyTokens (fitted: Tfidf) (documents: string list[]) : SparseRows =
        let row document =
            let weights =
                document
                |> List.countBy id
                |> List.choose (fun (word, count) ->
                    match fitted.Columns.TryGetValue word with
                    | true, i -> Some(struct (i, (1.0 + log (float count)) * fitted.Weights[i]))
                    | false, _ -> None)
                |> List.toArray
                |> Array.sortBy (fun (struct (i, _)) -> i)

            let length = sqrt (weights |> Array.sumBy (fun (struct (_, weight)) -> weight * weight))
            weights |> Array.map (fun (struct (i, weight)) -> struct (i, weight / length))

        documents |> Array.Parallel.map row |> SparseRows.ofRows fitted.Weights.Length

    /// Features of tokenised texts, [n; d], fitted on themselves.
    let ofTokens maximumFeatures documents = applyTokens (fitTokens maximumFeatures documents) documents

    /// The words of texts, at most 50,000.
    let fit (texts: string[]) = texts |> Array.Parallel.map words |> fitTokens 50_000

    /// Features of texts, [n; d], by their words.
    let apply fitted (texts: string[]) = texts |> Array.Parallel.map words |> applyTokens fitted
