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
    /// [b; 1; l] float32: 0 for a token, -1e30 for padding.
    Mask: Tensor
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

    /// A score that no softmax shows beside another. Finite: a row of padding whose scores are all hidden stays a number, and so
    /// do the gradients behind it.
    let private hidden = -1e30f

    /// Cuts a batch into rectangles. The caller's dispose scope owns the tensors.
    let layout (heads: int) (batch: PackedBatch) : PaddedBatch =
        let device = batch.Ids.device
        let length i = batch.Bounds[i + 1] - batch.Bounds[i]
        let cells = Array.zeroCreate<int64>(int batch.Ids.shape[0])
        let mutable used = 0

        let group (members: int[]) =
            let longest = members |> Array.map length |> Array.max
            let rows = Array.zeroCreate<int64>(members.Length * longest)
            let mask = Array.create rows.Length hidden

            members
            |> Array.iteri (fun i text ->
                for j in 0 .. length text - 1 do
                    let row, cell = batch.Bounds[text] + j, i * longest + j
                    rows[cell] <- int64 row
                    mask[cell] <- 0.0f
                    cells[row] <- int64 (used + cell))

            used <- used + rows.Length

            {
                Texts = members.Length
                Longest = longest
                Rows = torch.tensor(rows).``to`` device
                Mask = torch.tensor(mask).reshape([| int64 members.Length; 1L; int64 longest |]).``to`` device
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

    /// Softmax attention whose scores are (q k' + what `more` adds) / scale, in float32 : [t; d].
    ///   queries, keys, values : [t; d]   more : a group, its queries and keys [h; b; l; d / h] -> scores [h; b; l; l] or of
    ///   a shape that spreads to it
    let attend
        (pass: Pass)
        (heads: int)
        (rate: float)
        (scale: float)
        (batch: PaddedBatch)
        (more: PaddedTexts -> Tensor -> Tensor -> Tensor list)
        (queries: Tensor, keys: Tensor, values: Tensor)
        =
        let d = queries.shape[1]
        let h = int64 heads

        let group (texts: PaddedTexts) =
            let b, l = int64 texts.Texts, int64 texts.Longest

            let lay (x: Tensor) = x.index_select(0L, texts.Rows).reshape([| b; l; h; d / h |]).permute(2L, 0L, 1L, 3L) // [h; b; l; d / h]

            let q, k, v = lay queries, lay keys, lay values
            let wide (x: Tensor) = x.``to`` torch.ScalarType.Float32
            let scores = wide (q.matmul (k.transpose (2L, 3L))) // [h; b; l; l]
            let scores = more texts q k |> List.fold (fun (sum: Tensor) part -> sum + wide part) scores
            let probabilities = (scores * (1.0 / scale) + texts.Mask).softmax -1L
            let struct (rate, seed) = pass.Dropping rate

            let probabilities =
                if rate = 0.0 then
                    probabilities
                else
                    Ops.Dropout(probabilities.contiguous (), rate, seed)

            let context = (probabilities.``to`` v.dtype).matmul v // [h; b; l; d / h]
            context.permute(1L, 2L, 0L, 3L).reshape([| b * l; d |])

        let contexts = batch.Groups |> List.map group |> List.toArray
        (torch.cat (contexts, 0L)).index_select(0L, batch.Cells)
