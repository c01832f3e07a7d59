namespace Glem

/// How often gold class i was called class j.
type Confusion = {
    Classes: string[]
    /// [c; c]: row gold, column predicted.
    Counts: int[,]
}

type ClassScore = {
    Class: string
    Support: int
    Precision: float
    Recall: float
    F1: float
}

module Confusion =
    /// Counts pairs (gold, predicted) of class names. Classes are `classes` in this order, then names only met in the pairs.
    let ofPairs (classes: string list) (pairs: (string * string) list) =
        let names =
            classes @ (pairs |> List.collect (fun (gold, predicted) -> [ gold; predicted ]))
            |> List.distinct
            |> Array.ofList

        let index = names |> Array.mapi (fun i name -> name, i) |> dict
        let counts = Array2D.zeroCreate names.Length names.Length

        for gold, predicted in pairs do
            counts[index[gold], index[predicted]] <- counts[index[gold], index[predicted]] + 1

        { Classes = names; Counts = counts }

    /// One entry a class, in order; 0/0 counts as 0, as in scikit-learn.
    let perClass confusion =
        let ratio a b = if b = 0 then 0.0 else float a / float b

        [
            for i in 0 .. confusion.Classes.Length - 1 do
                let right = confusion.Counts[i, i]
                let support = Array.sum confusion.Counts[i, *]
                let called = Array.sum confusion.Counts[*, i]

                {
                    Class = confusion.Classes[i]
                    Support = support
                    Precision = ratio right called
                    Recall = ratio right support
                    F1 = ratio (2 * right) (support + called)
                }
        ]

    /// The commonest errors: gold, predicted, count.
    let errors confusion =
        [
            for i in 0 .. confusion.Classes.Length - 1 do
                for j in 0 .. confusion.Classes.Length - 1 do
                    if i <> j && confusion.Counts[i, j] > 0 then
                        confusion.Classes[i], confusion.Classes[j], confusion.Counts[i, j]
        ]
        |> List.sortBy (fun (gold, predicted, count) -> -count, gold, predicted)
