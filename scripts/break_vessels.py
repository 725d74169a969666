"""Compares trainings with and without the transform RandBreakVessels, on test images, over several seeds.

For each training the rules of the rows "small pieces removed" and "repaired" are chosen on its validation cases.

    python scripts/break_vessels.py configs/vessels2d.yaml data_samples/vessels2d/test --out runs/breaks --seeds 0 1 2
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
import yaml
from result_rows import FIGURES, ROWS, argument_parser, figures_by_row, table_row

from segtopo.config import load_config
from segtopo.inference import predict
from segtopo.training import train

BREAKS = {"name": "RandBreakVessels", "prob": 0.5}


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    arguments = parser.parse_intermixed_args()
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
    figures = figures_by_row(out / "predictions" / "probabilities", test / "labels", out / "run" / "repair_rules.json")
    (out / "figures.json").write_text(json.dumps(figures), encoding="utf-8")


def print_table(out: Path, seeds: list[int]) -> None:
    """Prints the means over cases and seeds, and the standard deviation of the seeds' means."""
    print(f"| {out} | breaks | {' | '.join(FIGURES)} |\n|---|---|---|---|---|---|")
    for row in ROWS:
        for arm in ("without", "with"):
            files = [out / f"{arm}_{seed}" / "figures.json" for seed in seeds]
            means = np.array([np.mean(json.loads(file.read_text(encoding="utf-8"))[row], axis=0) for file in files])
            print(table_row((row, arm), means.mean(axis=0), means.std(axis=0)))


if __name__ == "__main__":
    main()
