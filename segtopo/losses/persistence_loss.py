"""What all losses of persistence diagrams share: which features count, how much, and in what precision."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from segtopo.errors import InputError
from segtopo.losses.bars import Bars
from segtopo.losses.channels import ChannelLoss
from segtopo.persistence import Construction


class PersistenceLoss(ChannelLoss):
    """A loss of the superlevel persistence diagrams of probabilities, computed for each channel of each item.

    A subclass writes :meth:`image_losses`; everything around it is here and in :class:`ChannelLoss`.

    Args:
        dimensions: Dimensions of the features compared. None: all, 0 to the number of spatial axes less one.
        dimension_weights: One weight for each of ``dimensions``, none negative. None: all 1.
        min_persistence: Bars of the prediction up to this length cost nothing while they have no partner; at least
            0 and below 1.
        construction: ``"T"``: full foreground connectivity (8 / 26). ``"V"``: face connectivity (4 / 6).
        num_threads: Threads for persistence. None: as many as there are cores.
        channel_options: Those of :class:`ChannelLoss`.

    Raises:
        ValueError: If an option is out of its range.
    """

    def __init__(
        self,
        *,
        dimensions: Sequence[int] | None,
        dimension_weights: Sequence[float] | None,
        min_persistence: float,
        construction: Construction,
        num_threads: int | None,
        **channel_options: Any,
    ) -> None:
        super().__init__(**channel_options)
        if construction not in ("T", "V"):
            raise InputError(f"construction is {construction!r}, expected 'T' or 'V'.")
        if not 0.0 <= min_persistence < 1.0:
            raise InputError(f"min_persistence is {min_persistence}, expected at least 0 and below 1.")
        self.dimensions = None if dimensions is None else _distinct(dimensions)
        self.dimension_weights = None if dimension_weights is None else _not_negative(dimension_weights)
        self.min_persistence = min_persistence
        self.construction = construction
        self.num_threads = num_threads

    @abstractmethod
    def image_losses(self, images: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
        """The losses ``(N,)`` of images and references, both ``(N, *spatial)`` and of one floating type."""

    def channel_losses(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The losses ``(B, C)``, in float64 for a float64 prediction and in float32 otherwise."""
        self._warn_unless_probabilities(prediction, target)
        images = single_images(prediction)
        return self.image_losses(images, target.flatten(0, 1).to(images)).reshape(prediction.shape[:2])

    def weight_of_dimension(self, ndim: int) -> dict[int, float]:
        """The dimensions compared in images with this many axes, and the weight of each.

        Raises:
            InputError: If images with this many axes have no such dimensions, or they are not as many as the weights.
        """
        dimensions = self.dimensions or tuple(range(ndim))
        if not set(dimensions) <= set(range(ndim)):
            raise InputError(f"dimensions are {dimensions}, expected values from 0 to {ndim - 1} for {ndim}D images.")
        weights = self.dimension_weights or (1.0,) * len(dimensions)
        if len(weights) != len(dimensions):
            raise InputError(f"dimension_weights has {len(weights)} values for the dimensions {dimensions}.")
        return dict(zip(dimensions, weights, strict=True))

    def weights_of(self, bars: Bars, ndim: int) -> NDArray[np.float64]:
        """The weight ``(n,)`` of each bar of images with this many axes, 0 where its dimension is not compared."""
        weights = np.zeros(ndim)
        for dimension, weight in self.weight_of_dimension(ndim).items():
            weights[dimension] = weight
        return weights[bars.dimension]

    def _warn_unless_probabilities(self, prediction: torch.Tensor, target: torch.Tensor) -> None:
        activated = self.sigmoid or self.other_act is not None or (self.softmax and prediction.shape[1] > 1)
        checked = {"target": target} if activated else {"input": prediction, "target": target}
        for name, values in checked.items():
            # One pass, a hundredth of the time that persistence takes.
            lowest, highest = (extreme.item() for extreme in torch.aminmax(values.detach()))
            if lowest < 0 or highest > 1:
                warnings.warn(
                    f"the {name} has values from {lowest:.3g} to {highest:.3g}, expected 0 to 1: set `sigmoid=True` "
                    "or `softmax=True` for logits, `to_onehot_y=True` for label maps.",
                    stacklevel=6,
                )


def single_images(channels: torch.Tensor) -> torch.Tensor:
    """The images ``(B * C, *spatial)`` of all channels, in float64 if they are and in float32 otherwise."""
    return channels.to(torch.float64 if channels.dtype == torch.float64 else torch.float32).flatten(0, 1)


def _distinct(dimensions: Sequence[int]) -> tuple[int, ...]:
    if len(dimensions) == 0 or len(set(dimensions)) < len(dimensions):
        raise InputError(f"dimensions are {tuple(dimensions)}, expected at least one and none twice.")
    return tuple(dimensions)


def _not_negative(weights: Sequence[float]) -> tuple[float, ...]:
    if len(weights) == 0 or min(weights) < 0:
        raise InputError(f"dimension_weights are {tuple(weights)}, expected at least one and none negative.")
    return tuple(weights)
