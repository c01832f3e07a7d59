namespace Glem

open System
open System.Security.Cryptography
open System.Text

/// How nodes with a label are divided into train, valid and test.
type SplitPolicy =
    /// As the data's own split column says.
    | Given
    /// These shares of every class train and validate, the rest is test; at least one node of each class trains.
    | Fractions of train: float * valid: float
    /// This many nodes of every class train and validate, the rest is test.
    | PerClass of train: int * valid: int

module SplitPolicy =
    /// 60/20/20 in every class.
    let standard = Fractions(0.6, 0.2)

    let check policy =
        let bad found expected = Error(InSetting("split", found, expected))

        match policy with
        | Given -> Ok policy
        | Fractions(train, valid) when train > 0.0 && valid > 0.0 && train + valid <= 1.0 -> Ok policy
        | Fractions(train, valid) -> bad $"train %g{train}, valid %g{valid}" "shares above 0 that sum to at most 1"
        | PerClass(train, valid) when train > 0 && valid > 0 -> Ok policy
        | PerClass(train, valid) -> bad $"train %d{train}, valid %d{valid}" "at least 1 node a class"

    /// "stratified 60/20/20", "20 train + 30 valid a class", "as given".
    let describe policy =
        match policy with
        | Given -> "as given"
        | Fractions(train, valid) ->
            $"stratified %g{100.0 * train}/%g{100.0 * valid}/%g{Math.Round(100.0 * (1.0 - train - valid), 6)}"
        | PerClass(train, valid) -> $"%d{train} train + %d{valid} valid a class"

    /// Parts of n nodes, stratified. The nodes of a class are ordered by the SHA-256 of seed and id, so that the answer depends
    /// on nothing else: neither the order of the file nor the version of a random generator.
    ///   ids : [n]   classes : [n], -1 unlabelled (stays Unassigned)
    /// Raises ArgumentException for Given, which has nothing to assign.
    let assign policy (seed: int) (ids: string[]) (classes: int[]) =
        let counts size =
            match policy with
            | Given -> invalidArg (nameof policy) "the split is given"
            | Fractions(train, valid) ->
                let train = max 1 (int (Math.Round(train * float size)))
                train, min (size - train) (int (Math.Round(valid * float size)))
            | PerClass(train, valid) ->
                let train = min train size
                train, min valid (size - train)

        let rank i = SHA256.HashData(Encoding.UTF8.GetBytes $"%d{seed}\n%s{ids[i]}") |> Convert.ToHexString
        let parts = Array.create ids.Length Unassigned

        for cls, nodes in Array.indexed classes |> Array.groupBy snd do
            if cls >= 0 then
                let train, valid = counts nodes.Length

                nodes
                |> Array.map fst
                |> Array.sortBy rank
                |> Array.iteri (fun position node ->
                    parts[node] <-
                        if position < train then Train
                        elif position < train + valid then Valid
                        else Test)

        parts
