module Glem.Neural.Tests.MaskingTests

open System
open Glem
open Xunit

let private vocabulary = {
    Mask = 4
    Special = Set [ 0..4 ]
    Size = 1000
}

let private ids =
    let random = Random 1
    Array.init 100_000 (fun i -> if i % 10 = 0 then random.Next 5 else random.Next(5, 1000))

let private hide seed = MaskedLanguageModel.hide vocabulary 0.15 (Random seed) ids

/// A count of successes within 5 standard deviations of what n draws with chance p give.
let private isFair (n: int) p (count: int) =
    let expected, deviation = float n * p, sqrt (float n * p * (1.0 - p))
    Assert.InRange(float count, expected - 5.0 * deviation, expected + 5.0 * deviation)

[<Fact>]
let ``the asked share of the ordinary tokens is hidden, 80 in 100 as [MASK], 10 as another token, 10 as they are`` () =
    let hidden, positions, _ = hide 2
    isFair 90_000 0.15 positions.Length
    let count test = positions |> Array.filter test |> Array.length
    count (fun i -> hidden[i] = vocabulary.Mask) |> isFair positions.Length 0.8
    // One random token in a thousand is the one that stood there.
    count (fun i -> hidden[i] = ids[i]) |> isFair positions.Length 0.1
    let random = positions |> Array.filter (fun i -> hidden[i] <> vocabulary.Mask && hidden[i] <> ids[i])
    Assert.True((random |> Array.distinctBy (fun i -> hidden[i])).Length > 500)

[<Fact>]
let ``special tokens are never hidden, and tokens that are not hidden stay`` () =
    let hidden, positions, truth = hide 3
    Assert.DoesNotContain(positions, fun i -> vocabulary.Special.Contains ids[i])
    Assert.Equal<int>(positions |> Array.map (fun i -> ids[i]), truth)
    Assert.Equal<int>(Array.distinct positions |> Array.sort, positions)
    let isHidden = set positions
    Assert.True(Seq.forall (fun i -> isHidden.Contains i || hidden[i] = ids[i]) [ 0 .. ids.Length - 1 ])

[<Fact>]
let ``the same random numbers hide the same tokens`` () =
    let (first, at, _), (again, atAgain, _), (_, elsewhere, _) = hide 4, hide 4, hide 5
    Assert.Equal<int>(first, again)
    Assert.Equal<int>(at, atAgain)
    Assert.NotEqual<int>(at, elsewhere)

let private pretrain key epochs (watch: TrainState -> unit) texts =
    let encoder = LanguageModel.initialEncoder key TinyTask.lm
    let recipe = { TinyTask.recipe with Epochs = epochs }

    encoder,
    MaskedLanguageModel.pretrain
        (Golden.cpu Precision.Float32)
        TinyTask.lm
        TinyTask.masking
        0.15
        recipe
        key
        watch
        texts
        encoder

[<Fact>]
let ``pre-training lowers the loss, moves the encoder, and answers the encoder's weights alone`` () =
    let losses = Collections.Generic.List<float>()
    let encoder, trained = pretrain TinyTask.key 30.0 (fun state -> losses.Add state.Loss) TinyTask.texts
    Assert.Equal<string>(Seq.sort encoder.Keys, Seq.sort trained.Keys)
    Assert.False(TinyTask.areEqual encoder trained)
    let mean = Seq.average
    Assert.True(mean (Seq.take 20 losses) > 1.1 * mean (Seq.skip (losses.Count - 20) losses))

[<Fact>]
let ``a batch in which no token is hidden teaches nothing and stops nothing`` () =
    let losses = Collections.Generic.List<float>()
    // One ordinary token: it is hidden in 15 of 100 steps.
    pretrain TinyTask.key 20.0 (fun state -> losses.Add state.Loss) [| ReadOnlyMemory [| 2; 9; 3 |] |]
    |> ignore

    Assert.Equal(20, losses.Count)
    Assert.Contains(0.0, losses)
    Assert.Contains(losses, fun loss -> loss > 0.0)

[<Fact>]
let ``pre-training that was interrupted after any step, and kept in a file, ends with the same bits`` () =
    let encoder = LanguageModel.initialEncoder TinyTask.key TinyTask.lm
    let recipe = { TinyTask.recipe with Epochs = 3.0 }

    let from progress watch =
        MaskedLanguageModel.pretrainFrom
            progress
            (Golden.cpu Precision.BFloat16)
            TinyTask.lm
            TinyTask.masking
            0.15
            recipe
            TinyTask.key
            watch
            TinyTask.texts
            encoder

    let steps = Collections.Generic.List<int>()

    let whole =
        from None (fun _ state ->
            steps.Add state.Step
            true)

    use folder = new TemporaryFolder()
    let path = folder.File "progress.safetensors"

    for interrupted in [ 1; steps.Count / 2; steps.Count - 1 ] do
        from None (fun progress state ->
            if state.Step = interrupted then
                MlmCheckpoint.save path (progress ())

            state.Step < interrupted)
        |> ignore

        let rest = Collections.Generic.List<int>()

        let continued =
            from (Some(Result.orRaise (MlmCheckpoint.load path))) (fun _ state ->
                rest.Add state.Step
                true)

        Assert.Equal<int>([ interrupted + 1 .. steps.Count ], rest)
        Assert.True(TinyTask.areEqual whole continued)

[<Fact>]
let ``a damaged file of progress is refused by its name`` () =
    use folder = new TemporaryFolder()
    let path = folder.File "progress.safetensors"

    for content in [ ""; "no tensors"; "\002\000\000\000\000\000\000\000{}" ] do
        IO.File.WriteAllText(path, content)

        match MlmCheckpoint.load path with
        | Ok _ -> failwith "a damaged file was read"
        | Error error -> Assert.Contains("progress.safetensors", GlemError.message error)
