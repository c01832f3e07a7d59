module Glem.Neural.Tests.EncoderTests

open Glem
open TorchSharp
open Xunit

let plain = GoldenEncoder.folders (fun name -> not (name.Contains "_seqcls"))

let private load folder =
    let model = GoldenEncoder.folder folder |> PretrainedModel.load |> Result.orRaise
    Assert.Empty model.Tensors.Unexpected
    model.Encoder, model.Weights

/// The weights under training.
let private parameters precision encoder weights =
    let role, prefix = Encoder.role encoder, Encoder.prefix encoder
    Parameters.Create(Golden.cpu precision, (fun (name: string) -> role (name.Substring prefix.Length)), weights)

/// States of some texts, layer by layer and last, without filler.
let private states dtype encoder (p: Parameters) (texts: GoldenTexts) =
    let layers = ResizeArray<Tensor>()
    let pass = Pass(p, Encoder.prefix encoder, dtype, Evaluating, layers.Add)
    let last = Encoder.forward encoder pass texts.Batch
    List.ofSeq layers |> List.map (GoldenEncoder.withoutFiller texts), GoldenEncoder.withoutFiller texts last

let private agree what (texts: GoldenTexts) (golden: Tensor) actual =
    Golden.agree what 5e-5 1e-4 (GoldenEncoder.expected texts golden |> Golden.floats) (Golden.floats actual)

[<Theory; MemberData(nameof plain)>]
let ``every layer's states are Hugging Face's, without padding`` (folder: string) =
    use _ = torch.NewDisposeScope()
    let io = Golden.tensors $"encoders/%s{folder}/io.safetensors"
    let encoder, weights = load folder
    use p = parameters Precision.Float32 encoder weights
    let batch = GoldenEncoder.texts io
    let layers, last = states torch.ScalarType.Float32 encoder p batch
    Assert.Equal((Encoder.shape encoder).Layers + 1, layers.Length)

    layers
    |> List.iteri (fun i layer -> agree $"hidden_states.%d{i}" batch io[$"hidden_states.%d{i}"] layer)

    agree "last_hidden_state" batch io["last_hidden_state"] last

    // The same texts with their padding as text.
    let all =
        GoldenEncoder.pack
            io["input_ids"]
            (torch.ones_like io["attention_mask"])
            (GoldenEncoder.find io "token_type_ids")

    states torch.ScalarType.Float32 encoder p all
    |> snd
    |> agree "no_mask.last_hidden_state" all io["no_mask.last_hidden_state"]

    match GoldenEncoder.find io "midpad.input_ids" with
    | Some ids ->
        let midpad = GoldenEncoder.pack ids (torch.ones_like io["midpad.attention_mask"]) None

        states torch.ScalarType.Float32 encoder p midpad
        |> snd
        |> agree "midpad" midpad io["midpad.last_hidden_state"]
    | None -> ()

[<Theory; MemberData(nameof plain)>]
let ``every parameter gets Hugging Face's gradient`` (folder: string) =
    use _ = torch.NewDisposeScope()
    let io = Golden.tensors $"encoders/%s{folder}/io.safetensors"
    let encoder, weights = load folder
    use p = parameters Precision.Float32 encoder weights
    let batch = GoldenEncoder.texts io
    let _, last = states torch.ScalarType.Float32 encoder p batch
    // The golden loss is a mean that counts padded entries as zeros.
    let loss = last.square().sum() / float32 (int64 batch.CellCount * last.shape[1])
    Golden.agree "loss" 1e-5 0.0 (Golden.floats io["loss"]) (Golden.floats loss)
    loss.backward ()
    let prefix = Encoder.prefix encoder

    let golden =
        match SharedFiles.tryFile $"fixtures/encoders/%s{folder}/grads.safetensors" with
        | Some _ ->
            let golden = Golden.tensors $"encoders/%s{folder}/grads.safetensors"
            Assert.Equal<string seq>(Seq.sort p.Names, golden.Keys |> Seq.map (fun name -> prefix + name) |> Seq.sort)
            seq { for pair in golden -> pair.Key, pair.Value }
        | None -> seq {
            for pair in io do
                if pair.Key.StartsWith "grad." then
                    pair.Key.Substring 5, pair.Value
          }

    for name, gradient in golden do
        // A key bias moves all of a query's scores alike: its gradient is 0 but for rounding.
        Golden.agreeToLargest name 1e-4 1e-3 (Golden.floats gradient) (Golden.gradient p[prefix + name])

[<Theory; MemberData(nameof plain)>]
let ``in bfloat16 an encoder stays within bfloat16's rounding of Hugging Face's`` (folder: string) =
    use _ = torch.NewDisposeScope()
    let io = Golden.tensors $"encoders/%s{folder}/io.safetensors"
    let encoder, weights = load folder
    use p = parameters Precision.BFloat16 encoder weights
    let batch = GoldenEncoder.texts io
    let _, last = states torch.ScalarType.BFloat16 encoder p batch
    Assert.Equal(torch.ScalarType.BFloat16, last.dtype)
    let expected = GoldenEncoder.expected batch io["last_hidden_state"] |> Golden.floats

    let mean =
        Array.map2 (fun x y -> abs (float x - float y)) expected (Golden.floats last) |> Array.average
    // Eight bits of mantissa, through two to four layers whose states reach 3.7.
    Assert.InRange(mean, 0.0, 0.03)

[<Theory; MemberData(nameof plain)>]
let ``an encoder's config.json says the same after it was read and written`` (folder: string) =
    let encoder = GoldenEncoder.encoder folder
    let again = Encoder.ofJson "config.json" ((Encoder.toNode encoder).ToJsonString())
    Assert.Equal(Ok encoder, again)

[<Theory>]
[<InlineData("deberta")>]
[<InlineData("deberta_v3")>]
let ``the hub's way to write DeBERTa's attention terms means the same`` (folder: string) =
    Assert.Equal(GoldenEncoder.config folder "config.json", GoldenEncoder.config folder "config.hub_style.json")
