module Glem.Experiments.Tests.DataSplitTests

open FsCheck.FSharp
open Glem
open Xunit

let private ids n = Array.init n (fun i -> $"n%d{i}")

[<Fact>]
let ``every class trains, every labelled node has a part, unlabelled nodes have none`` () =
    let check (FsCheck.NonEmptyArray(classes: FsCheck.NonNegativeInt[])) (seed: int) =
        let classes = classes |> Array.map (fun k -> k.Get % 5 - 1)

        for policy in [ SplitPolicy.standard; Fractions(0.1, 0.1); PerClass(2, 3) ] do
            let parts = SplitPolicy.assign policy seed (ids classes.Length) classes

            for cls in Array.distinct classes do
                let own = [|
                    for i in 0 .. classes.Length - 1 do
                        if classes[i] = cls then
                            parts[i]
                |]

                if cls < 0 then
                    Assert.All(own, fun part -> Assert.Equal(Unassigned, part))
                else
                    Assert.Contains(Train, own)
                    Assert.DoesNotContain(Unassigned, own)

    FsCheck.Check.One(FsCheck.Config.QuickThrowOnFailure, check)

[<Fact>]
let ``each class has its shares, and always a training node`` () =
    let check (FsCheck.NonEmptyArray(classes: FsCheck.NonNegativeInt[])) =
        let classes = classes |> Array.map (fun k -> k.Get % 4)

        for train, valid in [ 0.6, 0.2; 0.1, 0.1; 0.05, 0.9 ] do
            let parts = SplitPolicy.assign (Fractions(train, valid)) 1 (ids classes.Length) classes

            for cls in Array.distinct classes do
                let own = Array.zip classes parts |> Array.filter (fst >> (=) cls) |> Array.map snd
                let count part = own |> Array.filter ((=) part) |> Array.length
                let wanted = max 1 (int (System.Math.Round(train * float own.Length)))
                Assert.Equal(wanted, count Train)
                let share = int (System.Math.Round(valid * float own.Length))
                Assert.Equal(min share (own.Length - wanted), count Valid)

    FsCheck.Check.One(FsCheck.Config.QuickThrowOnFailure, check)

[<Fact>]
let ``renaming classes leaves a split alone`` () =
    let classes = Array.init 100 (fun i -> i * i % 5)
    let parts classes = SplitPolicy.assign SplitPolicy.standard 1 (ids 100) classes
    Assert.Equal<Part>(parts classes, parts (classes |> Array.map (fun k -> 4 - k)))

[<Fact>]
let ``a number of labels a class is met exactly where the class is large enough`` () =
    let classes = Array.init 100 (fun i -> i % 2)
    let parts = SplitPolicy.assign (PerClass(20, 10)) 1 (ids 100) classes
    let count part = parts |> Array.filter ((=) part) |> Array.length
    Assert.Equal((40, 20, 40), (count Train, count Valid, count Test))

[<Fact>]
let ``another seed is another split`` () =
    let classes = Array.init 100 (fun i -> i % 2)
    let parts seed = SplitPolicy.assign SplitPolicy.standard seed (ids 100) classes
    Assert.NotEqual<Part>(parts 0, parts 1)
    Assert.Equal<Part>(parts 0, parts 0)

[<Fact>]
let ``shares that leave nothing to learn from are refused`` () =
    for policy in
        [
            Fractions(0.0, 0.2)
            Fractions(0.9, 0.2)
            Fractions(0.6, 0.0)
            PerClass(0, 5)
        ] do
        Assert.True(SplitPolicy.check policy |> Result.isError, SplitPolicy.describe policy)

let private thinned rate = Dataset.withLabelRate rate Colours.dataset.Value |> Result.orRaise

let private training (dataset: Dataset) =
    Split.nodes Train dataset.Split |> Array.map (fun i -> dataset.Graph.Ids[int i]) |> Set

[<Fact>]
let ``a label rate keeps a share of each class's training nodes, and at least one`` () =
    let classes dataset =
        let labels = (dataset: Dataset).Audit
        Split.nodes Train dataset.Split |> Array.countBy labels.Label |> Array.map snd |> List.ofArray

    Assert.Equal<int list>([ 12; 12; 12 ], classes Colours.dataset.Value)
    Assert.Equal<int list>([ 6; 6; 6 ], classes (thinned 0.5))
    Assert.Equal<int list>([ 1; 1; 1 ], classes (thinned 0.01))

[<Fact>]
let ``the labels of a smaller rate are among those of a larger one`` () =
    let nested = [ 0.1; 0.3; 0.6; 1.0 ] |> List.map (thinned >> training)

    for fewer, more in List.pairwise nested do
        Assert.True(Set.isProperSubset fewer more)

[<Fact>]
let ``a label rate moves no other node, and no student sees a label that it took`` () =
    let whole, few = Colours.dataset.Value, thinned 0.2
    let gold = Supervision.ofSplit few.Labels few.Split |> Result.orRaise
    let pool = Pool.unlabelled gold |> Set

    for i in 0 .. whole.Graph.NodeCount - 1 do
        let node = i * 1<node>

        match whole.Split[node], few.Split[node] with
        | Train, Unassigned ->
            Assert.True((gold.Gold node).IsNone)
            Assert.Contains(node, pool)
            Assert.Equal(whole.Audit.Label node, few.Audit.Label node)
        | before, after -> Assert.Equal(before, after)

    Assert.NotEqual<string>(whole.Fingerprint, few.Fingerprint)
    Assert.Equal(whole.Fingerprint, (thinned 1.0).Fingerprint)
