"""This machine's memory bandwidth, to judge the kernels of spmm.py and gat.py by."""
import torch


def stream(clock, repeat=5, elements=64_000_000):
    """Bytes a second of a[i] = b[i] + 3 c[i] (STREAM's triad) over arrays of 256 MB, by as many threads as the kernels use: the
    best of several runs, by the clock that times the kernels, so that a second of processor time is one thread's.

    Counted are 12 bytes an element; that a store may fetch its line first is not, as in STREAM.
    """
    b, c = torch.ones(elements), torch.ones(elements)
    a = torch.empty(elements)
    best = float("inf")
    for _ in range(repeat + 1):
        start = clock()
        torch.add(b, c, alpha=3, out=a)
        best = min(best, clock() - start)
    return 12 * elements / best


def shares(traffic, seconds, bandwidth):
    """Both rates as shares of the bandwidth, for traffic = (compulsory, gathered) bytes. Compulsory: each row of features is
    fetched once. Gathered: once for each edge, as if nothing stayed in the caches; it may pass 1 where rows do stay there."""
    return {name: round(b / seconds / bandwidth, 2) for name, b in zip(("compulsory", "gathered"), traffic)}
