"""Compares the config of ``segtopo plan`` with another config, on test images, over several seeds.

Both trainings see the same number of voxels: the iterations of the planned one are changed. Repair rules are those that
each training calibrates.

    python scripts/compare_plan.py data_samples/vessels3d configs/vessels3d.yaml --out runs/compare_plan --seeds 0 1 2
"""

from __future__ import annotations

import argparse
from math import prod
from pathlib import Path

import numpy as np
from rich.console import Console

from segtopo.config import TrainingConfig, load_config
from segtopo.inference import predict
from segtopo.masks import betti_numbers
from segtopo.masks.dice import dice
from segtopo.planning import plan
from segtopo.training import train
from segtopo.volumes import images_by_name, read_mask


def voxels_seen(config: TrainingConfig) -> int:
    """Returns the number of voxels in all patches of a training."""
    return config.epochs * config.iterations_per_epoch * config.batch_size * prod(config.patch_size)


def equal_length(planned: TrainingConfig, other: TrainingConfig) -> list[str]:
    """Returns overrides with which the planned training sees as many voxels as the other, in as many epochs."""
    per_iteration = planned.batch_size * prod(planned.patch_size)
    iterations = max(1, round(voxels_seen(other) / (per_iteration * other.epochs)))
    return [f"epochs={other.epochs}", f"iterations_per_epoch={iterations}"]


def scores(masks: list[Path], labels: Path) -> tuple[float, float]:
    """Returns the mean Dice and the mean sum of the Betti errors of masks."""
    references = images_by_name(labels)
    pairs = [(read_mask(mask).array, read_mask(references[mask.name.split(".")[0]]).array) for mask in masks]
    errors = [np.abs(np.subtract(betti_numbers(mask), betti_numbers(label))).sum() for mask, label in pairs]
    return float(np.mean([dice(mask, label) for mask, label in pairs])), float(np.mean(errors))


def main() -> None:
    """Trains, predicts the test images and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="a folder with train and test")
    parser.add_argument("config", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("overrides", nargs="*", help="KEY.PATH=VALUE for the config, for instance epochs=10")
    arguments = parser.parse_intermixed_args()
    arguments.out.mkdir(parents=True)
    planned = arguments.out / "planned.yaml"
    planned.write_text(plan(arguments.data).config, encoding="utf-8")
    length = equal_length(load_config(planned), load_config(arguments.config, arguments.overrides))
    print(f"{'training':24} {'Dice':>6} {'Betti error':>12}")
    for seed in arguments.seeds:
        for config, overrides in ((planned, length), (arguments.config, arguments.overrides)):
            out = arguments.out / f"{config.stem}_{seed}"
            own = [f"out={out}", f"seed={seed}", "validation.repair=true"]
            with (arguments.out / f"{out.name}.log").open("w", encoding="utf-8") as log:
                result = train(config, [*overrides, *own], console=Console(file=log))
            for kind, repair in (("as predicted", False), ("repaired", True)):
                folder = arguments.out / f"{out.name}_{'repaired' if repair else 'masks'}"
                masks = predict(result.best or result.last, arguments.data / "test/images", folder, repair=repair)
                overlap, error = scores(masks, arguments.data / "test/labels")
                print(f"{out.name + ', ' + kind:24} {overlap:6.3f} {error:12.2f}", flush=True)


if __name__ == "__main__":
    main()
