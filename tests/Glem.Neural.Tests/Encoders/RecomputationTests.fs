/// Gradient checkpointing: a pass that keeps the layers' results alone is the plain pass.
module Glem.Neural.Tests.RecomputationTests

open System
open System.IO
open System.Runtime.InteropServices
open Glem
open TorchSharp
open Xunit

let plain = GoldenEncoder.folders (fun name -> not (name.Contains "_seqcls"))

let private bits (tensor: Tensor) = Golden.floats tensor |> Array.map BitConverter.SingleToInt32Bits

/// What a loss of the last states leaves in the leaves: the states' bits, and each gradient's by name, None where there is none.
let private run encoder (weights: Weights) tuning precision mode recomputes (batch: PackedBatch) =
    use _ = torch.NewDisposeScope()
    let compute = Golden.cpu precision
    let prefix = Encoder.prefix encoder
    let whole = Encoder.role encoder
    let role = Tuning.role tuning encoder (fun (name: string) -> whole (name.Substring prefix.Length))
    use p = Parameters.Create(compute, role, Tuning.start TinyTask.key tuning encoder weights)
    let pass = Pass(p, prefix, compute.Dtype, mode, ignore, ?lora = tuning.Lora, recomputes = recomputes)
    let last = Encoder.forward encoder pass batch
    // Every state counts, and none as the next one does.
    let wide = last.``to`` torch.ScalarType.Float32
    let weight = torch.arange(wide.numel ()).reshape(wide.shape).``to``(torch.ScalarType.Float32).sin()
    pass.Backward((wide * weight).sum())

    bits last,
    [
        for name in p.Names ->
            name,
            match p[name].grad with
            | null -> None
            | gradient -> Some(bits gradient)
    ]

let private agrees encoder weights tuning batch =
    for precision in [ Precision.Float32; Precision.BFloat16 ] do
        for mode in [ Evaluating; Training 7L ] do
            let states, gradients = run encoder weights tuning precision mode false batch
            let again, recomputed = run encoder weights tuning precision mode true batch
            Assert.Equal<int>(states, again)
            Assert.Contains(gradients, fun (_, bits) -> bits.IsSome)

            for (name, expected), (_, actual) in List.zip gradients recomputed do
                Assert.True((expected = actual), $"%A{precision}, %A{mode}: another gradient of %s{name}")

let private golden folder =
    let model = GoldenEncoder.folder folder |> PretrainedModel.load |> Result.orRaise
    let io = Golden.tensors $"encoders/%s{folder}/io.safetensors"
    Encoder.withDropout 0.2 0.1 model.Encoder, model.Weights, (GoldenEncoder.texts io).Batch

[<Theory; MemberData(nameof plain)>]
let ``every parameter gets the gradient that it gets without, bit for bit, shared ones and dropout included`` folder =
    use _ = torch.NewDisposeScope()
    let encoder, weights, batch = golden folder
    agrees encoder weights Tuning.full batch

[<Fact>]
let ``so do adapters, and what is frozen gets none`` () =
    use _ = torch.NewDisposeScope()
    let encoder = TinyTask.lm.Encoder
    let weights = LanguageModel.initialEncoder TinyTask.key TinyTask.lm
    let batch = PackedBatch.ofSequences torch.CPU TinyTask.texts

    let adapters = {
        Rank = 2
        Alpha = 4.0
        Dropout = 0.1
        Targets = [ "query"; "output.dense" ]
    }

    for freeze in
        [
            Tuning.full.Freeze
            {
                Tuning.full.Freeze with
                    Embeddings = true
                    Layers = 1
            }
        ] do
        for lora in [ None; Some adapters ] do
            agrees encoder weights { Freeze = freeze; Lora = lora } batch

[<Fact>]
let ``a stage and the masking game end at the bits that they end at without`` () =
    let ends recomputes =
        let model = {
            TinyTask.lm with
                GradientCheckpointing = recomputes
        }

        let compute = Golden.cpu Precision.Float32
        let start = LanguageModel.initialEncoder TinyTask.key model

        let played =
            MaskedLanguageModel.pretrain
                compute
                model
                TinyTask.masking
                0.15
                TinyTask.recipe
                TinyTask.key
                ignore
                TinyTask.texts
                start

        let stage = TinyTask.stage TinyTask.key { TinyTask.recipe with Accumulate = 2 }

        let fit, _ =
            LanguageModel.withNewHead TinyTask.key model played
            |> LanguageModel.fit compute model stage TinyTask.texts

        played, fit.Weights

    let played, taught = ends false
    let playedAgain, taughtAgain = ends true
    Assert.True(TinyTask.areEqual played playedAgain)
    Assert.True(TinyTask.areEqual taught taughtAgain)

/// glibc: hands memory that is free back to the system.
[<DllImport "libc">]
extern int malloc_trim(unativeint pad)

/// Bytes of memory that the process held at most while it worked, beyond what it held before.
let private peak (work: unit -> unit) =
    malloc_trim 0un |> ignore

    let status (key: string) =
        let line = File.ReadLines "/proc/self/status" |> Seq.find _.StartsWith(key)
        1024L * Int64.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1])

    // Linux: the peak begins anew at what is resident now.
    File.WriteAllText("/proc/self/clear_refs", "5")
    let before = status "VmRSS:"
    work ()
    status "VmHWM:" - before

[<Fact>]
let ``twelve layers on long texts take a fraction of the memory`` () =
    let shape = {
        TinyTask.bert with
            Hidden = 64
            Intermediate = 256
            Layers = 12
            Positions = 512
    }

    let encoder = Encoder.Bert shape
    let weights = LanguageModel.initialEncoder TinyTask.key { TinyTask.lm with Encoder = encoder }
    let text = ReadOnlyMemory(Array.init 512 (fun i -> 5 + i % 30))

    let step recomputes () =
        use _ = torch.NewDisposeScope()
        let batch = PackedBatch.ofSequences torch.CPU (Array.create 8 text)
        run encoder weights Tuning.full Precision.Float32 (Training 1L) recomputes batch |> ignore

    // What the first pass of all sets up counts for neither.
    step true ()
    let kept = peak (step false)
    let recomputed = peak (step true)
    // 12 layers' tensors against one layer's and 12 results: 21 MB each of the first, 1 MB of the others.
    Assert.InRange(kept, 150_000_000L, 500_000_000L)
    Assert.InRange(float recomputed / float kept, 0.0, 0.5)
