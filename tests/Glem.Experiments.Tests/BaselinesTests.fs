module Glem.Experiments.Tests.BaselinesTests

open System
open FsCheck.FSharp
open Glem
open Xunit

/// Features of texts, fitted on them.
let private tfidf texts = Tfidf.apply (Tfidf.fit texts) texts

let private close (expected: float) (actual: float) tolerance =
    Assert.True(abs (expected - actual) <= tolerance, $"%g{actual}, not %g{expected}")

[<Fact>]
let ``words are lower-case runs of two letters or digits`` () =
    Assert.Equal<string list>([ "an"; "x86"; "été" ], Tfidf.words "An x86-a Été.")

[<Fact>]
let ``names fall into their words`` () =
    Assert.Equal<string list>([ "xml"; "reader"; "settings"; "2" ], Tfidf.camelWords "XmlReaderSettings2")
    Assert.Equal<string list>([ "io"; "stream" ], Tfidf.camelWords "IOStream")

[<Fact>]
let ``tf-idf weighs as scikit-learn does`` () =
    // By hand from scikit-learn's formulas: n = 3, df(aa) = 2, df(bb) = 2; cc occurs in one text only and is no feature.
    let x = tfidf [| "aa aa bb"; "aa cc"; "bb" |]
    Assert.Equal(2, x.ColumnCount)
    let a, b = 1.0 + log 2.0, 1.0
    let length = sqrt (a * a + b * b)
    close (a / length) x.Values[0] 1e-12
    close (b / length) x.Values[1] 1e-12
    Assert.Equal<int>([ 0; 2; 3; 4 ], x.Offsets)

[<Fact>]
let ``a text's features do not depend on the texts that it comes with, and a word that the fit lacks is none`` () =
    let fitted = Tfidf.fit [| "aa aa bb"; "aa cc"; "bb" |]
    let row texts = (Tfidf.apply fitted texts |> SparseRows.take [| 0 |]).Values
    Assert.Equal<float>(row [| "aa aa bb" |], row [| "aa aa bb zz"; "zz zz aa"; "bb" |])
    Assert.Empty(row [| "zz cc" |])

[<Fact>]
let ``every text's row has length 1, or none of its words is a feature`` () =
    let check (documents: FsCheck.NonEmptyString list[]) =
        let documents = documents |> Array.map (List.map _.Get)
        let x = Tfidf.ofTokens 100 documents

        for i in 0 .. x.RowCount - 1 do
            let row = x.Values[x.Offsets[i] .. x.Offsets[i + 1] - 1]

            if row.Length > 0 then
                close 1.0 (row |> Array.sumBy (fun v -> v * v)) 1e-9

    FsCheck.Check.One(FsCheck.Config.QuickThrowOnFailure, check)

[<Fact>]
let ``transposing twice gives the matrix back, and products agree`` () =
    let random = Random 1

    let x =
        Array.init 20 (fun _ ->
            Array.init 13 (fun j -> struct (j, random.NextDouble()))
            |> Array.filter (fun (struct (_, v)) -> v < 0.3))
        |> SparseRows.ofRows 13

    Assert.Equal(x, SparseRows.transpose (SparseRows.transpose x))
    let dense = Array.init (13 * 5) (fun _ -> random.NextDouble())
    let product = Array.zeroCreate (20 * 5)
    SparseRows.multiplyInto x 5 dense product

    for column in 0..4 do
        let vector = Array.init 13 (fun j -> dense[j * 5 + column])
        let expected = Array.zeroCreate 20
        SparseRows.multiplyVector x vector expected

        for i in 0..19 do
            close expected[i] product[i * 5 + column] 1e-12

[<Fact>]
let ``L-BFGS finds the minimum of a badly scaled quadratic`` () =
    let objective (x: float[]) (gradient: float[]) =
        let mutable value = 0.0

        for i in 0 .. x.Length - 1 do
            let scale = float (1 <<< i)
            gradient[i] <- scale * (x[i] - float i)
            value <- value + 0.5 * scale * (x[i] - float i) ** 2.0

        value

    Lbfgs.minimise 1e-9 500 objective (Array.zeroCreate 10)
    |> Array.iteri (fun i x -> close (float i) x 1e-7)

/// Two classes told apart by a word; nodes 0..19 train, 20..29 validate, 30..39 test.
let private toy =
    let texts = Array.init 40 (fun i -> if i % 2 = 0 then $"red word%d{i % 5}" else $"blue word%d{i % 5}")
    let labels = Labels.ofIndices [| "even"; "odd" |] (Array.init 40 (fun i -> i % 2)) |> Result.orRaise

    let split =
        Array.init 40 (fun i ->
            if i < 21 then Train
            elif i < 30 then Valid
            else Test)
        |> Split.ofParts

    texts, labels, split

[<Fact>]
let ``logistic regression learns the word that tells two classes apart`` () =
    let texts, labels, split = toy

    let fitted =
        LogisticRegression.select
            (Supervision.ofSplit labels split |> Result.orRaise)
            (Validation.ofSplit labels split |> Result.orRaise)
            (tfidf texts)

    Assert.Equal(1.0, fitted.ValidAccuracy)
    Posterior.argmax fitted.Posterior |> Array.iteri (fun i k -> Assert.Equal(i % 2, int k))

[<Fact>]
let ``the same data gives logistic regression the same bits`` () =
    let texts, labels, split = toy

    let fit () =
        let fitted =
            LogisticRegression.select
                (Supervision.ofSplit labels split |> Result.orRaise)
                (Validation.ofSplit labels split |> Result.orRaise)
                (tfidf texts)

        fitted.Posterior.Logits.ToArray()

    Assert.Equal<float32>(fit (), fit ())

[<Fact>]
let ``the majority is the most frequent class among training nodes`` () =
    let _, labels, split = toy
    let posterior = Majority.predict (Supervision.ofSplit labels split |> Result.orRaise)
    Assert.All(Posterior.argmax posterior, fun k -> Assert.Equal(0, int k))
    close (11.0 / 21.0) (float (posterior.Row(5<node>)[0])) 1e-6

[<Fact>]
let ``projecting a matrix of rank 2 on two directions keeps every inner product up to one scale`` () =
    let random = Random 3
    let row () = Array.init 12 (fun _ -> random.NextDouble())
    let first, second = row (), row ()

    let x =
        Array.init 9 (fun _ ->
            let a, b = random.NextDouble(), random.NextDouble()
            Array.init 12 (fun j -> struct (j, a * first[j] + b * second[j])))
        |> SparseRows.ofRows 12

    let projected = DenseFeatures.apply (DenseFeatures.fit 2 0 x) x
    let inner i j = Seq.sum (seq { for k in 0..11 -> x.Values[i * 12 + k] * x.Values[j * 12 + k] })
    let inner' i j = Seq.sum (seq { for k in 0..1 -> float projected[i * 2 + k] * float projected[j * 2 + k] })
    let scale = inner' 0 0 / inner 0 0

    for i in 0..8 do
        for j in 0..8 do
            close (scale * inner i j) (inner' i j) (1e-5 * scale * inner i i + 1e-5)
