namespace Glem

/// The order in which an epoch visits its rows.
module Batches =
    /// Batches that share their texts out by length. At least two windows an epoch: in a single one every epoch's batches
    /// would hold the same rows.
    let private window (batches: int) = batches / 2 |> max 1 |> min 50

    /// A random order cut into batches, each row once. Within a window of batches rows are sorted by length, so that a
    /// batch's texts are of like length: what is padded (CUDA) pads little, and threads share attention evenly.
    ///   lengths : tokens of each row   rows : those to visit   result : row indices, batch by batch
    let shuffled (key: Key) (batch: int) (lengths: int[]) (rows: int[]) : int[][] =
        let bucket (rows: int[]) =
            rows |> Array.sortBy (fun row -> struct (lengths[row], row)) |> Array.chunkBySize batch

        let batches = (rows.Length + batch - 1) / batch

        rows
        |> Key.shuffle (Key.named "rows" key)
        |> Array.chunkBySize (window batches * batch)
        |> Array.collect bucket
        |> Key.shuffle (Key.named "batches" key)

    /// The rows of every optimiser step: step 0 opens epoch 0, and each epoch has an order of its own. A batch size of 0
    /// takes all of an epoch's rows. Remembers one epoch at a time.
    ///   lengths : tokens of each row   rows : those to visit in an epoch, equally many in each
    let schedule (key: Key) (batch: int) (lengths: int[]) (rows: int -> int[]) : int -> int[] =
        let count = (rows 0).Length
        let batch = if batch = 0 then count else min batch count
        let perEpoch = (count + batch - 1) / batch
        let mutable current = struct (-1, [||])

        fun step ->
            let epoch = step / perEpoch
            let struct (known, _) = current

            if known <> epoch then
                current <-
                    struct (epoch, shuffled (key |> Key.named "epoch" |> Key.at epoch) batch lengths (rows epoch))

            let struct (_, batches) = current
            batches[step % perEpoch]

    /// The rows of every optimiser step where lengths do not matter: an epoch's rows in a random order of its own, cut into
    /// batches of at most `batch` whose sizes differ by 1 at most. A batch size of 0 takes an epoch's rows as they come.
    /// Remembers one epoch at a time.
    ///   rows : those to visit in an epoch, equally many in each
    let even (key: Key) (batch: int) (rows: int -> int[]) : int -> int[] =
        let count = (rows 0).Length

        if batch = 0 then
            rows
        else
            let perEpoch = (count + batch - 1) / batch
            let mutable current = struct (-1, [||])

            fun step ->
                let epoch = step / perEpoch
                let struct (known, _) = current

                if known <> epoch then
                    let order = rows epoch |> Key.shuffle (key |> Key.named "epoch" |> Key.at epoch)
                    current <- struct (epoch, Array.splitInto perEpoch order)

                let struct (_, batches) = current
                batches[step % perEpoch]

    /// Rows by falling length, for inference: the largest batch comes first, so memory peaks at once.
    let byLength (batch: int) (lengths: int[]) : int[][] =
        Array.init lengths.Length id
        |> Array.sortBy (fun row -> struct (-lengths[row], row))
        |> Array.chunkBySize batch
