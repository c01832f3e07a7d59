namespace Glem

open TorchSharp

/// One tensor of a weights file, not read yet.
type StoredTensor = {
    Name: string
    Shape: int64[]
    Type: torch.ScalarType
    /// Its elements, row-major, widened to float32. Raises InvalidDataException for elements that are no floats, and
    /// IOException.
    Read: unit -> float32[]
}
