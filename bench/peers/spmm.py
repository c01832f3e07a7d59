"""Sparse times dense, forward and backward: PyTorch's formulations against Glem's kernel, in one process on one graph.

    python3 bench/peers/spmm.py [--library native/build/libglem_native.so] [--threads 2] [--edges 1000000] [--columns 64 128 256]

One JSON object a line, milliseconds (the best of several) for y = A x and its gradient to x, and for Glem which part of the
machine's memory bandwidth that is (bandwidth.py). All use the same symmetric-normalised weights; Glem is given the transpose, as
a GCN keeps it. index_add holds a row for each edge: leave it out of 10 million edges with `--peers coo csr`.
"""
import argparse
import json
import time
import warnings

import torch

from bandwidth import shares, stream


def traffic(edges, nodes, columns, size):
    """Bytes that forward and backward must move: (compulsory, gathered). Both passes read an index and a weight an edge and a
    row pointer a node, and store a row a node; and fetch rows once, or once an edge."""
    rest = edges * 8 + nodes * 4 + nodes * columns * size
    return 2 * (rest + nodes * columns * size), 2 * (rest + edges * columns * size)


def measure(name, x, multiply, options, clock):
    x = x.detach().requires_grad_()
    slope = torch.ones_like(x)
    best = float("inf")
    for _ in range(options.repeat + 1):
        x.grad = None
        start = clock()
        multiply(x).backward(slope)
        best = min(best, clock() - start)
    line = {"job": "spmm", "setting": name, "edges": options.edges, "columns": x.shape[1], "milliseconds": round(1e3 * best, 1)}
    return x.grad.float(), best, line


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--library")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--edges", type=int, default=1_000_000)
    parser.add_argument("--nodes", type=int, help="a tenth of the edges")
    parser.add_argument("--columns", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--peers", nargs="*", choices=["coo", "csr", "index_add"], default=["coo", "csr", "index_add"])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--cpu-time", action="store_true", help="count processor time: for a machine that others use")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    clock = time.process_time if options.cpu_time else time.perf_counter
    n = options.nodes or options.edges // 10
    index = torch.unique(torch.randint(0, n * n, (options.edges,)))
    index = torch.stack([index // n, index % n])
    options.edges = index.shape[1]
    degree = torch.bincount(index[0], minlength=n).clamp(min=1).float().rsqrt()
    weight = degree[index[0]] * degree[index[1]]
    coo = torch.sparse_coo_tensor(index, weight, (n, n)).coalesce()
    csr = coo.to_sparse_csr()
    peers = {
        "coo": lambda v: torch.sparse.mm(coo, v),
        "csr": lambda v: csr @ v,
        "index_add": lambda v: torch.zeros_like(v).index_add(0, index[0], v.index_select(0, index[1]) * weight[:, None]),
    }
    if options.library:
        torch.ops.load_library(options.library)

        def parts(matrix):
            sparse = matrix.to_sparse_csr()
            return sparse.crow_indices().int(), sparse.col_indices().int(), sparse.values()

        a, transpose = parts(coo), parts(coo.t().coalesce())
    bandwidth = stream(clock)
    print(json.dumps({"job": "stream", "setting": "triad", "gigabytesPerSecond": round(bandwidth / 1e9, 1)}), flush=True)
    for columns in options.columns:
        x, expected = torch.randn(n, columns), None
        for name in options.peers:
            try:
                expected, _, line = measure(f"torch {name}", x, peers[name], options, clock)
                print(json.dumps(line), flush=True)
            except RuntimeError as error:
                print(json.dumps({"job": "spmm", "setting": name, "refused": str(error).splitlines()[0]}), flush=True)
        for dtype, tolerance in ((torch.float32, 1e-4), (torch.bfloat16, 2e-2)) if options.library else ():
            multiply = lambda v: torch.ops.glem.spmm(*a, *transpose, v)
            found, seconds, line = measure(f"glem {str(dtype)[6:]}", x.to(dtype), multiply, options, clock)
            bytes_moved = traffic(options.edges, n, columns, x.to(dtype).element_size())
            print(json.dumps({**line, **shares(bytes_moved, seconds, bandwidth)}), flush=True)
            if expected is not None:
                assert torch.allclose(found, expected, rtol=tolerance, atol=tolerance)


if __name__ == "__main__":
    main()
