"""Sparse times dense, forward and backward: torch.sparse's best against Glem's kernel, in one process on one graph.

    python3 bench/peers/spmm.py [--library native/build/libglem_native.so] [--threads 2] [--edges 1000000]

One JSON object a line, milliseconds (median) for y = A x and its gradient to x. Both use the same symmetric-normalised
weights; Glem is given the transpose, as a GCN keeps it.
"""
import argparse
import json
import statistics
import time
import warnings

import torch


def measure(name, x, multiply, repeat, clock):
    slope = torch.ones(1).expand(x.shape).contiguous()
    times = []
    for _ in range(repeat + 1):
        x.grad = None
        start = clock()
        multiply(x).backward(slope)
        times.append(1e3 * (clock() - start))
    print(json.dumps({"job": "spmm", "setting": name, "milliseconds": round(statistics.median(times[1:]), 1)}), flush=True)
    return x.grad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--library")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--edges", type=int, default=1_000_000)
    parser.add_argument("--nodes", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=128)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--cpu-time", action="store_true", help="count processor time: for a machine that others use")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    clock = time.process_time if options.cpu_time else time.perf_counter
    n = options.nodes
    index = torch.unique(torch.randint(0, n, (2, options.edges)), dim=1)
    degree = torch.bincount(index[0], minlength=n).clamp(min=1).float().rsqrt()
    weight = degree[index[0]] * degree[index[1]]
    coo = torch.sparse_coo_tensor(index, weight, (n, n)).coalesce()
    csr = coo.to_sparse_csr()
    x = torch.randn(n, options.columns, requires_grad=True)
    expected = measure("torch COO", x, lambda v: torch.sparse.mm(coo, v), options.repeat, clock)
    try:
        measure("torch CSR", x, lambda v: csr @ v, options.repeat, clock)
    except RuntimeError as error:
        print(json.dumps({"job": "spmm", "setting": "torch CSR", "refused": str(error).splitlines()[0]}))
    if options.library:
        torch.ops.load_library(options.library)

        def parts(matrix):
            sparse = matrix.to_sparse_csr()
            return sparse.crow_indices().int(), sparse.col_indices().int(), sparse.values()

        a, transpose = parts(coo), parts(coo.t().coalesce())
        found = measure("glem", x, lambda v: torch.ops.glem.spmm(*a, *transpose, v), options.repeat, clock)
        assert torch.allclose(found, expected, rtol=1e-4, atol=1e-4)


if __name__ == "__main__":
    main()
