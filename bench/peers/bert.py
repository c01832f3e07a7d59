"""The peer of Glem's language model: a BERT in plain PyTorch, trained and run as a competent user would.

    python3 bench/peers/bert.py [--threads 2] [--layers 2] [--width 128] [--heads 4] [--intermediate 512]
        [--vocabulary 8192] [--longest 256] [--batch 32] [--steps 32] [--padded-steps 32] [--lengths FILE]

Settings measured, each in real (unpadded) tokens on the same texts, one JSON object a line, by the clock and by processor
time (which other users of the machine disturb less):
  padded    float32, every sequence padded to the longest length (the official recipe's collator)
  dynamic   float32, sequences sorted into buckets of similar length, padded to the batch's longest
  bf16      as dynamic, with bfloat16 autocast; the optimiser's foreach path
  bf16all   inference only: as dynamic, all weights converted to bfloat16 once
  fastpath  inference only: as dynamic, torch.nn.TransformerEncoder's fused path
The best user settings also need OPENBLAS_CORETYPE=SKYLAKEX on machines whose OpenBLAS does not know the processor; set it
in the environment and run again.
"""
import argparse
import json
import math
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

CLASSES, WARM_UP = 40, 2


class Layer(nn.Module):
    def __init__(self, shape):
        super().__init__()
        width = shape.width
        self.heads = shape.heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.output = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width, eps=1e-12)
        self.up, self.down = nn.Linear(width, shape.intermediate), nn.Linear(shape.intermediate, width)
        self.output_norm = nn.LayerNorm(width, eps=1e-12)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x, mask):
        b, t, d = x.shape
        q, k, v = (f(x).view(b, t, self.heads, -1).transpose(1, 2) for f in (self.query, self.key, self.value))
        scores = q @ k.transpose(-1, -2) / math.sqrt(d // self.heads) + mask
        context = self.dropout(scores.softmax(-1)) @ v
        context = context.transpose(1, 2).reshape(b, t, d)
        x = self.attention_norm(x + self.dropout(self.output(context)))
        return self.output_norm(x + self.dropout(self.down(F.gelu(self.up(x)))))


class Bert(nn.Module):
    def __init__(self, shape):
        super().__init__()
        width = shape.width
        self.word, self.position = nn.Embedding(shape.vocabulary, width), nn.Embedding(shape.longest, width)
        self.kind = nn.Embedding(2, width)
        self.norm, self.dropout = nn.LayerNorm(width, eps=1e-12), nn.Dropout(0.1)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.head = nn.Linear(width, CLASSES)

    def embed(self, ids):
        return self.dropout(self.norm(self.word(ids) + self.position.weight[: ids.shape[1]] + self.kind.weight[0]))

    def forward(self, ids, present):
        x = self.embed(ids)
        present = present.to(x.dtype)
        mask = (1.0 - present[:, None, None, :]) * torch.finfo(torch.bfloat16).min
        for layer in self.layers:
            x = layer(x, mask)
        mean = (x * present[:, :, None]).sum(1) / present.sum(1, keepdim=True)
        return self.head(self.dropout(mean))


class FastPath(Bert):
    def __init__(self, shape):
        super().__init__(shape)
        layer = nn.TransformerEncoderLayer(
            shape.width, shape.heads, shape.intermediate, 0.1, F.gelu, 1e-12, batch_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, shape.layers)

    def forward(self, ids, present):
        x = self.encoder(self.embed(ids), src_key_padding_mask=present == 0)
        x = F.pad(x, (0, 0, 0, ids.shape[1] - x.shape[1]))
        mean = (x * present[:, :, None]).sum(1) / present.sum(1, keepdim=True)
        return self.head(mean)


def lengths_like_dotnet(n, longest, seed=0):
    """Tokens a text: log-normal about 105, cut at the longest, as dotnet-api's; cut at 256 their mean is about 120."""
    return np.clip(np.random.RandomState(seed).lognormal(math.log(105), 0.65, n), 8, longest).astype(int)


def batches(lengths, shape, fixed):
    random = np.random.RandomState(1)
    size = shape.batch
    if fixed:
        parts = [lengths[i : i + size] for i in range(0, len(lengths), size)][: shape.padded_steps]
    else:
        # Buckets of eight batches: similar lengths together, the order of batches still random.
        chunks = [np.sort(lengths[i : i + 8 * size]) for i in range(0, len(lengths), 8 * size)]
        parts = [c[i : i + size] for c in chunks for i in range(0, len(c), size)]
        random.shuffle(parts)
    for part in parts:
        longest = shape.longest if fixed else int(part.max())
        present = (np.arange(longest)[None, :] < part[:, None]).astype(np.float32)
        ids = torch.from_numpy(random.randint(5, shape.vocabulary, (len(part), longest)) * present.astype(int))
        yield ids, torch.from_numpy(present), torch.from_numpy(random.randint(0, CLASSES, len(part))), int(part.sum())


def rate(name, job, data, step):
    for batch in data[:WARM_UP]:
        step(*batch[:3])
    tokens, wall, processor = 0, time.perf_counter(), time.process_time()
    for ids, present, labels, real in data:
        step(ids, present, labels)
        tokens += real
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    line = {
        "peer": "PyTorch " + torch.__version__,
        "job": job,
        "setting": name,
        "tokensPerSecond": tokens / wall,
        "tokensPerProcessorSecond": tokens / processor,
    }
    print(json.dumps(line), flush=True)


def main():
    parser = argparse.ArgumentParser()
    for name, default in (
        ("threads", 2),
        ("layers", 2),
        ("width", 128),
        ("heads", 4),
        ("intermediate", 512),
        ("vocabulary", 8192),
        ("longest", 256),
        ("batch", 32),
        ("steps", 32),
        ("padded-steps", 32),
    ):
        parser.add_argument("--" + name, type=int, default=default)
    parser.add_argument("--lengths", help="file of comma-separated text lengths, in place of --steps and our own")
    shape = parser.parse_args()
    torch.set_num_threads(shape.threads)
    if shape.lengths:
        with open(shape.lengths, encoding="utf-8") as file:
            lengths = np.array([int(length) for length in file.read().split(",")])
    else:
        lengths = lengths_like_dotnet(shape.steps * shape.batch, shape.longest)
    for name, fixed, half in (("padded", True, False), ("dynamic", False, False), ("bf16", False, True)):
        torch.manual_seed(0)
        model = Bert(shape)
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, foreach=half)
        data = list(batches(lengths, shape, fixed))

        def train(ids, present, labels):
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                loss = F.cross_entropy(model(ids, present).float(), labels)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()

        def infer(ids, present, labels):
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
                model(ids, present)

        rate(name, "train", data, train)
        model.eval()
        rate(name, "infer", data, infer)
    half = False
    model = model.to(torch.bfloat16)
    rate("bf16all", "infer", data, infer)
    model = FastPath(shape).eval()
    rate("fastpath", "infer", data, infer)


if __name__ == "__main__":
    main()
