"""The picture of the topology over the epochs of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from segtopo.atomic_output import atomic_output

TOPOLOGY_LOSS = "train_topology_losses"
TOPOLOGY_WEIGHT = "topology_weights"
WEIGHT_STATE = "topology_weight_states"
MEAN_BETTI_ERROR = "mean_betti_errors"


def betti_error_key(dimension: int) -> str:
    """Returns the key of the Betti errors of a dimension in nnU-Net's logger: for each epoch those of all classes."""
    return f"betti_{dimension}_errors"


def draw_progress(path: Path, log: Mapping[str, Sequence[float]], dimensions: int) -> None:
    """Draws the topological loss, its weight, and the Betti errors beside the pseudo Dice.

    Args:
        path: The PNG file to write.
        log: The values of each epoch, by the keys of nnU-Net's logger.
        dimensions: The number of Betti numbers.
    """
    from matplotlib import style
    from matplotlib.figure import Figure

    weighted = np.multiply(log[TOPOLOGY_LOSS], log[TOPOLOGY_WEIGHT])
    with style.context("default"):  # nnU-Net sets a large font for its own picture
        figure = Figure(figsize=(9, 8), layout="constrained")
        losses, errors = figure.subplots(2, 1, sharex=True)
        losses.plot(log["train_losses"], marker=".", label="whole loss")
        losses.plot(weighted, marker=".", label="topological loss, weighted")
        losses.plot(log[TOPOLOGY_LOSS], marker=".", label="topological loss")
        losses.set(yscale="symlog", title="training")
        weights = losses.twinx()
        weights.plot(
            np.where(log[TOPOLOGY_WEIGHT], log[TOPOLOGY_WEIGHT], np.nan),
            color="black",
            linestyle="dotted",
            label="weight of the topological loss",
        )
        weights.set(yscale="log", ylabel="weight")
        for dimension in range(dimensions):
            mean = np.mean(log[betti_error_key(dimension)], axis=1)
            errors.plot(mean, marker=".", label=f"Betti-{dimension} error, mean of classes")
        errors.set(yscale="symlog", ylim=(0, None), title="validation patches", xlabel="epoch", ylabel="Betti error")
        dice = errors.twinx()
        dice.plot(log["ema_fg_dice"], color="black", linestyle="dotted", label="pseudo Dice, moving average")
        dice.set(ylim=(0, 1), ylabel="pseudo Dice")
        figure.legend(loc="outside lower center", ncols=2)
        with atomic_output(path) as part:
            figure.savefig(part, dpi=120)
