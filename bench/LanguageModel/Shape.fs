namespace Glem.Bench

open System
open Glem

/// What is measured: an encoder of some size and the texts that it reads.
type Shape = {
    Name: string
    Layers: int
    Hidden: int
    Heads: int
    Intermediate: int
    Vocabulary: int
    /// Tokens of the longest text, and of every text where the peer pads to a fixed length.
    Longest: int
    /// Texts a step.
    Batch: int
    /// Steps of a measurement.
    Steps: int
    /// The same where the peer pads to a fixed length, which costs a multiple.
    PaddedSteps: int
}

module Shape =
    /// The quickstart's encoder, one of four layers (glem-mini's), and BERT-base.
    let all = [
        {
            Name = "quickstart"
            Layers = 2
            Hidden = 128
            Heads = 4
            Intermediate = 512
            Vocabulary = 8192
            Longest = 256
            Batch = 32
            Steps = 48
            PaddedSteps = 48
        }
        {
            Name = "small"
            Layers = 4
            Hidden = 256
            Heads = 4
            Intermediate = 1024
            Vocabulary = 16384
            Longest = 512
            Batch = 32
            Steps = 32
            PaddedSteps = 8
        }
        {
            Name = "base"
            Layers = 12
            Hidden = 768
            Heads = 12
            Intermediate = 3072
            Vocabulary = 30522
            Longest = 512
            Batch = 8
            Steps = 16
            PaddedSteps = 2
        }
    ]

    /// Tokens of each text: log-normal about 105, as dotnet-api's; cut at 256 their mean is about 120.
    let lengths shape =
        let random = Random 0

        let normal () = sqrt (-2.0 * log (1.0 - random.NextDouble())) * cos (2.0 * Math.PI * random.NextDouble())

        Array.init (shape.Batch * shape.Steps) (fun _ ->
            Math.Clamp(int (105.0 * exp (0.65 * normal ())), 8, shape.Longest))

    let texts shape : TokenisedTexts =
        let random = Random 1

        lengths shape
        |> Array.map (fun length -> ReadOnlyMemory(Array.init length (fun _ -> random.Next(5, shape.Vocabulary))))

    /// Multiplications and additions of the forward pass's products over texts of some lengths: two for each weight of the
    /// layers' six matrices and each token, and in each layer four for each pair of tokens of a text and each column (scores
    /// and context). Embeddings, norms, softmax and the head are not counted. A training step's are three times as many.
    let forwardFlops shape (lengths: int[]) =
        let d, i = float shape.Hidden, float shape.Intermediate
        let weights = 4.0 * d * d + 2.0 * d * i
        let tokens = lengths |> Array.sumBy float
        let pairs = lengths |> Array.sumBy (fun length -> float length * float length)
        float shape.Layers * (2.0 * weights * tokens + 4.0 * d * pairs)
