namespace Glem

/// The buffers that encoding one text after another reuses; one a thread.
[<Sealed>]
type internal Workspace(tracks: bool) =
    let mutable normalized = CharBuffer tracks
    let mutable spare = CharBuffer tracks

    member val Raw = CharBuffer tracks
    member val Words = Words tracks
    member val Sink = TokenSink tracks
    member val Scratch = ModelScratch()

    /// Normalises [first, first + length) of the raw text; good until the next call.
    member this.Normalize(normalizers: Normalizer list, first: int, length: int) =
        normalized.Clear()
        normalized.Copy(this.Raw, first, length)

        for normalizer in normalizers do
            spare.Clear()
            Normalizer.append normalizer normalized spare
            let before = normalized
            normalized <- spare
            spare <- before

        normalized
