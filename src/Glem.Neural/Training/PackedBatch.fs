namespace Glem

open System
open TorchSharp

/// Tokenised texts end to end, without padding.
///   Ids, Positions : [t] int64, positions from 0 in each text   Offsets : [b+1] int32, text i is Ids[Offsets[i] .. Offsets[i+1]-1]
type PackedBatch =
    { Ids: Tensor
      Positions: Tensor
      Offsets: Tensor
      TextCount: int }

module PackedBatch =
    /// Packs the token sequences of some rows. The caller's dispose scope owns the tensors.
    let ofSequences (device: torch.Device) (sequences: ReadOnlyMemory<int>[]) =
        let offsets = Array.zeroCreate<int> (sequences.Length + 1)

        for i in 0 .. sequences.Length - 1 do
            offsets[i + 1] <- offsets[i] + sequences[i].Length

        let ids = Array.zeroCreate<int64> offsets[sequences.Length]
        let positions = Array.zeroCreate<int64> ids.Length

        for i in 0 .. sequences.Length - 1 do
            let sequence = sequences[i].Span

            for j in 0 .. sequence.Length - 1 do
                ids[offsets[i] + j] <- int64 sequence[j]
                positions[offsets[i] + j] <- int64 j

        { Ids = torch.tensor(ids).``to`` device
          Positions = torch.tensor(positions).``to`` device
          Offsets = torch.tensor(offsets).``to`` device
          TextCount = sequences.Length }
