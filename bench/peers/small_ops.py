"""PyTorch's side of bench/SmallOps: for each line read, runs that operation and prints nanoseconds per call."""
import sys
import time

import torch

torch.set_num_threads(1)
COUNT = 200_000
a, b, row = torch.ones(4), torch.ones(4), torch.ones(2, 2)


def add():
    for _ in range(COUNT):
        a.add(b)


def add_scalar():
    for _ in range(COUNT):
        a + 1.0


def exp():
    for _ in range(COUNT):
        a.exp()


def view():
    for _ in range(COUNT):
        row.view(4)


def matmul():
    for _ in range(COUNT):
        row.matmul(row)


def item():
    for _ in range(COUNT):
        one.item()


one = torch.ones(1)
operations = {f.__name__: f for f in (add, add_scalar, exp, view, matmul, item)}
with torch.no_grad():
    for line in sys.stdin:
        start = time.perf_counter_ns()
        operations[line.strip()]()
        print((time.perf_counter_ns() - start) / COUNT, flush=True)
