namespace Glem

/// Where a model puts a text's tokens: their ids and, where the text tracks it, which part of the original they cover.
[<Sealed>]
type internal TokenSink(tracks: bool) =
    let ids = ResizeArray<int>()
    let starts = ResizeArray<int>()
    let stops = ResizeArray<int>()
    let mutable text = CharBuffer false
    let mutable word = 0

    member _.Tracks = tracks
    member _.Count = ids.Count
    member _.Ids = ids
    member _.Starts = starts
    member _.Stops = stops

    /// The tokens to come are parts of the word of `source` that starts at `start`.
    member _.Enter(source: CharBuffer, start: int) =
        text <- source
        word <- start

    /// A token that covers [first, stop) of the word; what it covers must not be empty.
    member _.Add(id: int, first: int, stop: int) =
        ids.Add id

        if tracks then
            starts.Add(text.StartOf(word + first))
            stops.Add(text.StopOf(word + stop - 1))

    /// A token that covers [start, stop) of the original text.
    member _.AddOriginal(id: int, start: int, stop: int) =
        ids.Add id

        if tracks then
            starts.Add start
            stops.Add stop

    /// Leaves the first `count` tokens.
    member _.Truncate(count: int) =
        if ids.Count > count then
            ids.RemoveRange(count, ids.Count - count)

            if tracks then
                starts.RemoveRange(count, starts.Count - count)
                stops.RemoveRange(count, stops.Count - count)

    member this.Clear() = this.Truncate 0
