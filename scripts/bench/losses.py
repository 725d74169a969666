"""Times each loss and its gradient on one 3D patch, persistence of the patch, and MONAI's Dice with cross entropy.

Prints a table of median times and their ratios to persistence. All losses run in turns.

    python scripts/bench/losses.py
    python scripts/bench/losses.py --losses TopoLoss BettiMatchingLoss --size 96 --rounds 3
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from inputs import Image, maps_and_labels
from monai.losses import DiceCELoss
from timing import Run, argument_parser, compare_times, print_table, use_cores, write_json

from segtopo import losses
from segtopo.persistence.barcodes import cubical_barcodes

THREADS = 2
PERSISTENCE = "persistence"
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


def train_steps(names: list[str], maps: Image, labels: Image) -> dict[str, Run]:
    """Returns, by title, the computation of each loss and its gradient."""
    prediction = torch.from_numpy(maps)[:, None].requires_grad_()
    target = torch.from_numpy(labels)[:, None]

    def step(loss: torch.nn.Module) -> tuple[torch.Tensor, ...]:
        return torch.autograd.grad(loss(prediction, target), prediction)

    steps: dict[str, Run] = {"DiceCELoss (MONAI)": partial(step, DiceCELoss())}
    for name in names:
        for options in OPTIONS[name]:
            shown = ", ".join(f"{key}={value}" for key, value in options.items() if key != "priors")
            steps[f"{name}({shown})"] = partial(step, getattr(losses, name)(**options))
    return steps


def main() -> None:
    parser = argument_parser(__doc__, rounds=5, files="losses.json")
    parser.add_argument("--losses", nargs="+", choices=OPTIONS, default=list(OPTIONS))
    parser.add_argument("--size", type=int, default=128, help="edge of the patch in voxels")
    arguments = parser.parse_args()
    use_cores(THREADS)
    maps, labels = maps_and_labels((arguments.size,) * 3, 1)
    persistence = partial(cubical_barcodes, maps, "superlevel", "T", num_threads=THREADS)
    runs: dict[str, Run] = {PERSISTENCE: persistence, **train_steps(arguments.losses, maps, labels)}
    seconds = dict(zip(runs, compare_times(list(runs.values()), arguments.rounds), strict=True))
    print_table(
        ["loss and gradient", ">seconds", ">x persistence"],
        [(title, f"{time:.4f}", f"{time / seconds[PERSISTENCE]:.2f}") for title, time in seconds.items()],
    )
    write_json(arguments.out / "losses.json", seconds)


if __name__ == "__main__":
    main()
