"""What does it save that the cells of a grid share stages? An alpha x beta grid over one store, and its cells run apart.

    ./glem doctor && python3 bench/sharing.py --rounds 2

The recipe is the quickstart's, unchanged but for its rounds, on a made-up data set that is small, so that fixed costs weigh more
than they usually do. Seed by seed, the grid's cells run in one process over one store, and then some of the same cells, drawn at
random, each in a process and with a fresh store of its own; what all of them would take apart is worked out from these. Counted is
processor time, one thread each, with everything: start, tokenizer, reading, writing, reports. A cell's predictions must be the same
bytes either way. About 10 minutes of one core with --rounds 2, 5 with --rounds 1.
"""

import argparse
import json
import os
import pathlib
import random
import resource
import statistics
import subprocess
import tempfile

root = pathlib.Path(__file__).resolve().parent.parent
program = root / "src/Glem.Experiments/bin/Release/net10.0/glem.dll"
alphas = ["0.2", "0.4", "0.6", "0.8"]
betas = ["0.05", "0.1", "0.2", "0.4"]

options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
options.add_argument("--rounds", type=int, default=2, help="EM rounds (the quickstart has 2)")
options.add_argument("--seeds", type=int, default=3)
options.add_argument("--apart", type=int, default=2, help="cells of each seed that also run apart, of 16")
options.add_argument("--nodes", type=int, default=150)
given = options.parse_args()

# Taken at random, and the same each time.
draw = random.Random(0)
grid_seconds, cell_seconds = [], []


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def glem(folder, *arguments):
    """Runs the program to its end; the processor time that it took."""
    before = processor_seconds()
    environment = dict(os.environ, OMP_NUM_THREADS="1", GLEM_CACHE=str(folder / "cache"))
    subprocess.run(
        ["dotnet", str(program), *arguments], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL
    )
    return processor_seconds() - before


def axis(name, field, values):
    return {"name": name, "levels": [{"label": value, "settings": [f"{field}={value}"]} for value in values]}


with tempfile.TemporaryDirectory(prefix="glem-sharing-") as name:
    folder = pathlib.Path(name)
    shape = ["--nodes", str(given.nodes), "--degree", "4", "--words", "25", "--label-rate", "0.6"]
    glem(folder, "data", "make", "synthetic", "--out", "texts", *shape)
    experiment = {
        "name": "sharing",
        "question": "What does sharing save?",
        "recipe": {"base": "quickstart", "dataset": "texts", "rounds": given.rounds},
        "axes": [axis("alpha", "eStep.pseudoWeight", alphas), axis("beta", "mStep.pseudoWeight", betas)],
        "seeds": [0],
    }
    (folder / "sharing.json").write_text(json.dumps(experiment))

    for seed in range(given.seeds):
        # Seeds that are there are not run again.
        grid_seconds.append(
            glem(folder, "grid", "sharing.json", "--seeds", str(seed + 1), "--out", "grid", "--store", "shared")
        )
        cells = draw.sample([(alpha, beta) for alpha in alphas for beta in betas], given.apart)

        for alpha, beta in cells:
            cell = f"seed{seed}-{alpha}-{beta}"
            settings = [f"rounds={given.rounds}", f"eStep.pseudoWeight={alpha}", f"mStep.pseudoWeight={beta}"]
            arguments = ["run", "--recipe", "quickstart", "--dataset", "texts", "--seed", str(seed)]

            for setting in settings:
                arguments += ["--set", setting]

            cell_seconds.append(glem(folder, *arguments, "--out", cell, "--store", f"store-{cell}"))
            shared = folder / "grid/cells" / f"glem,alpha={alpha},beta={beta}" / f"seed{seed}" / "predictions.csv"
            assert shared.read_bytes() == (folder / cell / "predictions.csv").read_bytes(), cell

        print(f"seed {seed}: 16 cells that share {grid_seconds[-1]:.1f} s, one apart {cell_seconds[-1]:.1f} s", flush=True)

count = len(alphas) * len(betas) * given.seeds
together, one = sum(grid_seconds), statistics.mean(cell_seconds)
spread = statistics.stdev(cell_seconds) if len(cell_seconds) > 1 else 0.0
print(
    f"{given.rounds} rounds, {count} runs: {together:.0f} s of processor time that share stages; apart "
    f"{count} x {one:.1f} s (+- {spread:.1f} s over {len(cell_seconds)} cells) = {count * one:.0f} s; "
    f"{100 * together / (count * one):.1f} %"
)
