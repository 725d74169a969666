"""Measures the memory of a training, and the time that it waits for data, for different numbers of 3D cases.

Each training runs in a fresh process with a config like ``configs/lungs.yaml``: patches of 64^3, batches of 2. Cases
are simulated CT of 256^3 as NIfTI; some files are the same, under names of their own. Prints a table: the peak memory
of the training and its workers together, while cases are prepared and while patches are drawn (shared pages are
counted once); the part of the time that the training waits for data after the first batch; the disk of the cache.

    python scripts/bench/training_memory.py --folder runs/training_memory
    python scripts/bench/training_memory.py --cases 4 16 --size 128 --iterations 10
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
from inputs import binary
from timing import print_table

DIFFERENT_VOLUMES = 4
SAMPLE_SECONDS = 0.2


def write_cases(folder: Path, count: int, size: int) -> None:
    """Writes images and labels, where they are not yet."""
    from segtopo.volumes import write_volume

    for number in range(count):
        image, label = (folder / kind / f"case_{number:03}.nii" for kind in ("images", "labels"))
        if label.exists():
            continue
        if number >= DIFFERENT_VOLUMES:
            for file in (image, label):
                os.link(file.with_name(f"case_{number % DIFFERENT_VOLUMES:03}.nii"), file)
            continue
        rng = np.random.default_rng(number)
        mask = binary((size,) * 3, rng)
        write_volume(image, np.rint(400 * mask + rng.normal(-600, 30, mask.shape)).astype(np.int16))
        write_volume(label, mask.astype(np.uint8))


def config_of(folder: Path, count: int, iterations: int, workers: int) -> dict[str, Any]:
    """Returns the config of a training with the first cases."""
    table = folder / f"{count}.csv"
    rows = [f"images/case_{number:03}.nii,labels/case_{number:03}.nii" for number in range(count)]
    table.write_text("\n".join(["image,label", *rows]), encoding="utf-8")
    return {
        "out": str(folder / f"out_{count}"),
        "data": {"table": str(table), "normalization": {"name": "ZScore"}},
        "transforms": [{"name": "RandFlip"}, {"name": "RandGaussianNoise", "prob": 0.2}],
        "network": {"name": "UNet", "channels": [8, 16, 32, 64], "num_res_units": 1, "norm": "batch"},
        "loss": {"name": "DiceCELoss", "include_background": False},
        "optimizer": {"name": "AdamW", "lr": 1e-3},
        "schedule": {"name": "Constant"},
        "patch_size": [64, 64, 64],
        "batch_size": 2,
        "epochs": 1,
        "iterations_per_epoch": iterations,
        "workers": workers,
    }


class Waiting:
    """Batches of a loader, with the time until each is there."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader
        self.waited: list[float] = []
        self.first = 0.0

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        batches = iter(self.loader)
        while True:
            start = time.perf_counter()
            batch = next(batches, None)
            self.waited.append(time.perf_counter() - start)
            self.first = self.first or time.perf_counter()
            if batch is None:
                return
            yield batch


def train_here(path: Path) -> None:
    """Trains in this process and prints the figures as JSON."""
    from segtopo.training import train, training_run

    peaks, ended = {"prepare": 0.0, "train": 0.0}, Event()
    loaders: list[Waiting] = []
    build = training_run.patch_loader

    def patch_loader(*arguments: Any) -> Waiting:
        loaders.append(Waiting(build(*arguments)))
        return loaders[0]

    def watch() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            phase = "train" if loaders else "prepare"
            peaks[phase] = max(peaks[phase], memory_of_family())

    training_run.patch_loader = patch_loader  # type: ignore[assignment]
    watcher = Thread(target=watch)
    watcher.start()
    try:
        train(path)
    finally:
        ended.set()
        watcher.join()
    (loader,) = loaders
    seconds = time.perf_counter() - loader.first
    print(json.dumps({**peaks, "waiting": sum(loader.waited[1:]) / seconds, "seconds": seconds}))


def memory_of_family() -> float:
    """Returns the resident memory of this process and its children in MB; pages that they share count once (Linux)."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="utf-8").split()
    total = 0
    for process in ("self", *children):
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8").splitlines()
        except OSError:
            continue  # it has ended
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("runs/training_memory"))
    parser.add_argument("--cases", type=int, nargs="+", default=[4, 16, 64])
    parser.add_argument("--size", type=int, default=256, help="edge of the volumes in voxels")
    parser.add_argument("--iterations", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.train is not None:
        train_here(arguments.train)
        return
    rows = []
    for count in arguments.cases:
        write_cases(arguments.folder, count, arguments.size)
        config = config_of(arguments.folder, count, arguments.iterations, arguments.workers)
        path = arguments.folder / f"{count}.yaml"
        path.write_text(json.dumps(config), encoding="utf-8")
        command = [sys.executable, __file__, "--train", str(path)]
        done = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        disk = sum(file.stat().st_size for file in Path(config["out"]).rglob("cache/**/*") if file.is_file())
        per_case = disk / count / 1e6
        figures = [found["prepare"], found["train"], 100 * found["waiting"], found["seconds"], per_case]
        rows.append([str(count), *(f"{figure:.0f}" for figure in figures)])
    print_table(["cases", "preparing MB", "training MB", "waiting %", "seconds", "cache MB per case"], rows)


if __name__ == "__main__":
    main()
