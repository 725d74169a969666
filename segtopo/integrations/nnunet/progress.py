"""The picture of the topology over the epochs of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from segtopo.atomic_output import atomic_output

TOPOLOGY_LOSS = "train_topology_losses"
TOPOLOGY_WEIGHT = "topology_weights"
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
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 8), layout="constrained")
    losses, errors = figure.subplots(2, 1, sharex=True)
    losses.plot(log[TOPOLOGY_LOSS], label="topological loss, unweighted")
    losses.plot(np.multiply(log[TOPOLOGY_LOSS], log[TOPOLOGY_WEIGHT]), label="weighted")
    losses.plot(log["train_losses"], label="whole loss")
    losses.set(yscale="symlog", title="training")
    for dimension in range(dimensions):
        errors.plot(np.mean(log[betti_error_key(dimension)], axis=1), label=f"Betti-{dimension} error, mean of classes")
    errors.set(yscale="symlog", ylim=(0, None), title="validation patches", xlabel="epoch")
    dice = errors.twinx()
    dice.plot(log["ema_fg_dice"], color="black", linestyle="dotted", label="pseudo Dice (moving average)")
    dice.set(ylim=(0, 1))
    for axes, place in ((losses, "upper right"), (errors, "upper left"), (dice, "upper right")):
        axes.legend(loc=place)
    with atomic_output(path) as part:
        figure.savefig(part, dpi=120)
