"""Compares trainings with and without the transform RandBreakVessels, on test images, over several seeds.

For each training the rules of the rows "small pieces removed" and "repaired" are chosen on its validation cases.

    python scripts/break_vessels.py configs/vessels2d.yaml data_samples/vessels2d/test --out runs/breaks --seeds 0 1 2
"""

from __future__ import annotations

import argparse
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from segtopo.config import load_config
from segtopo.inference import predict
from segtopo.masks.skeletons import skeleton
from segtopo.repair import Figures, RepairRules, read_probability, repair_mask
from segtopo.training import train
from segtopo.volumes import image_stem, images_by_name, read_mask

BREAKS = {"name": "RandBreakVessels", "prob": 0.5}
ROWS = ("as predicted", "small pieces removed", "repaired")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("test", type=Path, help="folder with images/ and labels/")
    parser.add_argument("overrides", nargs="*", metavar="KEY.PATH=VALUE")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for seed in arguments.seeds:
        for arm in ("without", "with"):
            out = arguments.out / f"{arm}_{seed}"
            if not (out / "figures.json").exists():
                run(arguments.config, arguments.overrides, arguments.test, out, arm == "with", seed)
    print_table(arguments.out, arguments.seeds)


def run(config: Path, overrides: list[str], test: Path, out: Path, breaks: bool, seed: int) -> None:
    """Trains, predicts the test images, and writes the figures of each row and case."""
    content = load_config(config, overrides).model_dump(mode="json")
    content |= {"out": str(out / "run"), "seed": seed}
    content["validation"]["repair"] = True
    content["transforms"] += [BREAKS] * breaks
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    result = train(out / "config.yaml")
    assert result.best is not None
    predict(result.best, test / "images", out / "predictions", probabilities=True)
    labels = images_by_name(test / "labels")
    figures: dict[str, list[Any]] = {row: [] for row in ROWS}
    for path in sorted((out / "predictions" / "probabilities").iterdir()):
        probability = read_probability(path).foreground[0]
        reference = read_mask(labels[image_stem(path)]).array.astype(bool)
        for row, rules in rules_of(out / "run" / "repair_rules.json").items():
            mask = probability > 0.5 if rules is None else repair_mask(probability, rules).mask
            found = Figures.of(mask, reference, skeleton(reference), "T")
            figures[row].append([found.dice, found.tree_length, found.betti_errors[0], found.betti_matching_error])
    (out / "figures.json").write_text(json.dumps(figures), encoding="utf-8")


def rules_of(path: Path) -> dict[str, RepairRules | None]:
    """Returns the rules of each row; those that only remove are chosen as the calibration chooses."""
    content = json.loads(path.read_text(encoding="utf-8"))
    removal = [entry for entry in content["grid"] if entry["connect_above"] is None]
    best = max(entry["dice"] for entry in removal)
    allowed = [entry for entry in removal if entry["dice"] >= best - content["tolerance"]]
    chosen = min(allowed, key=lambda entry: (sum(entry["betti_matching_errors"]), -entry["tree_length"]))
    keys = {field.name for field in fields(RepairRules)}
    rules = {key: value for key, value in chosen.items() if key in keys}
    return dict(zip(ROWS, (None, RepairRules.of(rules, path), RepairRules.load(path)), strict=True))


def print_table(out: Path, seeds: list[int]) -> None:
    """Prints the means over cases and seeds, and the standard deviation of the seeds' means."""
    print(f"| {out} | breaks | Dice | tree length | Betti-0 error | Betti matching error |\n|---|---|---|---|---|---|")
    for row in ROWS:
        for arm in ("without", "with"):
            files = [out / f"{arm}_{seed}" / "figures.json" for seed in seeds]
            means = np.array([np.mean(json.loads(file.read_text(encoding="utf-8"))[row], axis=0) for file in files])
            digits = zip(means.mean(axis=0), means.std(axis=0), (3, 3, 1, 1), strict=True)
            print(f"| {row} | {arm} |", " | ".join(f"{m:.{d}f} ± {s:.{d}f}" for m, s, d in digits), "|")


if __name__ == "__main__":
    main()
