using static TorchSharp.torch;

namespace Glem.Torch.Extensions;

/// <summary>
/// A graph's edges sorted by target, and its transpose, int32: what attention, sums and maxima over in-edges read. Entry
/// e of target i, RowPtr[i] up to RowPtr[i + 1], comes from node Col[e]; parallel edges are entries of their own. Owns
/// its tensors.
/// </summary>
/// <param name="RowPtr">[n + 1].</param>
/// <param name="Col">[e], sources.</param>
/// <param name="RowPtrT">[m + 1], of the transpose.</param>
/// <param name="ColT">[e], the transpose's columns: targets.</param>
/// <param name="Order">[e], where an entry of the transpose lies among Col.</param>
public sealed record EdgeIndex(Tensor RowPtr, Tensor Col, Tensor RowPtrT, Tensor ColT, Tensor Order) : IDisposable
{
    public void Dispose()
    {
        foreach (var tensor in new[] { RowPtr, Col, RowPtrT, ColT, Order })
            tensor.Dispose();
    }
}
