namespace Glem

open System.Collections.Generic
open TorchSharp

/// What a weight is to its encoder, which says how it starts and how it is used.
type WeightKind =
    /// Rows that ids and positions look up. Starts normal, stays in float32.
    | Table
    /// Multiplies states, in the compute dtype. Starts normal.
    | Matrix
    /// Starts at 0.
    | Bias
    /// A norm's scale. Starts at 1.
    | Scale

/// One weight that an encoder must have, by Hugging Face's name without the family's prefix.
type WeightSpec = {
    Name: string
    Shape: int64 list
    Kind: WeightKind
}

module WeightSpec =
    let private spec kind name shape = {
        Name = name
        Shape = shape |> List.map int64
        Kind = kind
    }

    let table name rows d = spec Table $"%s{name}.weight" [ rows; d ]
    let matrix name (shape: int list) = spec Matrix $"%s{name}.weight" shape
    let vector name d = spec Bias name [ d ]
    let scale name d = spec Scale $"%s{name}.weight" [ d ]

    /// A product and its bias: weight [outputs; inputs], bias [outputs].
    let linear name outputs inputs = [ matrix name [ outputs; inputs ]; vector $"%s{name}.bias" outputs ]

    /// A norm's scale and shift: [d] each.
    let norm name d = [ scale name d; vector $"%s{name}.bias" d ]

    let elements (spec: WeightSpec) = List.fold (*) 1L spec.Shape

    let role (spec: WeightSpec) =
        match spec.Kind with
        | Matrix -> Multiplies
        | Table
        | Bias
        | Scale -> Trains

    /// Random weights: matrices and tables N(0, deviation), biases 0, norms 1 (Hugging Face's initialisation), drawn in
    /// the order of the list.
    let initial (deviation: float) (generator: torch.Generator) (specs: WeightSpec list) : Weights =
        use _ = torch.NewDisposeScope()
        let weights = Dictionary<string, Weight>()

        for spec in specs do
            let shape = List.toArray spec.Shape

            let start =
                match spec.Kind with
                | Table
                | Matrix -> torch.randn (shape, generator = generator) * deviation
                | Bias -> torch.zeros shape
                | Scale -> torch.ones shape

            weights.Add(spec.Name, Weight.ofTensor start)

        weights
