"""Times Betti matching up to a threshold against Betti matching of the whole images.

Prints a table: for each image and construction the median time of the whole images, and for each threshold the ratio of
its time to that. All computations of a row run in turns. All of it takes about fifteen minutes on two cores.

    python scripts/bench/thresholds.py
    python scripts/bench/thresholds.py --shapes 64,64,64 --images vessel --rounds 3 --out runs/bench
"""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Any

import numpy as np
from inputs import Image, binary, noise, smooth, vessel
from timing import argument_parser, coloured_ratio, compare_times, parse_shape, print_table, use_cores, write_json

from segtopo.matching import betti_matching

THRESHOLDS = (0.1, 0.25, 0.5, 0.7, 0.9)
SHAPES = ((96,) * 3, (512,) * 2)


def vessels(shape: tuple[int, ...]) -> tuple[Image, Image]:
    """Returns a probability map of vessels and their label."""
    return vessel(shape, np.random.default_rng(0)), binary(shape, np.random.default_rng(0))


def smooth_noise(shape: tuple[int, ...]) -> tuple[Image, Image]:
    """Returns smooth noise from 0 to 1, and the mask of the voxels above 0 of other smooth noise."""
    prediction, target = (smooth(shape, np.random.default_rng(seed)) for seed in (0, 1))
    return (prediction - prediction.min()) / np.ptp(prediction), (target > 0).astype(np.float32)


def white_noise(shape: tuple[int, ...]) -> tuple[Image, Image]:
    """Returns white noise, and a mask of white noise: the hardest case."""
    prediction, target = (noise(shape, np.random.default_rng(seed)) for seed in (0, 1))
    return prediction, (target < 0.5).astype(np.float32)


IMAGES = {"vessel": vessels, "smooth": smooth_noise, "noise": white_noise}


def bench(name: str, shape: tuple[int, ...], construction: Any, threads: int, rounds: int) -> dict[str, Any]:
    """Returns the median time of the whole images, and the ratios of the thresholds to it."""
    images = IMAGES[name](shape)
    match = partial(betti_matching, *images, construction=construction, num_threads=threads)
    whole, *others = compare_times([match, *(partial(match, threshold=t) for t in THRESHOLDS)], rounds)
    ratios = {str(t): seconds / whole for t, seconds in zip(THRESHOLDS, others, strict=True)}
    return {"image": name, "shape": list(shape), "construction": construction, "seconds": whole, "ratios": ratios}


def table_row(row: dict[str, Any]) -> list[str]:
    shape = "x".join(map(str, row["shape"]))
    return [
        row["image"],
        shape,
        row["construction"],
        f"{row['seconds']:.3f}",
        *map(coloured_ratio, row["ratios"].values()),
    ]


def main() -> None:
    parser = argument_parser(__doc__, rounds=3, files="thresholds.json")
    parser.add_argument("--images", nargs="+", choices=IMAGES, default=list(IMAGES))
    parser.add_argument("--shapes", nargs="+", type=parse_shape, default=SHAPES, metavar="N,N[,N]")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    use_cores(arguments.threads)
    cases = product(arguments.images, arguments.shapes, ("V", "T"))
    rows = [bench(*case, arguments.threads, arguments.rounds) for case in cases]
    titles = ["image", "shape", "", ">whole, s", *(f">{threshold}" for threshold in THRESHOLDS)]
    print_table(titles, [table_row(row) for row in rows])
    write_json(arguments.out / "thresholds.json", rows)


if __name__ == "__main__":
    main()
