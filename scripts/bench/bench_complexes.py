"""Times persistence of simplicial complexes beside ripser (Vietoris-Rips) and gudhi (filtered complexes).

Prints a table of median times and their ratios; the two sides of a row run in turns, on the same distances, weights or
simplices, and must find as many classes in each dimension:

    python scripts/bench_complexes.py
    python scripts/bench_complexes.py --cases sphere_h1 sphere_h2 --rounds 3 --out runs/bench

All of it takes about four minutes. The sphere of 500 points in dimension 2 without a longest edge, ``sphere_h2_all``,
takes ripser more than a minute and runs only if it is named.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
from bench_matching import timed, use_cores
from scipy.spatial.distance import pdist, squareform

Array = npt.NDArray[Any]
Run = Callable[[], list[int]]  # the number of classes of each dimension


@dataclass(frozen=True)
class Case:
    """A computation and a peer; ``prepare`` gives both, ready to run."""

    title: str
    peer: str
    prepare: Callable[[], tuple[Run, Run]]


# Clouds and complexes


def circle(count: int) -> Array:
    angles = np.random.default_rng(0).random(count) * 2 * np.pi
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) + np.random.default_rng(1).normal(0, 0.05, (count, 2))


def sphere(count: int) -> Array:
    points = np.random.default_rng(0).normal(size=(count, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def torus(count: int) -> Array:
    u, v = np.random.default_rng(0).random((2, count)) * 2 * np.pi
    return np.stack([(2 + np.cos(v)) * np.cos(u), (2 + np.cos(v)) * np.sin(u), np.sin(v)], axis=1)


def cube(count: int) -> Array:
    return np.random.default_rng(0).random((count, 3))


def freudenthal_grid(side: int) -> list[Array]:
    """The tetrahedra of a cube of voxels, six in each."""
    number = np.arange(side**3).reshape((side,) * 3)
    tetrahedra = []
    for axes in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)):
        corner = np.zeros(3, dtype=int)
        path = [corner.copy()]
        for axis in axes:
            corner[axis] = 1
            path.append(corner.copy())
        tetrahedra.append([number[tuple(slice(c, side - 1 + c) for c in corner)].ravel() for corner in path])
    return [np.stack(corners, axis=1) for corners in tetrahedra]


def random_flag_complex(vertices: int, density: float) -> tuple[list[Array], Array]:
    """The simplices of a random weighted graph up to dimension 3, with their diameters."""
    import gudhi

    rng = np.random.default_rng(0)
    tree = gudhi.SimplexTree()
    for first, second in zip(*np.triu_indices(vertices, 1), strict=True):
        if rng.random() < density:
            tree.insert([first, second], float(rng.random()))
    for vertex in range(vertices):
        tree.assign_filtration([vertex], 0.0)
    tree.expansion(3)
    return by_dimension(list(tree.get_filtration()))


def by_dimension(simplices: Sequence[tuple[list[int], float]]) -> tuple[list[Array], Array]:
    sizes = range(1, max(len(simplex) for simplex, _ in simplices) + 1)
    arrays = [np.array([simplex for simplex, _ in simplices if len(simplex) == size]) for size in sizes]
    return arrays, np.array([value for size in sizes for simplex, value in simplices if len(simplex) == size])


# What is timed


def rips(cloud: Callable[[int], Array], count: int, dimension: int, max_edge: float) -> tuple[Run, Run]:
    """Both from the distances of the points, rounded to ripser's precision."""
    from ripser import ripser

    from segtopo.persistence import rips_persistence

    distances = squareform(pdist(cloud(count)).astype(np.float32))
    radius = float(distances.max(axis=1).min())  # where the complex is a cone ripser stops too

    def ours() -> list[int]:
        return [len(d) for d in rips_persistence(distances=distances, max_dimension=dimension, max_edge=max_edge)]

    def theirs() -> list[int]:
        found = ripser(distances, maxdim=dimension, thresh=min(max_edge, radius), distance_matrix=True)["dgms"]
        return [int((d[:, 0] != d[:, 1]).sum()) for d in found]

    return ours, theirs


def rips_of_graph(vertices: int, degree: int) -> tuple[Run, Run]:
    """The flag complex of the edges to the nearest points of a cloud."""
    from ripser import ripser
    from scipy.sparse import coo_matrix
    from scipy.spatial import cKDTree

    from segtopo.persistence import rips_persistence

    points = sphere(vertices)
    lengths, nearest = cKDTree(points).query(points, degree + 1)
    ends = np.sort(np.stack([np.repeat(np.arange(vertices), degree), nearest[:, 1:].ravel()], axis=1), axis=1)
    edges, chosen = np.unique(ends, axis=0, return_index=True)
    weights = lengths[:, 1:].ravel()[chosen].astype(np.float32)
    matrix = coo_matrix((np.r_[weights, weights], np.r_[edges, edges[:, ::-1]].T), (vertices, vertices)).tocsr()

    def ours() -> list[int]:
        return [len(d) for d in rips_persistence(graph=(edges, weights), num_vertices=vertices, max_dimension=2)]

    def theirs() -> list[int]:
        found = ripser(matrix, maxdim=2, distance_matrix=True)["dgms"]
        return [int((d[:, 0] != d[:, 1]).sum()) for d in found]

    return ours, theirs


def filtered_complex(make: Callable[[], tuple[list[Array], Array]]) -> tuple[Run, Run]:
    """Both from arrays of simplices by dimension and their values."""
    import gudhi

    from segtopo.persistence import filtered_complex_persistence

    arrays, values = make()
    parts = np.split(values, np.cumsum([len(array) for array in arrays])[:-1])

    def ours() -> list[int]:
        return [len(d) for d in filtered_complex_persistence(arrays, values)]

    def theirs() -> list[int]:
        tree = gudhi.SimplexTree()
        for array, part in zip(arrays, parts, strict=True):
            tree.insert_batch(array.T, part)
        tree.compute_persistence(homology_coeff_field=2, persistence_dim_max=True)
        return [len(tree.persistence_intervals_in_dimension(k)) for k in range(len(arrays))]

    return ours, theirs


def grid_of_noise(side: int) -> tuple[list[Array], Array]:
    """The lower stars of noise on a triangulated cube of voxels, as a filtered complex."""
    from segtopo.persistence.simplicial_complex import closure, read_simplices

    noise = np.random.default_rng(0).random(side**3)
    arrays = closure(read_simplices(freudenthal_grid(side)))
    return arrays, np.concatenate([noise[array].max(axis=1) for array in arrays])


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
NOT_BY_DEFAULT = {"sphere_h2_all"}


# Measuring and reporting


def bench(case: Case, rounds: int) -> dict[str, Any]:
    """Median times of both sides in turns; the classes they find are counted."""
    runs = case.prepare()
    found = [run() for run in runs]
    if found[0] != found[1]:
        raise RuntimeError(f"{case.title}: got {found[0]} classes by dimension, {case.peer} {found[1]}")
    seconds: list[list[float]] = [[], []]
    for _ in range(rounds):
        for run, measured in zip(runs, seconds, strict=True):
            measured.append(timed(run))
    ours, theirs = (median(measured) for measured in seconds)
    classes = " ".join(map(str, found[0]))
    row = {"case": case.title, "found": classes, "seconds": ours, "peer": case.peer, "peer_seconds": theirs}
    return row | {"ratio": ours / theirs}


def print_table(rows: list[dict[str, Any]], found: str) -> None:
    """The rows, under the name of what both sides found."""
    from rich.console import Console
    from rich.table import Table

    table = Table("")
    table.add_column(found, justify="right")
    table.add_column("seconds", justify="right")
    table.add_column("peer")
    table.add_column("seconds", justify="right")
    table.add_column("ratio", justify="right")
    for row in rows:
        ratio = f"[{'green' if row['ratio'] <= 1 else 'red'}]{row['ratio']:.2f}[/]"
        table.add_row(
            row["case"], row["found"], f"{row['seconds']:.3f}", row["peer"], f"{row['peer_seconds']:.3f}", ratio
        )
    Console(width=110).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = [name for name in CASES if name not in NOT_BY_DEFAULT]
    parser.add_argument("--cases", nargs="+", choices=CASES, default=default)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("runs/bench"), help="folder for complexes.json")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    use_cores(1)
    rows = [bench(CASES[name], arguments.rounds) for name in arguments.cases]
    print_table(rows, "classes")
    (arguments.out / "complexes.json").write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
