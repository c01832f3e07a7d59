"""Graph attention, forward and backward: PyTorch's gather and index_add against Glem's kernels, in one process on one graph.

    python3 bench/peers/gat.py [--library native/build/libglem_native.so] [--threads 2] [--edges 1000000] [--model gat]

One JSON object a line, milliseconds (the best of several) for attention scores, their softmax over each node's in-edges, the
weighted sum, and the gradients to the node features and the attention vectors; for Glem also which part of the machine's memory
bandwidth that is (bandwidth.py), in float32 and bfloat16. The linear layer, the same in both, is left out. `--edges 10000000
--no-peer` for a graph on which a row for each edge does not fit.
The PyTorch side is what PyG runs without extra packages: index_select, scatter_reduce for the softmax's maxima, index_add.
"""
import argparse
import json
import time

import torch

from bandwidth import shares, stream


def peer_softmax(scores, target, n):
    index = target[:, None].expand_as(scores)
    top = torch.full((n, scores.shape[1]), -torch.inf).scatter_reduce(0, index, scores.detach(), "amax")
    powers = (scores - top.index_select(0, target)).exp()
    total = torch.zeros(n, scores.shape[1]).index_add(0, target, powers)
    return powers / total.index_select(0, target)


def peer_sum(alpha, x, source, target, n):
    messages = x.index_select(0, source) * alpha[:, :, None]
    return torch.zeros(x.shape).index_add(0, target, messages)


def peer_gat(x, att, source, target, n):
    left, right = (x * att[0]).sum(-1), (x * att[1]).sum(-1)
    scores = torch.nn.functional.leaky_relu(left.index_select(0, source) + right.index_select(0, target), 0.2)
    return peer_sum(peer_softmax(scores, target, n), x, source, target, n)


def peer_gatv2(x, att, source, target, n):
    both = torch.nn.functional.leaky_relu(x.index_select(0, source) + x.index_select(0, target), 0.2)
    return peer_sum(peer_softmax((both * att[0]).sum(-1), target, n), x, source, target, n)


def glem_gat(x, att, edges, n):
    left, right = (x * att[0]).sum(-1), (x * att[1]).sum(-1)
    scores = torch.ops.glem.gat_scores(*edges, left, right, 0.2)
    return torch.ops.glem.edge_spmm(*edges, torch.ops.glem.edge_softmax(edges[0], scores), x.flatten(1)).view(x.shape)


def glem_gatv2(x, att, edges, n):
    flat = x.flatten(1)
    scores = torch.ops.glem.gatv2_scores(*edges, flat, flat, att[0].flatten(), x.shape[1], 0.2)
    return torch.ops.glem.edge_spmm(*edges, torch.ops.glem.edge_softmax(edges[0], scores), flat).view(x.shape)


def traffic(model, edges, nodes, heads, columns, size):
    """Bytes that forward and backward must move: (compulsory, gathered). Passes over gathered rows: the sum, its transpose
    and the dot products, and for gatv2 the scores and their two gradients; each fetches rows once, or once an edge, and all but the
    dot products and the scores store or read a row a node. Of numbers an edge and head, float32: the scores are written; the softmax
    reads and writes; each product reads or writes; the softmax's gradient reads two and writes; the scores' two read two each (gatv2's
    one). ATen's products of node rows with the attention vectors are timed and not counted."""
    gathers, rows, numbers = {"gat": (3, 3, 13), "gatv2": (6, 6, 11)}[model]
    rest = gathers * (edges * 4 + nodes * 4) + numbers * edges * heads * 4 + rows * nodes * columns * size
    return rest + gathers * nodes * columns * size, rest + gathers * edges * columns * size


def measure(name, options, x, att, layer):
    x, att = x.detach().requires_grad_(), att.detach().requires_grad_()
    slope = torch.ones_like(x)
    clock = time.process_time if options.cpu_time else time.perf_counter
    best = float("inf")
    for _ in range(options.repeat + 1):
        x.grad = att.grad = None
        start = clock()
        out = layer(x, att)
        out.backward(slope)
        best = min(best, clock() - start)
    line = {"job": options.model, "setting": name, "edges": options.edges, "columns": options.heads * options.width}
    return (out.detach(), x.grad, att.grad), best, {**line, "milliseconds": round(1e3 * best, 1)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--library")
    parser.add_argument("--model", choices=["gat", "gatv2"], default="gat")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--edges", type=int, default=1_000_000)
    parser.add_argument("--nodes", type=int, help="a tenth of the edges")
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--width", type=int, default=16, help="of a head")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--cpu-time", action="store_true", help="count processor time: for a machine that others use")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    n, e = options.nodes or options.edges // 10, options.edges
    # By target, as both sides want it.
    target, order = torch.randint(0, n, (e,)).sort(stable=True)
    source = torch.randint(0, n, (e,))[order]
    x = torch.randn(n, options.heads, options.width)
    att = torch.randn(2, 1, options.heads, options.width)
    expected = None
    if not options.no_peer:
        peer = {"gat": peer_gat, "gatv2": peer_gatv2}[options.model]
        expected, _, line = measure("torch index_add", options, x, att, lambda x, att: peer(x, att, source, target, n))
        print(json.dumps(line), flush=True)
    if options.library:
        torch.ops.load_library(options.library)
        bandwidth = stream(time.process_time if options.cpu_time else time.perf_counter)
        print(json.dumps({"job": "stream", "setting": "triad", "gigabytesPerSecond": round(bandwidth / 1e9, 1)}), flush=True)
        bounds = lambda ends: torch.cat([torch.zeros(1, dtype=torch.long), torch.bincount(ends, minlength=n).cumsum(0)])
        by_source = source.sort(stable=True).indices
        edges = [t.int() for t in (bounds(target), source, bounds(source), target[by_source], by_source)]
        layer = {"gat": glem_gat, "gatv2": glem_gatv2}[options.model]
        for dtype, tolerance in (torch.float32, 1e-4), (torch.bfloat16, 0.1):
            attend = lambda x, att: layer(x, att, edges, n)
            found, seconds, line = measure(f"glem {str(dtype)[6:]}", options, x.to(dtype), att.to(dtype), attend)
            moved = traffic(options.model, e, n, options.heads, options.heads * options.width, x.to(dtype).element_size())
            print(json.dumps({**line, **shares(moved, seconds, bandwidth)}), flush=True)
            for a, b in zip(expected or (), found):
                # A gradient to the attention vectors is a sum over all edges. In bfloat16 ATen rounds the scores' halves before
                # the kernels read them, so that this catches a wrong answer, not a lost digit.
                assert (a - b).abs().max() <= tolerance * a.abs().max(), float((a - b).abs().max() / a.abs().max())


if __name__ == "__main__":
    main()
