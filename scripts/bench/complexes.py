"""Times persistence of simplicial complexes, ripser (Vietoris-Rips) and gudhi (filtered complexes) on the same inputs.

Prints a table of median times and their ratios. Both programs of a row run in turns, and must find equal numbers of
classes in each dimension. All of it takes about four minutes. The case ``sphere_h2_all``, a sphere of 500 points in
dimension 2 without a longest edge, takes ripser more than a minute and runs only if it is named.

    python scripts/bench/complexes.py
    python scripts/bench/complexes.py --cases sphere_h1 sphere_h2 --rounds 3 --out runs/bench
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from inputs import Array, circle, cube, graph_of_nearest, grid_of_noise, random_flag_complex, sphere, torus
from scipy.spatial.distance import pdist, squareform
from timing import argument_parser, coloured_ratio, compare_times, print_table, use_cores, write_json

Count = Callable[[], list[int]]  # the number of classes of each dimension


@dataclass(frozen=True)
class Case:
    """A computation of segtopo and of a peer; ``prepare`` returns both, ready to run."""

    title: str
    peer: str
    prepare: Callable[[], tuple[Count, Count]]


def rips(cloud: Callable[[int], Array], count: int, dimension: int, max_edge: float) -> tuple[Count, Count]:
    """Prepares both programs with the distances of the points, rounded to the precision of ripser."""
    from ripser import ripser

    from segtopo.persistence import rips_persistence

    distances = squareform(pdist(cloud(count)).astype(np.float32))
    radius = float(distances.max(axis=1).min())  # beyond it the complex is a cone

    def with_segtopo() -> list[int]:
        return [len(d) for d in rips_persistence(distances=distances, max_dimension=dimension, max_edge=max_edge)]

    def with_ripser() -> list[int]:
        found = ripser(distances, maxdim=dimension, thresh=min(max_edge, radius), distance_matrix=True)["dgms"]
        return [int((d[:, 0] != d[:, 1]).sum()) for d in found]

    return with_segtopo, with_ripser


def rips_of_graph(vertices: int, degree: int) -> tuple[Count, Count]:
    """Prepares both programs with the graph of the nearest points on a sphere."""
    from ripser import ripser
    from scipy.sparse import coo_matrix

    from segtopo.persistence import rips_persistence

    edges, weights = graph_of_nearest(sphere(vertices), degree)
    matrix = coo_matrix((np.r_[weights, weights], np.r_[edges, edges[:, ::-1]].T), (vertices, vertices)).tocsr()

    def with_segtopo() -> list[int]:
        return [len(d) for d in rips_persistence(graph=(edges, weights), num_vertices=vertices, max_dimension=2)]

    def with_ripser() -> list[int]:
        found = ripser(matrix, maxdim=2, distance_matrix=True)["dgms"]
        return [int((d[:, 0] != d[:, 1]).sum()) for d in found]

    return with_segtopo, with_ripser


def filtered_complex(make: Callable[[], tuple[list[Array], Array]]) -> tuple[Count, Count]:
    """Prepares both programs with one array of simplices for each dimension and the values of all simplices."""
    import gudhi

    from segtopo.persistence import filtered_complex_persistence

    arrays, values = make()
    parts = np.split(values, np.cumsum([len(array) for array in arrays])[:-1])

    def with_segtopo() -> list[int]:
        return [len(d) for d in filtered_complex_persistence(arrays, values)]

    def with_gudhi() -> list[int]:
        tree = gudhi.SimplexTree()
        for array, part in zip(arrays, parts, strict=True):
            tree.insert_batch(array.T, part)
        tree.compute_persistence(homology_coeff_field=2, persistence_dim_max=True)
        return [len(tree.persistence_intervals_in_dimension(k)) for k in range(len(arrays))]

    return with_segtopo, with_gudhi


CASES = {
    "circle_h1": Case("circle, 1000 points, H1", "ripser", partial(rips, circle, 1000, 1, np.inf)),
    "torus_h1": Case("torus, 1000 points, H1", "ripser", partial(rips, torus, 1000, 1, np.inf)),
    "cube_h1": Case("cube, 1000 points, H1", "ripser", partial(rips, cube, 1000, 1, np.inf)),
    "sphere_h1": Case("sphere, 2000 points, H1", "ripser", partial(rips, sphere, 2000, 1, np.inf)),
    "sphere_h1_cut": Case("sphere, 2000 points, H1, to 0.5", "ripser", partial(rips, sphere, 2000, 1, 0.5)),
    "torus_h2_cut": Case("torus, 500 points, H2, to 1.5", "ripser", partial(rips, torus, 500, 2, 1.5)),
    "sphere_h2_cut": Case("sphere, 500 points, H2, to 1", "ripser", partial(rips, sphere, 500, 2, 1.0)),
    "sphere_h2": Case("sphere, 200 points, H2", "ripser", partial(rips, sphere, 200, 2, np.inf)),
    "sphere_h2_all": Case("sphere, 500 points, H2", "ripser", partial(rips, sphere, 500, 2, np.inf)),
    "graph_h2": Case("graph, 20000 points, 16 nearest, H2", "ripser", partial(rips_of_graph, 20000, 16)),
    "grid": Case("noise on a triangulated 24³ grid", "gudhi", partial(filtered_complex, partial(grid_of_noise, 24))),
    "flag": Case("random flag complex", "gudhi", partial(filtered_complex, partial(random_flag_complex, 220, 0.25))),
}
ONLY_IF_NAMED = {"sphere_h2_all"}


def bench(case: Case, rounds: int) -> dict[str, Any]:
    """Returns the median times of both programs and the number of classes they find."""
    counts: list[int] = []

    def check(ours: list[int], peers: list[int]) -> None:
        if ours != peers:
            raise RuntimeError(f"{case.title}: got {ours} classes by dimension, expected {peers} as {case.peer}")
        counts.extend(ours)

    ours, peers = compare_times(case.prepare(), rounds, check)
    row = {"case": case.title, "found": " ".join(map(str, counts)), "seconds": ours, "peer": case.peer}
    return row | {"peer_seconds": peers, "ratio": ours / peers}


def table_row(row: dict[str, Any]) -> list[str]:
    times = f"{row['seconds']:.3f}", row["peer"], f"{row['peer_seconds']:.3f}"
    return [row["case"], row["found"], *times, coloured_ratio(row["ratio"])]


def main() -> None:
    parser = argument_parser(__doc__, rounds=5, files="complexes.json")
    default = [name for name in CASES if name not in ONLY_IF_NAMED]
    parser.add_argument("--cases", nargs="+", choices=CASES, default=default)
    arguments = parser.parse_args()
    use_cores(1)
    rows = [bench(CASES[name], arguments.rounds) for name in arguments.cases]
    print_table(["", ">classes", ">seconds", "peer", ">seconds", ">ratio"], [table_row(row) for row in rows])
    write_json(arguments.out / "complexes.json", rows)


if __name__ == "__main__":
    main()
