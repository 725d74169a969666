"""Times cubical persistence and its peers on the same arrays, in turns, each measurement in a fresh process.

Prints a table of median times, peak memory and ratios to segtopo, and draws the time per voxel against the size.
All of it takes about an hour. Needs the peers (`pip install -e ".[test]"`) and Linux.

    python scripts/bench/persistence.py
    python scripts/bench/persistence.py --volumes vessel --shapes 64,64,64 --rounds 3 --out runs/bench
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from inputs import VOLUMES, Image
from timing import (
    argument_parser,
    measure_in_fresh_process,
    medians_in_turns,
    parse_shape,
    print_table,
    report_measurement,
    write_json,
)

SHAPES = ((64,) * 3, (128,) * 3, (256,) * 3, (512,) * 3, (512,) * 2, (1024,) * 2, (2048,) * 2, (4096,) * 2)
TOO_SLOW = 5.0  # seconds; a slower program runs once, and a slower peer does not run on larger images


# The programs: each is imported before its time counts, and uses the sublevel filtration


def with_segtopo(construction: str, threads: int) -> Callable[[Image], Any]:
    from segtopo.persistence import compute_persistence

    return partial(compute_persistence, filtration="sublevel", construction=construction, num_threads=threads)


def with_cripser(construction: str, threads: int) -> Callable[[Image], Any]:
    import cripser

    return lambda image: cripser.compute_ph(image, filtration=construction, maxdim=image.ndim - 1, n_threads=threads)


def with_gudhi(construction: str, threads: int) -> Callable[[Image], Any]:
    from gudhi import CubicalComplex

    cells = {"V": "vertices", "T": "top_dimensional_cells"}[construction]
    return lambda image: CubicalComplex(**{cells: image}).compute_persistence()


def with_gudhi_sklearn(construction: str, threads: int) -> Callable[[Image], Any]:
    from gudhi.sklearn import CubicalPersistence

    pipe = CubicalPersistence(homology_dimensions=[0, 1], input_type="top_dimensional_cells")
    return lambda image: pipe.fit_transform([image])


def with_argsort(construction: str, threads: int) -> Callable[[Image], Any]:
    return lambda image: np.argsort(image, axis=None, kind="stable")


PROGRAMS = {
    "segtopo": with_segtopo,
    "cripser": with_cripser,
    "gudhi": with_gudhi,
    "gudhi_sklearn": with_gudhi_sklearn,
    "argsort": with_argsort,
}


@dataclass(frozen=True)
class Setting:
    """A program with the construction that it computes and its number of threads."""

    program: str
    construction: str
    threads: int

    @property
    def title(self) -> str:
        """The program, with its threads where it has a choice."""
        return f"{self.program} ({self.threads} thr.)" if self.program in ("segtopo", "cripser") else self.program


def settings(ndim: int, construction: str) -> Iterator[Setting]:
    """Yields the settings that are compared on images with this many axes."""
    for program in ("segtopo", "cripser"):
        yield from (Setting(program, construction, threads) for threads in (1, 2))
    yield from (Setting(program, construction, 1) for program in ("gudhi", "argsort"))
    if ndim == 2 and construction == "T":
        yield Setting("gudhi_sklearn", construction, 1)


# Measuring


def measure_here(path: str, program: str, construction: str, threads: str) -> None:
    """Measures one program in this process, the fresh one."""
    image = np.load(path)
    compute = PROGRAMS[program](construction, int(threads))
    compute(np.zeros((8,) * image.ndim, np.float32))  # loads and builds what the first call needs
    report_measurement(partial(compute, image))


def bench(path: Path, compared: list[Setting], rounds: int) -> list[dict[str, Any]]:
    """Returns the median time and peak memory of each setting on one image."""
    measures = {
        setting: partial(
            measure_in_fresh_process,
            __file__,
            *("--measure", str(path), setting.program, setting.construction, str(setting.threads)),
        )
        for setting in compared
    }
    medians = medians_in_turns(measures, rounds, once_above=TOO_SLOW)
    segtopo = min(median.seconds for setting, median in medians.items() if setting.program == "segtopo")
    return [
        {
            "construction": setting.construction,
            "program": setting.title,
            "seconds": median.seconds,
            "peak_mb": median.peak_mb,
            "ratio": median.seconds / segtopo,
        }
        for setting, median in medians.items()
    ]


def bench_sizes(
    name: str, shapes: list[tuple[int, ...]], construction: str, rounds: int, folder: Path
) -> Iterator[dict[str, Any]]:
    """Yields the rows of one kind of image in growing sizes; slow peers are left out of larger ones."""
    compared = list(settings(len(shapes[0]), construction))
    for shape in shapes:
        path = folder / f"{name}-{'x'.join(map(str, shape))}.npy"
        if not path.exists():
            np.save(path, VOLUMES[name](shape, np.random.default_rng(0)).astype(np.float32))
        rows = bench(path, compared, rounds)
        yield from ({"volume": name, "shape": list(shape)} | row for row in rows)
        slow = {row["program"] for row in rows if row["seconds"] > TOO_SLOW}
        compared = [setting for setting in compared if setting.program == "segtopo" or setting.title not in slow]


# Reporting


def table_row(row: dict[str, Any]) -> list[str]:
    numbers = f"{row['seconds']:.4f}", f"{row['peak_mb']:.0f}", f"{row['ratio']:.2f}"
    return [row["volume"], "x".join(map(str, row["shape"])), row["construction"], row["program"], *numbers]


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Draws the time per voxel against the number of voxels, one panel for each kind of image and number of axes."""
    from matplotlib.figure import Figure

    panels = sorted({(row["volume"], len(row["shape"]), row["construction"]) for row in rows})
    columns = min(4, len(panels))
    figure = Figure(figsize=(4 * columns, 3 * -(-len(panels) // columns)), layout="constrained")
    axes = figure.subplots(-(-len(panels) // columns), columns, squeeze=False).ravel()
    for axis, (name, ndim, construction) in zip(axes, panels, strict=False):
        shown = [r for r in rows if (r["volume"], len(r["shape"]), r["construction"]) == (name, ndim, construction)]
        for program in dict.fromkeys(row["program"] for row in shown):
            line = [(np.prod(r["shape"]), r["seconds"]) for r in shown if r["program"] == program]
            axis.loglog([n for n, _ in line], [1e9 * t / n for n, t in line], marker=".", label=program)
        axis.set(title=f"{name}, {ndim}D, {construction}", xlabel="voxels", ylabel="ns per voxel")
        axis.legend(fontsize="x-small")
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argument_parser(__doc__, rounds=5, files="persistence.json and persistence.png")
    parser.add_argument("--volumes", nargs="+", choices=VOLUMES, default=list(VOLUMES))
    parser.add_argument("--shapes", nargs="+", type=parse_shape, default=SHAPES, metavar="N,N[,N]")
    parser.add_argument("--constructions", nargs="+", choices=["V", "T"], default=["V", "T"])
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        return measure_here(*arguments.measure)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for ndim, name, construction in product((3, 2), arguments.volumes, arguments.constructions):
            shapes = sorted(shape for shape in arguments.shapes if len(shape) == ndim)
            if shapes:
                rows += bench_sizes(name, shapes, construction, arguments.rounds, Path(folder))
    print_table(
        ["volume", "shape", "", "program", ">seconds", ">peak MB", ">x segtopo"], [table_row(row) for row in rows]
    )
    write_json(arguments.out / "persistence.json", rows)
    draw(rows, arguments.out / "persistence.png")
    return None


if __name__ == "__main__":
    main()
