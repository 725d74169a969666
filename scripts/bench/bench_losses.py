"""Times each loss and its gradient on one 3D patch, beside persistence and, for scale, MONAI's Dice with cross entropy.

Prints a table of median times and their ratios to one persistence computation; all losses run in turns:

    python scripts/bench_losses.py
    python scripts/bench_losses.py --losses TopoLoss BettiMatchingLoss --size 96 --rounds 3
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from bench_matching import THREADS, Run, maps_and_labels, persistence_of_batch, timed, use_cores

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "TotalPersistenceLoss": [{}],
    "BettiPriorLoss": [{"priors": [{"classes": [0], "betti_numbers": [1, 0, 0]}]}],
    "LoopLossH1": [{}],
    "TopoLoss": [{}, {"patch_size": 32}],
    "DiagramDistanceLoss": [{}],
    "BettiMatchingLoss": [{}, {"threshold": 0.8}],
    "SkeletonRecallLoss": [{}, {"skeletonize": False}],
    "SoftclDiceLoss": [{}],
}


def train_steps(names: list[str], size: int) -> dict[str, Run]:
    """By title, the loss of a vessel map and its gradient."""
    from monai.losses import DiceCELoss

    from segtopo import losses

    maps, labels = (torch.from_numpy(images)[:, None] for images in maps_and_labels((size,) * 3, 1))
    prediction = maps.requires_grad_()

    def step(loss: torch.nn.Module) -> tuple[torch.Tensor, ...]:
        return torch.autograd.grad(loss(prediction, labels), prediction)

    steps: dict[str, Run] = {"DiceCELoss (MONAI)": partial(step, DiceCELoss())}
    for name in names:
        for options in OPTIONS[name]:
            shown = ", ".join(f"{key}={value}" for key, value in options.items() if key != "priors")
            steps[f"{name}({shown})"] = partial(step, getattr(losses, name)(**options))
    return steps


def bench(runs: dict[str, Run], rounds: int) -> dict[str, float]:
    """Median seconds of each, in turns, after one run of each that does not count."""
    seconds: dict[str, list[float]] = {title: [] for title in runs}
    for turn in range(rounds + 1):
        for title, run in runs.items():
            measured = timed(run)
            if turn > 0:
                seconds[title].append(measured)
    return {title: median(values) for title, values in seconds.items()}


def print_table(seconds: dict[str, float], reference: float) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("loss and gradient")
    table.add_column("seconds", justify="right")
    table.add_column("x persistence", justify="right")
    for title, measured in seconds.items():
        table.add_row(title, f"{measured:.4f}", f"{measured / reference:.2f}")
    Console(width=100).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--losses", nargs="+", choices=OPTIONS, default=list(OPTIONS))
    parser.add_argument("--size", type=int, default=128, help="edge of the patch in voxels")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("runs/bench"), help="folder for losses.json")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    use_cores(THREADS)
    maps, _ = maps_and_labels((arguments.size,) * 3, 1)
    persistence = "persistence"
    runs = {persistence: persistence_of_batch(maps), **train_steps(arguments.losses, arguments.size)}
    seconds = bench(runs, arguments.rounds)
    print_table(seconds, seconds[persistence])
    (arguments.out / "losses.json").write_text(json.dumps(seconds, indent=1))


if __name__ == "__main__":
    main()
