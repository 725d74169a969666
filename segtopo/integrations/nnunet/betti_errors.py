"""Betti errors of validation patches, and the epoch with the best topology."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import torch

from segtopo.integrations.nnunet.foreground import Foreground
from segtopo.masks import betti_numbers

#: Epochs over which the error is averaged before epochs are compared: validation patches are drawn at random.
WINDOW = 10

Errors = npt.NDArray[np.float64]


class BettiErrors:
    """The absolute differences of the Betti numbers of predictions and targets, summed over patches.

    A patch cuts prediction and target alike, so its numbers are not those of whole images.

    Args:
        foreground: The conventions of the dataset.

    Attributes:
        sums: ``(classes or regions, dimensions)`` sums of the errors; 0 before the first patch.
        patches: The number of patches.

    Example:
        >>> import torch
        >>> errors = BettiErrors(Foreground(has_regions=True, ignore_label=None))
        >>> broken = torch.tensor([[[[0.9, 0.1, 0.9]]]])
        >>> errors.add(broken, torch.ones(1, 1, 1, 3))
        >>> errors.sums.tolist(), errors.patches
        ([[1.0, 0.0]], 1)
    """

    def __init__(self, foreground: Foreground) -> None:
        self.foreground = foreground
        self.sums: Errors = np.zeros(())
        self.patches = 0

    def add(self, prediction: torch.Tensor, target: torch.Tensor) -> None:
        """Adds the errors of a batch of probabilities and one-hot targets ``(B, C, H, W[, D])``."""
        predicted, true = (masks.cpu().numpy() for masks in (self.foreground.masks(prediction), target > 0.5))
        numbers = [
            np.array([[betti_numbers(mask) for mask in masks] for masks in batch], np.float64)
            for batch in (predicted, true)
        ]
        self.sums = self.sums + np.abs(numbers[0] - numbers[1]).sum(axis=0)
        self.patches += len(predicted)

    @staticmethod
    def mean(parts: Iterable[tuple[Errors, int]]) -> Errors:
        """Returns the mean over all patches of sums and numbers of patches, for instance those of all processes."""
        sums, patches = zip(*parts, strict=True)
        return np.asarray(np.sum(sums, axis=0) / np.sum(patches))


def best_epoch(dice: Sequence[float], errors: Sequence[float], tolerance: float) -> int:
    """Returns the epoch of the least error among those with Dice close to the best.

    Only the present network can be saved. So each epoch replaces the best one before it if its Dice is close to the
    best so far, and its error is less or the other one's Dice is no longer close. Without the limit of Dice, a network
    that predicts nothing would be hard to beat: one missing vessel is one error, a vessel in three pieces are two.

    Args:
        dice: The Dice coefficient of each epoch.
        errors: The error of each epoch. Means over the last ten epochs are compared.
        tolerance: The part of the best Dice coefficient so far that the best epoch may lack.

    Example:
        >>> best_epoch([0.0, 0.8, 0.82, 0.81], [1, 6, 4, 9], tolerance=0.05)  # the means are 1, 3.5, 3.7 and 5
        1
    """
    smooth = [float(np.mean(errors[max(0, epoch + 1 - WINDOW) : epoch + 1])) for epoch in range(len(errors))]
    best = 0
    for epoch in range(1, len(dice)):
        limit = np.nanmax(dice[: epoch + 1]) - tolerance
        if dice[epoch] >= limit and (smooth[epoch] < smooth[best] or not dice[best] >= limit):
            best = epoch
    return best
