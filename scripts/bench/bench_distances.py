"""Times the distances of persistence diagrams beside GUDHI's bottleneck distance and Hera's Wasserstein distance.

Prints a table of median times and their ratios; the two sides of a row run in turns on the same diagrams. Hera's result
is within 1 % of the distance, GUDHI's to the last digit of a float, its default; ours are exact.

    python scripts/bench_distances.py
    python scripts/bench_distances.py --points 3000 --rounds 3 --out runs/bench

All of it takes about five minutes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
from bench_complexes import print_table
from bench_matching import timed, use_cores

Diagram = npt.NDArray[np.float64]
Run = Callable[[], float]


def over_the_triangle(count: int, rng: np.random.Generator) -> Diagram:
    """Points anywhere: the hardest case, in which nearly all are matched."""
    return np.sort(rng.random((count, 2)), axis=1)


def near_the_diagonal(count: int, rng: np.random.Generator) -> Diagram:
    births = rng.random(count)
    return np.stack([births, births + rng.exponential(0.02, count)], axis=1)


def of_noise(count: int, rng: np.random.Generator) -> Diagram:
    """The components of an image of noise, about as many as asked for."""
    from segtopo.persistence import compute_persistence

    side = round((count / 0.112) ** 0.5)
    pairs = compute_persistence(rng.random((side, side)), filtration="sublevel").of_dimension(0)
    pairs = pairs.select(~pairs.essential)
    return np.stack([pairs.births, pairs.deaths], axis=1)


DIAGRAMS = {
    "over the triangle": over_the_triangle,
    "near the diagonal": near_the_diagonal,
    "components of noise": of_noise,
}


def runs(first: Diagram, second: Diagram) -> dict[str, tuple[Run, str, Run]]:
    """By distance: our computation, the peer's name, and the peer's."""
    import gudhi
    import gudhi.hera

    from segtopo.matching import bottleneck_distance, wasserstein_distance

    hera = partial(gudhi.hera.wasserstein_distance, first, second, order=2, internal_p=2, delta=0.01)
    return {
        "Wasserstein": (lambda: wasserstein_distance(first, second).item(), "Hera, 1 %", hera),
        "bottleneck": (
            lambda: bottleneck_distance(first, second).item(),
            "GUDHI",
            partial(gudhi.bottleneck_distance, first, second),
        ),
    }


def bench(title: str, ours: Run, peer: str, theirs: Run, rounds: int) -> dict[str, Any]:
    """Median times of both sides in turns; what they find must agree."""
    found, expected = ours(), theirs()
    if not np.isclose(found, expected, rtol=0.011):
        raise RuntimeError(f"{title}: got {found}, {peer} {expected}")
    seconds: list[list[float]] = [[], []]
    for _ in range(rounds):
        for run, measured in zip((ours, theirs), seconds, strict=True):
            measured.append(timed(run))
    own, others = (median(measured) for measured in seconds)
    row = {"case": title, "found": f"{found:.4f}", "seconds": own, "peer": peer, "peer_seconds": others}
    return row | {"ratio": own / others}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=10_000, help="of each diagram")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/bench"), help="folder for distances.json")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    use_cores(1)
    rows = []
    for title, make in DIAGRAMS.items():
        pair = [make(arguments.points, np.random.default_rng(seed)) for seed in (0, 1)]
        for distance, (ours, peer, theirs) in runs(*pair).items():
            name = f"{distance}, {len(pair[0])} points {title}"
            rows.append(bench(name, ours, peer, theirs, arguments.rounds))
    print_table(rows, "distance")
    (arguments.out / "distances.json").write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
