"""Times what is built on Betti matching, each as a ratio to plainer work on the same images: persistence, or labelling.

Prints a table of median times, their ratios and what these should not exceed; the two sides of a row run in turns:

    python scripts/bench_matching.py
    python scripts/bench_matching.py --cases dense_t loss --rounds 3 --out runs/bench

All of it takes about a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
from bench_persistence import Image, binary, vessel

Mask = npt.NDArray[np.bool_]
Run = Callable[[], Any]
THREADS = 2


@dataclass(frozen=True)
class Case:
    """A computation, what it is compared with, and by how many times it should not take longer.

    ``prepare`` gives the computation and the reference, ready to run.
    """

    title: str
    reference: str
    target: float
    prepare: Callable[[], tuple[Run, Run]]


# The images


def maps_and_labels(shape: tuple[int, ...], count: int) -> tuple[Image, Image]:
    """Probability maps of vessels and their labels, both (count, *shape)."""
    maps = [vessel(shape, np.random.default_rng(seed)) for seed in range(count)]
    labels = [binary(shape, np.random.default_rng(seed)) for seed in range(count)]
    return np.stack(maps), np.stack(labels)


def broken_and_whole(length: int, cuts: int = 200, gap: int = 7) -> tuple[Mask, Mask]:
    """A vessel mask cut at random places and moved by a voxel, and the mask itself: cubes of phantoms, cropped."""
    tiled = (-(-length // 128) * 128,) * 3
    whole = binary(tiled, np.random.default_rng(0))[:length, :length, :length] > 0
    broken = np.roll(whole, 1, axis=0)
    places = np.random.default_rng(1).choice(np.flatnonzero(whole), cuts)
    for place in zip(*np.unravel_index(places, whole.shape), strict=True):
        broken[tuple(slice(max(0, c - gap // 2), c + gap // 2 + 1) for c in place)] = False
    return broken, np.ascontiguousarray(whole)


# What is timed


def match_one(construction: str, threshold: float | None) -> tuple[Run, Run]:
    """One volume matched with its label, against persistence of the volume alone."""
    from segtopo.matching import betti_matching
    from segtopo.persistence import compute_persistence

    (prediction,), (label,) = maps_and_labels((128,) * 3, 1)
    options = {"construction": construction, "num_threads": THREADS}
    matching = partial(betti_matching, prediction, label, threshold=threshold, **options)
    return matching, partial(compute_persistence, prediction, **options)


def match_batch() -> tuple[Run, Run]:
    """A batch of 2D images matched, against their persistence, each in one call."""
    from segtopo.matching.betti_matching import match_barcodes

    predictions, labels = maps_and_labels((512,) * 2, 8)
    matching = partial(match_barcodes, predictions, labels, "superlevel", "T", None, THREADS)
    return matching, persistence_of_batch(predictions)


def train_step() -> tuple[Run, Run]:
    """The loss of two patches and its gradient, against their persistence."""
    import torch

    from segtopo.losses import BettiMatchingLoss

    predictions, labels = maps_and_labels((128,) * 3, 2)
    prediction = torch.from_numpy(predictions)[:, None].requires_grad_()
    label = torch.from_numpy(labels)[:, None]
    loss = BettiMatchingLoss(threshold=0.8, num_threads=THREADS)
    return lambda: torch.autograd.grad(loss(prediction, label), prediction), persistence_of_batch(predictions)


def persistence_of_batch(images: Image) -> Run:
    from segtopo.persistence.barcodes import cubical_barcodes

    return partial(cubical_barcodes, images, "superlevel", "T", num_threads=THREADS)


def compare_two_masks() -> tuple[Run, Run]:
    """Betti matching error and DIU of two masks, against labelling them."""
    import torch

    from segtopo.metrics import compute_betti_matching_error, compute_diu

    masks = broken_and_whole(320)
    pair = [torch.from_numpy(mask)[None, None] for mask in masks]
    return lambda: (compute_betti_matching_error(*pair), compute_diu(*pair)), partial(label_all, masks)


def count_two_masks() -> tuple[Run, Run]:
    """Betti numbers of two masks, against labelling them."""
    import torch

    from segtopo.metrics import compute_betti_numbers

    masks = broken_and_whole(512)
    pair = [torch.from_numpy(mask)[None, None] for mask in masks]
    return lambda: [compute_betti_numbers(mask) for mask in pair], partial(label_all, masks)


def label_all(masks: Sequence[Mask]) -> None:
    import cc3d

    for mask in masks:
        cc3d.connected_components(mask, connectivity=26)


CASES = {
    "dense_t": Case("Betti matching 128³, T", "persistence", 4, partial(match_one, "T", None)),
    "dense_v": Case("Betti matching 128³, V", "persistence", 4, partial(match_one, "V", None)),
    "sparse_t": Case("the same, T, threshold 0.8", "persistence", 0.3, partial(match_one, "T", 0.8)),
    "sparse_v": Case("the same, V, threshold 0.8", "persistence", 0.3, partial(match_one, "V", 0.8)),
    "masks": Case("Betti matching error and DIU, masks 320³", "cc3d of both", 10, compare_two_masks),
    "numbers": Case("Betti numbers of two masks 512³", "cc3d of both", 2, count_two_masks),
    "loss": Case("BettiMatchingLoss and gradient, 2 x 128³, 0.8", "persistence of both", 0.6, train_step),
    "dense_2d": Case("Betti matching 8 x 512², T", "persistence of all", 4, match_batch),
}


# Measuring


def bench(case: Case, rounds: int) -> dict[str, Any]:
    """Median times of both sides in turns, after one run of each that does not count."""
    computation, reference = case.prepare()
    seconds: dict[Run, list[float]] = {computation: [], reference: []}
    for run in seconds:
        run()
    for _ in range(rounds):
        for run, measured in seconds.items():
            measured.append(timed(run))
    ours, theirs = median(seconds[computation]), median(seconds[reference])
    row = {"case": case.title, "seconds": ours, "reference": case.reference, "reference_seconds": theirs}
    return row | {"ratio": ours / theirs, "target": case.target}


def timed(run: Run) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def use_cores(count: int) -> None:
    """Keep to so many cores, as what has no option for threads takes all there are (Linux)."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


# Reporting


def print_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("")
    table.add_column("seconds", justify="right")
    table.add_column("reference")
    for title in ("seconds", "ratio", "target"):
        table.add_column(title, justify="right")
    for row in rows:
        colour = "green" if row["ratio"] <= row["target"] else "red"
        ratio, target = f"[{colour}]{row['ratio']:.2f}[/]", f"<= {row['target']:g}"
        times = f"{row['seconds']:.4f}", row["reference"], f"{row['reference_seconds']:.4f}"
        table.add_row(row["case"], *times, ratio, target)
    Console(width=110).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("runs/bench"), help="folder for matching.json")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    use_cores(THREADS)
    rows = [bench(CASES[name], arguments.rounds) for name in arguments.cases]
    print_table(rows)
    (arguments.out / "matching.json").write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
