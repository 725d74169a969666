"""Times the distances of persistence diagrams, GUDHI's bottleneck distance and Hera's Wasserstein distance.

Prints a table of median times and their ratios. Both programs of a row run in turns on the same diagrams. Hera's result
is within 1 % of the distance; GUDHI's, by default, is exact up to rounding, and so is segtopo's. All of it takes about
five minutes.

    python scripts/bench/distances.py
    python scripts/bench/distances.py --points 10 3000 --distances bottleneck --rounds 3 --out runs/bench
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from inputs import DIAGRAMS, DiagramPoints
from timing import argument_parser, coloured_ratio, compare_times, print_table, use_cores, write_json

Distance = Callable[[], float]

DISTANCES = "Wasserstein", "bottleneck"


def programs(first: DiagramPoints, second: DiagramPoints) -> dict[str, tuple[Distance, str, Distance]]:
    """Returns, for each distance, the computation of segtopo, the name of the peer, and the peer's computation."""
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


def bench(title: str, ours: Distance, peer: str, peers: Distance, rounds: int) -> dict[str, Any]:
    """Returns the median times of both programs, and the distance."""
    distances: list[float] = []

    def check(distance: float, peer_distance: float) -> None:
        if not np.isclose(distance, peer_distance, rtol=0.011):
            raise RuntimeError(f"{title}: got {distance}, expected {peer_distance} as {peer}")
        distances.append(distance)

    seconds, peer_seconds = compare_times([ours, peers], rounds, check)
    row = {"case": title, "found": f"{distances[0]:.4f}", "seconds": seconds, "peer": peer}
    return row | {"peer_seconds": peer_seconds, "ratio": seconds / peer_seconds}


def table_row(row: dict[str, Any]) -> list[str]:
    times = f"{row['seconds']:.5f}", row["peer"], f"{row['peer_seconds']:.5f}"
    return [row["case"], row["found"], *times, coloured_ratio(row["ratio"])]


def main() -> None:
    parser = argument_parser(__doc__, rounds=3, files="distances.json")
    parser.add_argument("--points", type=int, nargs="+", default=[10, 100, 1000, 10_000], help="points of each diagram")
    parser.add_argument("--distances", nargs="+", choices=DISTANCES, default=DISTANCES)
    arguments = parser.parse_args()
    use_cores(1)
    rows = []
    for points, (title, make) in product(arguments.points, DIAGRAMS.items()):
        first, second = (make(points, np.random.default_rng(seed)) for seed in (0, 1))
        for distance, (ours, peer, peers) in programs(first, second).items():
            if distance in arguments.distances:
                rows.append(bench(f"{distance}, {len(first)} points {title}", ours, peer, peers, arguments.rounds))
    print_table(["", ">distance", ">seconds", "peer", ">seconds", ">ratio"], [table_row(row) for row in rows])
    write_json(arguments.out / "distances.json", rows)


if __name__ == "__main__":
    main()
