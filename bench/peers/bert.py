"""The peer of Glem's language model: a small BERT in plain PyTorch, trained and run as the official recipe would.

    python3 bench/peers/bert.py [--threads 2] [--steps 32] [--lengths FILE] [--vocabulary 8192]

Settings measured, each in real (unpadded) tokens per second on the same batches, one JSON object a line:
  padded    float32, every sequence padded to the maximum of 256 tokens (the official recipe's collator)
  dynamic   float32, sequences sorted into buckets of similar length, padded to the batch's longest
  bf16      as dynamic, with bfloat16 autocast; the optimiser's foreach path
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

WIDTH, HEADS, INTERMEDIATE, LAYERS, CLASSES, LONGEST, BATCH = 128, 4, 512, 2, 40, 256, 32


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.output = nn.Linear(WIDTH, WIDTH)
        self.attention_norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.up, self.down = nn.Linear(WIDTH, INTERMEDIATE), nn.Linear(INTERMEDIATE, WIDTH)
        self.output_norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x, mask):
        b, t, _ = x.shape
        q, k, v = (f(x).view(b, t, HEADS, -1).transpose(1, 2) for f in (self.query, self.key, self.value))
        scores = q @ k.transpose(-1, -2) / math.sqrt(WIDTH // HEADS) + mask
        context = self.dropout(scores.softmax(-1)) @ v
        context = context.transpose(1, 2).reshape(b, t, WIDTH)
        x = self.attention_norm(x + self.dropout(self.output(context)))
        return self.output_norm(x + self.dropout(self.down(F.gelu(self.up(x)))))


class Bert(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.word, self.position = nn.Embedding(vocabulary, WIDTH), nn.Embedding(LONGEST, WIDTH)
        self.kind = nn.Embedding(2, WIDTH)
        self.norm, self.dropout = nn.LayerNorm(WIDTH, eps=1e-12), nn.Dropout(0.1)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.head = nn.Linear(WIDTH, CLASSES)

    def embed(self, ids):
        return self.dropout(self.norm(self.word(ids) + self.position.weight[: ids.shape[1]] + self.kind.weight[0]))

    def forward(self, ids, present):
        x = self.embed(ids)
        mask = (1.0 - present[:, None, None, :]) * torch.finfo(torch.bfloat16).min
        for layer in self.layers:
            x = layer(x, mask)
        mean = (x * present[:, :, None]).sum(1) / present.sum(1, keepdim=True)
        return self.head(self.dropout(mean))


class FastPath(Bert):
    def __init__(self, vocabulary):
        super().__init__(vocabulary)
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, INTERMEDIATE, 0.1, F.gelu, 1e-12, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, LAYERS)

    def forward(self, ids, present):
        x = self.encoder(self.embed(ids), src_key_padding_mask=present == 0)
        x = F.pad(x, (0, 0, 0, ids.shape[1] - x.shape[1]))
        mean = (x * present[:, :, None]).sum(1) / present.sum(1, keepdim=True)
        return self.head(mean)


def lengths_like_dotnet(n, seed=0):
    """Tokens a text: log-normal about 105, cut at 256, as dotnet-api's; its mean is about 120."""
    return np.clip(np.random.RandomState(seed).lognormal(math.log(105), 0.65, n), 8, LONGEST).astype(int)


def batches(lengths, fixed, vocabulary, sort):
    random = np.random.RandomState(1)
    if sort:
        # Buckets of eight batches: similar lengths together, the order of batches still random.
        chunks = [np.sort(lengths[i : i + 8 * BATCH]) for i in range(0, len(lengths), 8 * BATCH)]
        parts = [c[i : i + BATCH] for c in chunks for i in range(0, len(c), BATCH)]
        random.shuffle(parts)
    else:
        parts = [lengths[i : i + BATCH] for i in range(0, len(lengths), BATCH)]
    for part in parts:
        longest = LONGEST if fixed else int(part.max())
        present = (np.arange(longest)[None, :] < part[:, None]).astype(np.float32)
        ids = torch.from_numpy(random.randint(5, vocabulary, (BATCH, longest)) * present.astype(int))
        yield ids, torch.from_numpy(present), torch.from_numpy(random.randint(0, CLASSES, BATCH)), int(part.sum())


def rate(name, job, data, step, clock):
    for batch in data[:4]:
        step(*batch[:3])
    tokens, seconds = 0, []
    for ids, present, labels, real in data:
        start = clock()
        step(ids, present, labels)
        seconds.append(clock() - start)
        tokens += real
    line = {"peer": "PyTorch " + torch.__version__, "job": job, "setting": name, "tokensPerSecond": round(tokens / sum(seconds)),
            "millisecondsPerStep": round(1e3 * sum(seconds) / len(seconds), 2)}
    print(json.dumps(line), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--vocabulary", type=int, default=8192)
    parser.add_argument("--lengths", help="file of comma-separated text lengths, in place of --steps and our own")
    parser.add_argument("--cpu-time", action="store_true", help="count processor time: for a machine that others use")
    options = parser.parse_args()
    clock = time.process_time if options.cpu_time else time.perf_counter
    torch.set_num_threads(options.threads)
    if options.lengths:
        with open(options.lengths, encoding="utf-8") as file:
            lengths = np.array([int(length) for length in file.read().split(",")])
    else:
        lengths = lengths_like_dotnet(options.steps * BATCH)
    for name, fixed, half in (("padded", True, False), ("dynamic", False, False), ("bf16", False, True)):
        torch.manual_seed(0)
        model = Bert(options.vocabulary)
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, foreach=name == "bf16")
        data = list(batches(lengths, fixed, options.vocabulary, not fixed))

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

        rate(name, "train", data, train, clock)
        model.eval()
        rate(name, "infer", data, infer, clock)
    model = FastPath(options.vocabulary).eval()
    half = False
    rate("fastpath", "infer", data, infer, clock)


if __name__ == "__main__":
    main()
