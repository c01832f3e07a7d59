module Glem.Model.Tests.MetricsLaws

open System
open System.IO
open System.Text.Json
open Glem
open Glem.Laws
open Xunit

let private predictions (scene: Scene) =
    let labelled = Audit.truth Test (Scene.audit scene)
    let nodes, truth = labelled |> Array.map (fun (struct (i, k)) -> i, k) |> Array.unzip
    Predictions.ofPosterior (Scene.student scene) nodes truth

[<Fact>]
let ``the confusion matrix counts every node, its diagonal is the accuracy and its rows are the supports`` () =
    Law.holds Scene.domain (fun scene ->
        let predictions = predictions scene
        let counts = Metrics.confusion predictions
        let diagonal = Seq.init scene.ClassCount (fun k -> counts[k][k]) |> Seq.sum

        Array.sumBy Array.sum counts = predictions.Count
        && Law.close 1e-12 (Metrics.accuracy predictions) (float diagonal / float predictions.Count)
        && Array.map Array.sum counts = (Metrics.perClass predictions |> Array.map _.Support))

[<Fact>]
let ``F1 is the harmonic mean of precision and recall`` () =
    Law.holds Scene.domain (fun scene ->
        Metrics.perClass (predictions scene)
        |> Array.forall (fun k ->
            if k.Precision + k.Recall = 0.0 then
                k.F1 = 0.0
            else
                Law.close 1e-12 k.F1 (2.0 * k.Precision * k.Recall / (k.Precision + k.Recall))))

[<Fact>]
let ``accuracy, macro-F1 and calibration error lie between 0 and 1, and NLL is not negative`` () =
    Law.holds Scene.domain (fun scene ->
        let scores = Metrics.scores (predictions scene)
        let isShare x = x >= 0.0 && x <= 1.0 + 1e-12
        isShare scores.Accuracy && isShare scores.MacroF1 && isShare scores.Ece && scores.Nll >= 0.0)

[<Fact>]
let ``renaming nodes or classes leaves the scores alone`` () =
    let agree (a: Scores) (b: Scores) =
        Law.close 1e-9 a.Accuracy b.Accuracy
        && Law.close 1e-9 a.MacroF1 b.MacroF1
        && Law.close 1e-6 a.Nll b.Nll
        && Law.close 1e-6 a.Ece b.Ece

    let scores scene = Metrics.scores (predictions scene)

    Law.holds Scene.withSeed (fun (scene, seed) ->
        let order = Scene.nodeOrder seed scene
        agree (scores scene) (scores (Scene.renameNodes order scene)))

    // Ties go to the lowest class, so renaming may move them: untie first.
    let untied =
        Scene.mapActors (fun a -> {
            a with
                Student = a.Student |> Array.mapi (fun k z -> z - 0.01f * float32 k)
        })

    Law.holds Scene.withSeed (fun (scene, seed) ->
        let order = Scene.classOrder seed scene
        let scene = untied scene

        let isTied =
            scene.Actors |> Array.exists (fun a -> (Array.distinct a.Student).Length < a.Student.Length)

        isTied || agree (scores scene) (scores (Scene.renameClasses order scene)))

[<Fact>]
let ``a model that is certain and right has accuracy and macro-F1 1, NLL and calibration error 0`` () =
    let truth = [| 0<cls>; 1<cls>; 1<cls> |]
    let certain: Posterior<Lm> = Posterior.ofLogits 3 [| 800f; 0f; 0f; 0f; 800f; 0f; 0f; 800f; 0f |]
    let scores = Predictions.ofPosterior certain [| 0<node>; 1<node>; 2<node> |] truth |> Metrics.scores

    Assert.Equal(
        {
            Accuracy = 1.0
            MacroF1 = 1.0
            Nll = 0.0
            Ece = 0.0
        },
        scores
    )

[<Fact>]
let ``a confidence on the edge of two calibration bins belongs to the lower one`` () =
    // Two bins: a wrong prediction at exactly 0.5, a right one at sigmoid 2.
    let predictions = Predictions.ofLogits 2 [| 0.0; 0.0; 2.0; 0.0 |] [| 1<cls>; 0<cls> |]
    let sigmoid = 1.0 / (1.0 + exp -2.0)
    Assert.Equal(0.5 * 0.5 + 0.5 * (1.0 - sigmoid), Metrics.ece 2 predictions, 1e-12)

/// shared/fixtures/metrics.json of the folder above this one that has it: golden numbers of scikit-learn and numpy.
let private golden =
    Seq.unfold
        (fun (folder: DirectoryInfo | null) ->
            match folder with
            | null -> None
            | folder -> Some(Path.Combine(folder.FullName, "shared", "fixtures", "metrics.json"), folder.Parent))
        (DirectoryInfo AppContext.BaseDirectory)
    |> Seq.tryFind File.Exists

[<Theory>]
[<InlineData("five_classes")>]
[<InlineData("missing_classes")>]
[<InlineData("binary_with_ties")>]
let ``metrics agree with scikit-learn's on`` (problem: string) =
    match golden with
    | None -> Assert.Skip "shared/fixtures/metrics.json is not here"
    | Some path ->
        use document = JsonDocument.Parse(File.ReadAllText path)
        let fixture = document.RootElement.GetProperty("problems").GetProperty(problem)
        let number (name: string) = fixture.GetProperty(name).GetDouble()
        let numbers (element: JsonElement) = [| for x in element.EnumerateArray() -> x.GetDouble() |]
        let classes = fixture.GetProperty("classes").GetInt32()

        let logits = [|
            for row in fixture.GetProperty("logits").EnumerateArray() do
                yield! numbers row
        |]

        let truth = numbers (fixture.GetProperty "y_true") |> Array.map (fun k -> int k * 1<cls>)
        let predictions = Predictions.ofLogits classes logits truth
        let scores = Metrics.scores predictions
        let perClass = Metrics.perClass predictions
        let same (expected: float) (actual: float) = Assert.Equal(expected, actual, 1e-9)
        let sameAll expected actual = Array.iter2 same expected actual
        same (number "accuracy") scores.Accuracy
        same (number "macro_f1_sklearn_default") scores.MacroF1
        same (number "nll_log_loss") scores.Nll
        same (number "ece_15") scores.Ece
        sameAll (numbers (fixture.GetProperty "precision_per_class")) (perClass |> Array.map _.Precision)
        sameAll (numbers (fixture.GetProperty "recall_per_class")) (perClass |> Array.map _.Recall)
        sameAll (numbers (fixture.GetProperty "f1_per_class")) (perClass |> Array.map _.F1)
        sameAll (numbers (fixture.GetProperty "support")) (perClass |> Array.map (_.Support >> float))

        let confusion = Metrics.confusion predictions |> Array.map (Array.map float)

        let expected = [|
            for row in fixture.GetProperty("confusion_matrix_rows_true_cols_pred").EnumerateArray() -> numbers row
        |]

        Assert.Equal<float[][]>(expected, confusion)
