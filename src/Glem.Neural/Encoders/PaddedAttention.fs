namespace Glem

open TorchSharp
open Glem.Torch.Extensions

/// Texts of a packed batch laid out as a rectangle, for attention whose scores need one: those with relative positions,
/// which the packed kernel has not.
type PaddedTexts = {
    /// b
    Texts: int
    /// l, the longest text's tokens.
    Longest: int
    /// [b l] int64: the packed row of each cell; 0 for padding.
    Rows: Tensor
    /// [b] int64, tokens of each text.
    Lengths: Tensor
}

/// A packed batch as rectangles, few texts each, so that the squares of scores stay small.
type PaddedBatch = {
    Groups: PaddedTexts list
    /// [t] int64: the cell of each packed row, counted through all groups; 0 for the filler.
    Cells: Tensor
    /// The longest text of all.
    Longest: int
}

module PaddedAttention =
    /// Scores of a group at most; a longer text makes a group alone. 64 MB in float32.
    let private mostScores = 1L <<< 24

    /// Cuts a batch into rectangles. The caller's dispose scope owns the tensors.
    let layout (heads: int) (batch: PackedBatch) : PaddedBatch =
        let device = batch.Ids.device
        let length i = batch.Bounds[i + 1] - batch.Bounds[i]
        let cells = Array.zeroCreate<int64>(int batch.Ids.shape[0])
        let mutable used = 0

        let group (members: int[]) =
            let longest = members |> Array.map length |> Array.max
            let rows = Array.zeroCreate<int64>(members.Length * longest)

            members
            |> Array.iteri (fun i text ->
                for j in 0 .. length text - 1 do
                    let row, cell = batch.Bounds[text] + j, i * longest + j
                    rows[cell] <- int64 row
                    cells[row] <- int64 (used + cell))

            used <- used + rows.Length

            {
                Texts = members.Length
                Longest = longest
                Rows = torch.tensor(rows).``to`` device
                Lengths = torch.tensor(members |> Array.map (length >> int64)).``to`` device
            }

        // Texts of like length together, the longest first: what a rectangle pads costs its square.
        let groups = ResizeArray<PaddedTexts>()
        let members = ResizeArray<int>()

        for text in Array.init batch.TextCount id |> Array.sortBy (fun text -> struct (-length text, text)) do
            if members.Count > 0 then
                let longest = length members[0]
                let scores = int64 heads * int64 (members.Count + 1) * int64 longest * int64 longest

                if scores > mostScores || 4 * length text < 3 * longest then
                    groups.Add(group (members.ToArray()))
                    members.Clear()

            members.Add text

        groups.Add(group (members.ToArray()))

        {
            Groups = List.ofSeq groups
            Cells = torch.tensor(cells).``to`` device
            Longest = groups |> Seq.map _.Longest |> Seq.max
        }

    /// Softmax attention whose scores are (q k' + what `positions` adds) / scale : [t; d].
    ///   queries, keys, values : [t; d]   positions : queries and keys of a group [h; b; l; d / h] -> their products with
    ///   relative positions, [h; b; l; 2l] each, where they have any (Ops.RelativeSoftmax)
    let attend
        (pass: Pass)
        (heads: int)
        (rate: float)
        (scale: float)
        (batch: PaddedBatch)
        (positions: Tensor -> Tensor -> Tensor option * Tensor option)
        (queries: Tensor, keys: Tensor, values: Tensor)
        =
        let d = queries.shape[1]
        let h = int64 heads

        let group (texts: PaddedTexts) =
            let b, l = int64 texts.Texts, int64 texts.Longest

            let lay (x: Tensor) = x.index_select(0L, texts.Rows).reshape([| b; l; h; d / h |]).permute(2L, 0L, 1L, 3L) // [h; b; l; d / h]

            let q, k, v = lay queries, lay keys, lay values
            let scores = q.matmul (k.transpose (2L, 3L)) // [h; b; l; l]
            let toPositions, fromPositions = positions q k
            let struct (rate, seed) = pass.Dropping rate

            let probabilities =
                Ops.RelativeSoftmax(
                    scores,
                    Option.toObj toPositions,
                    Option.toObj fromPositions,
                    texts.Lengths,
                    scale,
                    rate,
                    seed
                )

            let context = probabilities.matmul v // [h; b; l; d / h]
            context.permute(1L, 2L, 0L, 3L).reshape([| b * l; d |])

        let contexts = batch.Groups |> List.map group |> List.toArray
        (torch.cat (contexts, 0L)).index_select(0L, batch.Cells)
