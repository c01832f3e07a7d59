module Glem.Neural.Tests.HostileFileTests

open System
open System.IO
open System.IO.Compression
open System.Text
open Glem
open Glem.Torch.Extensions
open TorchSharp
open Xunit

let private ascii (text: string) = Encoding.Latin1.GetBytes text

let private readPickle (bytes: byte[]) =
    try
        use input = new BinaryReader(new MemoryStream(bytes))
        Pickle.read "model.bin" input |> Ok
    with GlemException error ->
        Error(GlemError.message error)

let private refused (name: string) answer =
    match answer with
    | Ok _ -> Assert.Fail "read"
    | Error(message: string) ->
        Assert.Contains(name, message)
        Assert.DoesNotContain("\n", message)

[<Theory>]
[<InlineData("\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R.", "posix.system")>]
[<InlineData("\x80\x02c__builtin__\neval\nX\x01\x00\x00\x001\x85R.", "__builtin__.eval")>]
[<InlineData("\x80\x02ctorch\nTensor\n)\x81.", "torch.Tensor")>]
[<InlineData("\x80\x02(X\x04\x00\x00\x00trueios\nsystem\n.", "0x69")>]
[<InlineData("\x80\x02ccollections\nOrderedDict\n)\x81.", "0x81")>]
[<InlineData("\x80\x02ccollections\nOrderedDict\nK\x01\x85R.", "a call of the class collections.OrderedDict")>]
[<InlineData("\x80\x02ctorch\nFloatStorage\n)R.", "a call of the class torch.FloatStorage")>]
[<InlineData("\x80\x02X\x01\x00\x00\x00a)R.", "a call of 'a'")>]
[<InlineData("\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00N.", "protocol 4")>]
[<InlineData("\x80\x02X\x01\x00\x00\x00aQ.", "no storage")>]
[<InlineData("\x80\x02X\xff\xff\xff\x7f", "2147483647 bytes")>]
[<InlineData("\x80\x02X\xff\xff\xff\xff", "-1 bytes")>]
[<InlineData("\x80\x02t.", "mark")>]
[<InlineData("\x80\x02.", "more than it has")>]
[<InlineData("\x80\x02(.", "more than it has")>]
[<InlineData("\x80\x02h\x05.", "nowhere")>]
let ``a pickle that holds more than tensors is refused by what it holds`` (pickle: string, name: string) =
    ascii pickle |> readPickle |> refused name

let private number (value: int) = "J" + Encoding.Latin1.GetString(BitConverter.GetBytes value)
let private text (value: string) = "X" + Encoding.Latin1.GetString(BitConverter.GetBytes value.Length) + value
let private tuple (items: string list) = "(" + String.concat "" items + "t"
let private named owner name = $"c%s{owner}\n%s{name}\n"

/// Pickles a view of the storage of a key; the old format's keys have one field more.
let private view isLegacy (key: string) (count: int) (offset: int) (shape: int list) (strides: int list) =
    let storage =
        tuple [
            text "storage"
            named "torch" "FloatStorage"
            text key
            text "cpu"
            number count
            if isLegacy then
                "N"
        ]
        + "Q"

    let arguments = [
        storage
        number offset
        tuple (List.map number shape)
        tuple (List.map number strides)
        "\x89"
        named "collections" "OrderedDict" + ")R"
    ]

    named "torch._utils" "_rebuild_tensor_v2" + tuple arguments + "R"

let private dictionary (entries: (string * string) list) =
    "\x80\x02}(" + String.concat "" [ for key, value in entries -> text key + value ] + "u."

/// A pickle of one float tensor under the name "a".
let private tensorPickle count offset shape stride =
    dictionary [ "a", view false "0" count offset [ shape ] [ stride ] ] |> ascii

[<Fact>]
let ``a tensor is read where it lies within its storage`` () =
    match tensorPickle 6 1 3 2 |> readPickle with
    | Ok(Pickled.Dictionary entries) -> Assert.Single entries |> ignore
    | other -> Assert.Fail $"%A{other}"

[<Theory>]
[<InlineData(6, 1, 6, 1)>]
[<InlineData(6, 0, 4, 2)>]
[<InlineData(6, 0, 2147483647, 2147483647)>]
[<InlineData(6, 0, 7, 0)>]
let ``a tensor that reaches beyond its storage, or repeats it, is refused``
    (count: int, offset: int, shape: int, stride: int)
    =
    tensorPickle count offset shape stride |> readPickle |> refused "elements"

/// Writes a zip archive as pytorch_model.bin in the golden BERT's folder, and loads it.
let private loadZip level (entries: (string * byte[]) list) =
    use folder = ModelFolder.make ignore "bert/config.json" "unused"

    do
        use archive = ZipFile.Open(folder.File "pytorch_model.bin", ZipArchiveMode.Create)

        for name, bytes in entries do
            use stream = archive.CreateEntry(name, (level: CompressionLevel)).Open()
            stream.Write(bytes, 0, bytes.Length)

    ModelFolder.load folder |> Result.mapError GlemError.message

[<Fact>]
let ``what a zip archive swells to is refused before it is unpacked`` () =
    let bomb = Array.zeroCreate<byte> 100_000_000
    let before = GC.GetAllocatedBytesForCurrentThread()
    loadZip CompressionLevel.SmallestSize [ "m/data.pkl", bomb ] |> refused "compressed"
    Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0L, 20_000_000L)

[<Fact>]
let ``a zip archive whose entries are not what its pickle says is refused`` () =
    let stored = CompressionLevel.NoCompression
    let pickle = tensorPickle 6 0 6 1
    loadZip stored [ "m/data.pkl", pickle ] |> refused "m/data/0"
    loadZip stored [ "m/data.pkl", pickle; "m/data/0", Array.zeroCreate 20 ] |> refused "20 bytes"
    loadZip stored [ "m/data/0", Array.zeroCreate 24 ] |> refused "0 entries data.pkl"
    loadZip stored [ "m/data.pkl", pickle; "n/data.pkl", pickle ] |> refused "2 entries data.pkl"

    loadZip stored [
        "m/data.pkl", pickle
        "m/data/0", Array.zeroCreate 24
        "m/byteorder", ascii "big"
    ]
    |> refused "byte order"

    loadZip stored [ "m/data.pkl", pickle; "m/data/0", Array.zeroCreate 24 ] |> refused "missing"

/// Changes a few bytes, mostly among those that say how the rest is laid out: the first `head` and the last `tail`.
let private mutate (random: Random) head tail (bytes: byte[]) =
    let bytes = Array.copy bytes

    for _ in 0 .. random.Next 4 do
        let at =
            match random.Next 8 with
            | 0 -> random.Next bytes.Length
            | 1
            | 2 when tail > 0 -> bytes.Length - 1 - random.Next tail
            | _ -> random.Next head

        bytes[at] <-
            match random.Next 4 with
            | 0 -> byte (random.Next 256)
            | 1 -> bytes[at] ^^^ (1uy <<< random.Next 8)
            | 2 -> 0xffuy
            | _ -> bytes[random.Next bytes.Length]

    match random.Next 10 with
    | 0 -> Array.truncate (random.Next bytes.Length) bytes
    | 1 -> Array.append bytes (Array.zeroCreate (random.Next 100))
    | _ -> bytes

let private tiny =
    Encoder.Bert {
        TinyTask.bert with
            VocabularySize = 7
            Hidden = 4
            Heads = 2
            Layers = 1
            Intermediate = 4
            Positions = 4
    }

/// A whole BERT in three files, small enough to be read ten thousand times: what is written, and the bytes that say how the
/// rest is laid out, at the head and at the tail.
let private tinyFiles () =
    let specs = Encoder.specs tiny
    let strides (shape: int list) = List.scanBack (*) shape 1 |> List.tail

    let entries isLegacy = [
        for i, spec in List.indexed specs ->
            let shape = spec.Shape |> List.map int
            spec.Name, view isLegacy (string i) (int (WeightSpec.elements spec)) 0 shape (strides shape)
    ]

    let data spec = Array.zeroCreate<byte>(4 * int (WeightSpec.elements spec))
    let pickle = entries false |> dictionary |> ascii

    let zip =
        use bytes = new MemoryStream()

        do
            use archive = new ZipArchive(bytes, ZipArchiveMode.Create)

            let add (name: string) (content: byte[]) =
                use stream = archive.CreateEntry(name, CompressionLevel.NoCompression).Open()
                stream.Write(content, 0, content.Length)

            add "m/data.pkl" pickle
            specs |> List.iteri (fun i spec -> add $"m/data/%d{i}" (data spec))

        bytes.ToArray()

    let opening = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}."
    let keys = "\x80\x02](" + String.concat "" (specs |> List.mapi (fun i _ -> text (string i))) + "e."
    let legacyHead = opening + dictionary (entries true) + keys |> ascii

    let legacy = [|
        yield! legacyHead

        for spec in specs do
            yield! BitConverter.GetBytes(WeightSpec.elements spec)
            yield! data spec
    |]

    let safetensors =
        use folder = new TemporaryFolder()
        use generator = Generator.ofKey (Key.ofSeed 1)
        use _ = torch.NewDisposeScope()
        let weights = Encoder.initial tiny generator
        let tensors = Collections.Generic.Dictionary<string, Tensor>()

        for pair in weights do
            tensors.Add(pair.Key, Weight.toTensor pair.Value)

        Safetensors.Save(folder.File "w", tensors)
        File.ReadAllBytes(folder.File "w")

    [
        "model.safetensors", safetensors, 8 + int (BitConverter.ToInt64(safetensors, 0)), 0
        "pytorch_model.bin", zip, pickle.Length, 60 * (specs.Length + 1)
        "pytorch_model.bin", legacy, legacyHead.Length, 0
    ]

[<Theory>]
[<InlineData(0)>]
[<InlineData(1)>]
[<InlineData(2)>]
let ``a file of weights that was changed anywhere is read or refused in one line, within bounds of memory``
    (format: int)
    =
    let name, bytes, head, tail = (tinyFiles ())[format]
    use folder = new TemporaryFolder()
    File.WriteAllText(folder.File "config.json", (Encoder.toNode tiny).ToJsonString())
    File.WriteAllBytes(folder.File name, bytes)
    Assert.True(Result.isOk (ModelFolder.load folder))
    let random = Random 20260101
    let mutable refusals = 0

    for _ in 1..10_000 do
        File.WriteAllBytes(folder.File name, mutate random head tail bytes)
        let before = GC.GetAllocatedBytesForCurrentThread()

        match ModelFolder.load folder with
        | Ok _ -> ()
        | Error error ->
            refusals <- refusals + 1
            Assert.DoesNotContain("\n", GlemError.message error)

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0L, 20_000_000L)

    Assert.InRange(refusals, 5_000, 9_999)

[<Fact>]
let ``a config.json that was changed anywhere is read or refused in one line`` () =
    let bytes = File.ReadAllBytes(ModelFolder.golden "deberta_v2_conv/config.json")
    let random = Random 20260102

    for _ in 1..10_000 do
        match Encoder.ofJson "config.json" (Encoding.UTF8.GetString(mutate random bytes.Length 0 bytes)) with
        | Ok _ -> ()
        | Error error -> Assert.NotEmpty(GlemError.message error)
