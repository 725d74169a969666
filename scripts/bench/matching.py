"""Times Betti matching, its loss and the metrics of masks, and a simpler task on the same images.

Prints a table of median times, their ratios and the limits of the ratios. The simpler task is persistence, or labelling
of components. The two computations of a row run in turns. All of it takes about a minute.

    python scripts/bench/matching.py
    python scripts/bench/matching.py --cases dense_t loss --rounds 3 --out runs/bench
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import cc3d
import torch
from inputs import Image, Mask, broken_and_whole, maps_and_labels
from timing import Run, argument_parser, coloured_ratio, compare_times, print_table, use_cores, write_json

from segtopo.losses import BettiMatchingLoss
from segtopo.matching import betti_matching
from segtopo.matching.betti_matching import match_barcodes
from segtopo.metrics import compute_betti_matching_error, compute_betti_numbers, compute_diu
from segtopo.persistence import Construction, compute_persistence
from segtopo.persistence.barcodes import cubical_barcodes

THREADS = 2


@dataclass(frozen=True)
class Case:
    """A computation, the simpler task, and the limit of the ratio of their times.

    ``prepare`` returns the computation and the simpler task, ready to run.
    """

    title: str
    reference: str
    target: float
    prepare: Callable[[], tuple[Run, Run]]


def match_one(construction: Construction, threshold: float | None) -> tuple[Run, Run]:
    """Prepares the matching of a volume with its label, and persistence of the volume."""
    (prediction,), (label,) = maps_and_labels((128,) * 3, 1)
    return (
        partial(betti_matching, prediction, label, threshold=threshold, construction=construction, num_threads=THREADS),
        partial(compute_persistence, prediction, construction=construction, num_threads=THREADS),
    )


def match_batch() -> tuple[Run, Run]:
    """Prepares the matching of a batch of 2D images, and their persistence, each in one call."""
    predictions, labels = maps_and_labels((512,) * 2, 8)
    matching = partial(match_barcodes, predictions, labels, "superlevel", "T", None, THREADS)
    return matching, persistence_of_batch(predictions)


def train_step() -> tuple[Run, Run]:
    """Prepares the loss of two patches with its gradient, and their persistence."""
    predictions, labels = maps_and_labels((128,) * 3, 2)
    prediction = torch.from_numpy(predictions)[:, None].requires_grad_()
    target = torch.from_numpy(labels)[:, None]
    loss = BettiMatchingLoss(threshold=0.8, num_threads=THREADS)
    return lambda: torch.autograd.grad(loss(prediction, target), prediction), persistence_of_batch(predictions)


def persistence_of_batch(images: Image) -> Run:
    return partial(cubical_barcodes, images, "superlevel", "T", num_threads=THREADS)


def compare_two_masks() -> tuple[Run, Run]:
    """Prepares Betti matching error and DIU of two masks, and the labelling of both."""
    masks = broken_and_whole(320)
    pair = [torch.from_numpy(mask)[None, None] for mask in masks]
    return lambda: (compute_betti_matching_error(*pair), compute_diu(*pair)), partial(label_all, masks)


def count_two_masks() -> tuple[Run, Run]:
    """Prepares the Betti numbers of two masks, and the labelling of both."""
    masks = broken_and_whole(512)
    pair = [torch.from_numpy(mask)[None, None] for mask in masks]
    return lambda: [compute_betti_numbers(mask) for mask in pair], partial(label_all, masks)


def label_all(masks: Sequence[Mask]) -> None:
    """Labels the components of each mask."""
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


def bench(case: Case, rounds: int) -> dict[str, Any]:
    """Returns the median times of both computations, and their ratio."""
    seconds, reference_seconds = compare_times(case.prepare(), rounds)
    row = {"case": case.title, "seconds": seconds, "reference": case.reference, "reference_seconds": reference_seconds}
    return row | {"ratio": seconds / reference_seconds, "target": case.target}


def table_row(row: dict[str, Any]) -> list[str]:
    times = f"{row['seconds']:.4f}", row["reference"], f"{row['reference_seconds']:.4f}"
    return [row["case"], *times, coloured_ratio(row["ratio"], row["target"]), f"<= {row['target']:g}"]


def main() -> None:
    parser = argument_parser(__doc__, rounds=5, files="matching.json")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    arguments = parser.parse_args()
    use_cores(THREADS)
    rows = [bench(CASES[name], arguments.rounds) for name in arguments.cases]
    print_table(["", ">seconds", "reference", ">seconds", ">ratio", ">target"], [table_row(row) for row in rows])
    write_json(arguments.out / "matching.json", rows)


if __name__ == "__main__":
    main()
