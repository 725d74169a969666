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
from segtopo.losses.channel_loss import ChannelLoss, not_compiled, without_metadata
from segtopo.persistence import Construction


class PersistenceLoss(ChannelLoss):
    """A loss of the superlevel persistence diagrams of probabilities, computed for each channel of each item.

    Its subclasses are :class:`ComparisonLoss` and :class:`PriorLoss`.

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

    def dimension_weight(self, ndim: int) -> NDArray[np.float64]:
        """The weight ``(ndim,)`` of each dimension of images with this many axes, 0 where it is not compared."""
        weights = np.zeros(ndim)
        for dimension, weight in self.weight_of_dimension(ndim).items():
            weights[dimension] = weight
        return weights

    def by_dimension(self, name: str, numbers: Sequence[int] | int, ndim: int) -> NDArray[np.int64]:
        """One number, or one for each of ``dimensions``, as ``(ndim,)``, 0 where a dimension is not compared.

        Raises:
            InputError: If there are not as many as dimensions.
        """
        dimensions = list(self.weight_of_dimension(ndim))
        spread = np.zeros(ndim, np.int64)
        if not isinstance(numbers, int) and len(numbers) != len(dimensions):
            raise InputError(f"{name} has {len(numbers)} values for the dimensions {tuple(dimensions)}.")
        spread[dimensions] = numbers
        return spread

    def _check_probabilities(self, prediction: torch.Tensor, target: torch.Tensor | None) -> None:
        activated = self.sigmoid or self.other_act is not None or (self.softmax and prediction.shape[1] > 1)
        if not activated and (found := _beyond_probabilities(prediction)):
            message = f"the input has {found}: set `sigmoid=True` or `softmax=True` for logits."
            warnings.warn(message, stacklevel=7)
        if target is not None and (found := _beyond_probabilities(target)):
            raise InputError(f"the target has {found}: set `to_onehot_y=True` for label maps.")


class ComparisonLoss(PersistenceLoss):
    """A loss that compares the diagrams of prediction and target, image by image.

    A subclass writes :meth:`image_losses`; everything around it is here and above.
    """

    @abstractmethod
    def image_losses(self, images: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
        """The losses ``(N,)`` of images and references, both ``(N, *spatial)`` and of one floating type."""

    @not_compiled
    def channel_losses(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The losses ``(B, C)``, in float64 for a float64 prediction and in float32 otherwise."""
        self._check_probabilities(prediction, target)
        images = single_images(prediction)
        return self.image_losses(images, target.flatten(0, 1).to(images)).reshape(prediction.shape[:2])


class PriorLoss(PersistenceLoss):
    """A loss of the prediction's diagrams whose goal can be known beforehand: it needs no target then.

    A subclass writes :meth:`image_losses`; everything around it is here and above.
    """

    @abstractmethod
    def image_losses(self, images: torch.Tensor, references: torch.Tensor | None) -> torch.Tensor:
        """The losses ``(N,)`` of images and, if there are any, references, ``(N, *spatial)`` of one floating type."""

    def forward(self, input: torch.Tensor, target: torch.Tensor | None = None) -> torch.Tensor:
        """Computes the loss.

        Args:
            input: ``(B, C, H, W[, D])``, logits or probabilities according to the activation chosen.
            target: ``(B, C, H, W[, D])``, or ``(B, 1, H, W[, D])`` with ``to_onehot_y=True``. Where the loss takes
                nothing else from it, it tells with ``ignore_index`` which voxels to leave out, and can be missing.

        Returns:
            A scalar, or ``(B, C, 1, 1[, 1])`` with ``reduction="none"``.

        Raises:
            AssertionError: If input and target (one-hot, if asked for) have different shapes.
            InputError: If the loss needs the target and there is none, if there are not two or three spatial axes, or
                not as many weights as channels.
        """
        input = without_metadata(input)
        if target is None:
            prediction, reference = self.prepare_alone(input), None
        else:
            prediction, reference = self.prepare(input, without_metadata(target))
        return self.reduce(self.channel_losses(prediction, reference), prediction.ndim - 2)

    def regions(self, prediction: torch.Tensor) -> torch.Tensor:
        """The probabilities ``(B, K, *spatial)`` of the regions that the loss is about; here the channels."""
        return prediction

    @not_compiled
    def channel_losses(self, prediction: torch.Tensor, target: torch.Tensor | None) -> torch.Tensor:
        """The losses ``(B, C)`` of regions, in float64 for a float64 prediction and in float32 otherwise."""
        self._check_probabilities(prediction, target)
        images = single_images(self.regions(prediction))
        references = None if target is None else target.flatten(0, 1).to(images)
        return self.image_losses(images, references).reshape(len(prediction), -1)


def single_images(channels: torch.Tensor) -> torch.Tensor:
    """The images ``(B * C, *spatial)`` of all channels, in float64 if they are and in float32 otherwise."""
    return channels.to(torch.float64 if channels.dtype == torch.float64 else torch.float32).flatten(0, 1)


def _beyond_probabilities(values: torch.Tensor) -> str:
    """What to say of values outside [0, 1]; nothing if there are none."""
    # One pass, a hundredth of the time that persistence takes.
    lowest, highest = (extreme.item() for extreme in torch.aminmax(values.detach()))
    return f"values from {lowest:.3g} to {highest:.3g}, expected 0 to 1" if lowest < 0 or highest > 1 else ""


def _distinct(dimensions: Sequence[int]) -> tuple[int, ...]:
    if len(dimensions) == 0 or len(set(dimensions)) < len(dimensions):
        raise InputError(f"dimensions are {tuple(dimensions)}, expected at least one and none twice.")
    return tuple(dimensions)


def _not_negative(weights: Sequence[float]) -> tuple[float, ...]:
    if len(weights) == 0 or min(weights) < 0:
        raise InputError(f"dimension_weights are {tuple(weights)}, expected at least one and none negative.")
    return tuple(weights)
