namespace Glem

open System
open TorchSharp

/// Tokenised texts end to end, without padding between them.
///   Ids, Positions : [t] int64, positions from 0 in each text   Offsets : [b+1 or b+2] int32, text i is
///   Ids[Offsets[i] .. Offsets[i+1]-1]   Bounds : the same numbers outside of tensors
/// Filler tokens behind the last text, a sequence of their own, round t up.
type PackedBatch = {
    Ids: Tensor
    Positions: Tensor
    /// [t] int64: which text of a pair a token is from; None where all are single texts.
    Segments: Tensor option
    Offsets: Tensor
    Bounds: int[]
    /// b, without the filler.
    TextCount: int
}

module PackedBatch =
    /// t is a multiple of this: matrix products are compiled for their shape on first use, so shapes should recur.
    let private granule = 64

    /// Packs the token sequences of some texts. The caller's dispose scope owns the tensors.
    let ofSequences (device: torch.Device) (sequences: ReadOnlyMemory<int>[]) =
        let ends = sequences |> Array.scan (fun at sequence -> at + sequence.Length) 0
        let count = Array.last ends
        let size = (count + granule - 1) / granule * granule
        let ids = Array.zeroCreate<int64> size
        let positions = Array.zeroCreate<int64> size

        for i in 0 .. sequences.Length - 1 do
            let sequence = sequences[i].Span

            for j in 0 .. sequence.Length - 1 do
                ids[ends[i] + j] <- int64 sequence[j]
                positions[ends[i] + j] <- int64 j

        let bounds = if size = count then ends else Array.append ends [| size |]

        {
            Ids = torch.tensor(ids).``to`` device
            Positions = torch.tensor(positions).``to`` device
            Segments = None
            Offsets = torch.tensor(bounds).``to`` device
            Bounds = bounds
            TextCount = sequences.Length
        }
