"""Graph attention, forward and backward: PyTorch's gather and index_add against Glem's kernels, in one process on one graph.

    python3 bench/peers/gat.py [--library native/build/libglem_native.so] [--threads 2] [--edges 1000000] [--model gat]

One JSON object a line, milliseconds (median) for attention scores, their softmax over each node's in-edges, the weighted
sum, and the gradients to the node features and the attention vectors. The linear layer, the same in both, is left out.
The PyTorch side is what PyG runs without extra packages: index_select, scatter_reduce for the softmax's maxima, index_add.
"""
import argparse
import json
import statistics
import time

import torch


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


def measure(name, options, x, att, layer):
    slope = torch.ones(x.shape)
    clock = time.process_time if options.cpu_time else time.perf_counter
    times = []
    for _ in range(options.repeat + 1):
        x.grad = att.grad = None
        start = clock()
        out = layer()
        out.backward(slope)
        times.append(1e3 * (clock() - start))
    print(json.dumps({"job": options.model, "setting": name, "milliseconds": round(statistics.median(times[1:]), 1)}), flush=True)
    return out.detach(), x.grad, att.grad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--library")
    parser.add_argument("--model", choices=["gat", "gatv2"], default="gat")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--edges", type=int, default=1_000_000)
    parser.add_argument("--nodes", type=int, default=100_000)
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--width", type=int, default=16, help="of a head")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--cpu-time", action="store_true", help="count processor time: for a machine that others use")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    n, e = options.nodes, options.edges
    # By target, as both sides want it.
    target, order = torch.randint(0, n, (e,)).sort(stable=True)
    source = torch.randint(0, n, (e,))[order]
    x = torch.randn(n, options.heads, options.width, requires_grad=True)
    att = torch.randn(2, 1, options.heads, options.width, requires_grad=True)
    peer = {"gat": peer_gat, "gatv2": peer_gatv2}[options.model]
    expected = measure("torch index_add", options, x, att, lambda: peer(x, att, source, target, n))
    if options.library:
        torch.ops.load_library(options.library)
        bounds = lambda ends: torch.cat([torch.zeros(1, dtype=torch.long), torch.bincount(ends, minlength=n).cumsum(0)])
        by_source = source.sort(stable=True).indices
        edges = [t.int() for t in (bounds(target), source, bounds(source), target[by_source], by_source)]
        layer = {"gat": glem_gat, "gatv2": glem_gatv2}[options.model]
        found = measure("glem", options, x, att, lambda: layer(x, att, edges, n))
        for a, b in zip(expected, found):
            # A gradient to the attention vectors is a sum over all edges.
            assert torch.allclose(a, b, rtol=1e-3, atol=1e-4 * float(a.abs().max())), float((a - b).abs().max())


if __name__ == "__main__":
    main()
