"""Times cubical persistence against its peers: the same arrays, in turns, each measurement in a process of its own.

Prints a table of median times, peak memory and ratios of peer to segtopo, and draws time per voxel against size:

    python scripts/bench_persistence.py
    python scripts/bench_persistence.py --volumes vessel --shapes 64,64,64 --rounds 3 --out runs/bench

All of it takes about an hour. Needs the peers (`pip install -e ".[test]"`) and, for the memory, Linux.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float32]
SHAPES = ((64,) * 3, (128,) * 3, (256,) * 3, (512,) * 3, (512,) * 2, (1024,) * 2, (2048,) * 2, (4096,) * 2)
TOO_SLOW = 5.0  # seconds: who takes longer runs once, and, if a peer, not on larger images of the kind


# The images


def vessel(shape: tuple[int, ...], rng: np.random.Generator) -> Image:
    """A probability map of vessels as a network gives it: steep at the walls, with smooth noise in the logits."""
    from scipy.ndimage import gaussian_filter

    label = binary(shape, rng)
    noise = gaussian_filter(rng.standard_normal(shape, np.float32), 3)
    logits = 12 * (gaussian_filter(label, 1) - 0.5) + noise / noise.std()
    return 1 / (1 + np.exp(-logits))


def binary(shape: tuple[int, ...], rng: np.random.Generator) -> Image:
    """The label of a vessel phantom, repeated where the volume is larger than a phantom of 128 voxels."""
    from segtopo.phantoms import vessel_phantom

    size = tuple(min(n, 128 if len(shape) == 3 else 512) for n in shape)
    label = vessel_phantom(size, seed=int(rng.integers(1000)), loops=2).label
    return np.tile(label, [n // m for n, m in zip(shape, size, strict=True)]).astype(np.float32)


def smooth(shape: tuple[int, ...], rng: np.random.Generator) -> Image:
    """White noise, smoothed over three voxels."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(rng.standard_normal(shape, np.float32), 3)


def noise(shape: tuple[int, ...], rng: np.random.Generator) -> Image:
    """White noise."""
    return rng.random(shape, np.float32)


VOLUMES = {function.__name__: function for function in (vessel, smooth, binary, noise)}


# The peers, each with all imports done before its time counts; sublevel everywhere


def segtopo(construction: str, threads: int) -> Callable[[Image], Any]:
    from segtopo.persistence import compute_persistence

    return partial(compute_persistence, filtration="sublevel", construction=construction, num_threads=threads)


def cripser(construction: str, threads: int) -> Callable[[Image], Any]:
    import cripser

    return lambda image: cripser.compute_ph(image, filtration=construction, maxdim=image.ndim - 1, n_threads=threads)


def gudhi(construction: str, threads: int) -> Callable[[Image], Any]:
    from gudhi import CubicalComplex

    cells = {"V": "vertices", "T": "top_dimensional_cells"}[construction]
    return lambda image: CubicalComplex(**{cells: image}).compute_persistence()


def gudhi_sklearn(construction: str, threads: int) -> Callable[[Image], Any]:
    from gudhi.sklearn import CubicalPersistence

    pipe = CubicalPersistence(homology_dimensions=[0, 1], input_type="top_dimensional_cells")
    return lambda image: pipe.fit_transform([image])


def argsort(construction: str, threads: int) -> Callable[[Image], Any]:
    return lambda image: np.argsort(image, axis=None, kind="stable")


PEERS = {function.__name__: function for function in (segtopo, cripser, gudhi, gudhi_sklearn, argsort)}


@dataclass(frozen=True)
class Contestant:
    """A program, the construction it computes and its number of threads."""

    name: str
    construction: str
    threads: int

    @property
    def title(self) -> str:
        return f"{self.name} ({self.threads} thr.)" if self.name in ("segtopo", "cripser") else self.name


def contestants(ndim: int, construction: str) -> Iterator[Contestant]:
    """Who takes part."""
    for name in ("segtopo", "cripser"):
        yield from (Contestant(name, construction, threads) for threads in (1, 2))
    yield from (Contestant(name, construction, 1) for name in ("gudhi", "argsort"))
    if ndim == 2 and construction == "T":
        yield Contestant("gudhi_sklearn", construction, 1)


# Measuring


def measure_here(path: str, contestant: Contestant) -> None:
    """Run once in this process and print seconds and the growth of the peak memory in MB."""
    image = np.load(path)
    run = PEERS[contestant.name](contestant.construction, contestant.threads)
    run(np.zeros((8,) * image.ndim, np.float32))  # what is loaded or built at the first call
    time.sleep(0.05)  # threads that libraries have started are busy for a while
    before = reset_peak_memory()
    start = time.perf_counter()
    run(image)
    seconds = time.perf_counter() - start
    print(json.dumps([seconds, memory("VmHWM") - before]))


def reset_peak_memory() -> float:
    """Let the peak start anew from the memory in use, and return that in MB (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")
    return memory("VmRSS")


def memory(field: str) -> float:
    """A field of the process's status, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def measure(path: Path, contestant: Contestant) -> tuple[float, float]:
    """The same in a process of its own."""
    arguments = [contestant.name, contestant.construction, str(contestant.threads)]
    command = [sys.executable, __file__, "--measure", str(path), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    seconds, megabytes = json.loads(done.stdout.splitlines()[-1])
    return seconds, megabytes


def bench(path: Path, field: list[Contestant], rounds: int) -> list[dict[str, Any]]:
    """Median time and peak memory of each contestant on one image, in turns."""
    measured: dict[Contestant, list[tuple[float, float]]] = {contestant: [] for contestant in field}
    for _ in range(rounds):
        for contestant, runs in measured.items():
            if not runs or runs[0][0] < TOO_SLOW:
                runs.append(measure(path, contestant))
    rows = [
        {
            "construction": contestant.construction,
            "program": contestant.title,
            "seconds": median(seconds for seconds, _ in runs),
            "peak_mb": median(megabytes for _, megabytes in runs),
        }
        for contestant, runs in measured.items()
    ]
    own = min(row["seconds"] for row in rows if row["program"].startswith("segtopo"))
    return [row | {"ratio": row["seconds"] / own} for row in rows]


def bench_sizes(
    name: str, shapes: list[tuple[int, ...]], construction: str, rounds: int, folder: Path
) -> Iterator[dict[str, Any]]:
    """One kind of image in growing sizes of the same number of axes; slow peers drop out on the way."""
    field = list(contestants(len(shapes[0]), construction))
    for shape in shapes:
        path = folder / f"{name}-{'x'.join(map(str, shape))}.npy"
        if not path.exists():
            np.save(path, VOLUMES[name](shape, np.random.default_rng(0)).astype(np.float32))
        rows = bench(path, field, rounds)
        yield from ({"volume": name, "shape": list(shape)} | row for row in rows)
        slow = {row["program"] for row in rows if row["seconds"] > TOO_SLOW}
        field = [one for one in field if one.name == "segtopo" or one.title not in slow]


# Reporting


def print_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("volume", "shape", "", "program")
    for title in ("seconds", "peak MB", "x segtopo"):
        table.add_column(title, justify="right")
    for row in rows:
        numbers = f"{row['seconds']:.4f}", f"{row['peak_mb']:.0f}", f"{row['ratio']:.2f}"
        table.add_row(row["volume"], "x".join(map(str, row["shape"])), row["construction"], row["program"], *numbers)
    Console(width=100).print(table)


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Time per voxel against the number of voxels, one panel per kind of image and number of axes."""
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


def parse_shape(text: str) -> tuple[int, ...]:
    return tuple(int(n) for n in text.split(","))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volumes", nargs="+", choices=VOLUMES, default=list(VOLUMES))
    parser.add_argument("--shapes", nargs="+", type=parse_shape, default=SHAPES, metavar="N,N[,N]")
    parser.add_argument("--constructions", nargs="+", choices=["V", "T"], default=["V", "T"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--out", type=Path, default=Path("runs/bench"), help="folder for persistence.json and persistence.png"
    )
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        path, name, construction, threads = arguments.measure
        return measure_here(path, Contestant(name, construction, int(threads)))
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for ndim, name, construction in product((3, 2), arguments.volumes, arguments.constructions):
            shapes = sorted(shape for shape in arguments.shapes if len(shape) == ndim)
            if shapes:
                rows += bench_sizes(name, shapes, construction, arguments.rounds, Path(folder))
    print_table(rows)
    (arguments.out / "persistence.json").write_text(json.dumps(rows, indent=1))
    draw(rows, arguments.out / "persistence.png")
    return None


if __name__ == "__main__":
    main()
