"""Compares single networks with an ensemble of all folds, without and with mirroring, on test images.

Trains a cross-validation. The rules of "small pieces removed" and "repaired" are chosen on the validation cases of all
folds, each predicted by the network that has not seen it, and are the same for all rows.

    python scripts/compare_folds.py configs/chase_db1.yaml ../shared/data/chase_db1/test --out runs/compare_folds
"""

from __future__ import annotations

import numpy as np
import torch
from result_rows import FIGURES, ROWS, argument_parser, figures_by_row, table_row

from segtopo.inference import predict
from segtopo.training import train_folds


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--resume", action="store_true")
    arguments = parser.parse_intermixed_args()
    torch.set_num_threads(1)
    run = arguments.out / "run"
    split = ["data.split.fraction=null", f"data.split.folds={arguments.folds}"]
    train_folds(
        arguments.config,
        [*arguments.overrides, *split, f"out={run}", "validation.repair=true"],
        resume=arguments.resume,
    )
    singles = [[run / f"fold_{number}"] for number in range(arguments.folds)]
    arms = {
        "one network": singles,
        "one network, mirrored": singles,
        "ensemble": [[run]],
        "ensemble, mirrored": [[run]],
    }
    print(f"| row | networks | {' | '.join(FIGURES)} |\n|{'---|' * (2 + len(FIGURES))}")
    for arm, groups in arms.items():
        means = []
        for number, models in enumerate(groups):
            masks = arguments.out / f"{arm.replace(', ', '_').replace(' ', '_')}_{number}"
            predict(models, arguments.test / "images", masks, probabilities=True, mirror="mirrored" in arm)
            figures = figures_by_row(masks / "probabilities", arguments.test / "labels", run / "repair_rules.json")
            means.append([np.mean(figures[row], axis=0) for row in ROWS])
        for row, values, deviations in zip(ROWS, np.mean(means, axis=0), np.std(means, axis=0), strict=True):
            print(table_row((row, arm), values, deviations), flush=True)


if __name__ == "__main__":
    main()
