"""The bases of all losses of persistence diagrams: options, precision, and the way from channels to images."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import MinLen

from segtopo.errors import InputError, mismatch
from segtopo.losses.calls import not_compiled, warn_caller
from segtopo.losses.channel_loss import ChannelLoss
from segtopo.losses.dimensions import Dimensions
from segtopo.losses.options import BelowOne, Dimension, NonNegative, Threads
from segtopo.persistence import Construction


@dataclass(eq=False, repr=False, kw_only=True)
class PersistenceLoss(ChannelLoss):
    """A loss of the superlevel persistence diagrams of probabilities, computed for each channel of each item.

    A bar ``(b, d)`` of dimension 0 is a component that appears at probability ``b`` and merges with another at ``d``;
    dimension 1 holds loops, dimension 2 (in 3D) cavities. A binary target has one bar (1, 0) for each feature.
    Essential components are given death 0.

    All other options are those of
    :class:`~segtopo.losses.channel_options.ChannelOptions`; ignored voxels are background.

    Args:
        dimensions: Dimensions of the features compared. None: all, 0 to the number of spatial axes less one.
        dimension_weights: One weight for each of ``dimensions``, none negative. None: all 1.
        min_persistence: Bars of the prediction up to this length cost nothing while they have no partner; at least
            0 and below 1.
        construction: ``"T"``: full foreground connectivity (8 / 26). ``"V"``: face connectivity (4 / 6).
        num_threads: Threads for persistence. None: as many as there are cores.

    Raises:
        InputError: If an option is out of its range.
    """

    dimensions: Annotated[Sequence[Dimension], MinLen(1)] | None = None
    dimension_weights: Annotated[Sequence[NonNegative], MinLen(1)] | None = None
    min_persistence: BelowOne = 0.0
    construction: Construction = "T"
    num_threads: Threads | None = None

    def dimensions_of(self, images: torch.Tensor) -> Dimensions:
        """Returns the dimensions compared in images ``(N, *spatial)``."""
        return Dimensions(images.ndim - 1, self.dimensions, self.dimension_weights)

    def check_probabilities(self, prediction: torch.Tensor, target: torch.Tensor | None) -> None:
        """Warns of a prediction outside of [0, 1] that has no activation, and refuses such a target."""
        activated = self.sigmoid or self.other_act is not None or (self.softmax and prediction.shape[1] > 1)
        if not activated and (found := _beyond_probabilities(prediction)):
            warn_caller(mismatch("input", got=found, expected="0 to 1; for logits set sigmoid=True or softmax=True"))
        if target is not None and (found := _beyond_probabilities(target)):
            raise InputError(mismatch("target", got=found, expected="0 to 1; for label maps set to_onehot_y=True"))


class ComparisonLoss(PersistenceLoss):
    """A loss that compares the diagrams of prediction and target, image by image.

    A subclass writes :meth:`image_losses`.
    """

    @abstractmethod
    def image_losses(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Computes the losses ``(N,)`` of images, both ``(N, *spatial)`` and of one floating dtype."""

    @not_compiled
    def channel_losses(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Computes the losses ``(B, C)`` of probabilities and targets ``(B, C, H, W[, D])``."""
        self.check_probabilities(prediction, target)
        return self.image_losses(prediction.flatten(0, 1), target.flatten(0, 1)).reshape(prediction.shape[:2])


class PriorLoss(PersistenceLoss):
    """A loss of the prediction's diagrams alone, or with a goal that the target gives.

    A subclass writes :meth:`image_losses`.
    """

    @abstractmethod
    def image_losses(self, prediction: torch.Tensor, target: torch.Tensor | None) -> torch.Tensor:
        """Computes the losses ``(N,)`` of images ``(N, *spatial)``, with the targets if there are any."""

    def forward(self, input: torch.Tensor, target: torch.Tensor | None = None) -> torch.Tensor:
        """Computes the loss; shapes and errors are those of :meth:`ChannelLoss.forward`.

        The target is optional if the options give the goal. The loss then needs it only to find the ignored voxels.
        """
        prediction, target = (self.prepare_alone(input), None) if target is None else self.prepare(input, target)
        return self.reduce(self.channel_losses(prediction, target), prediction.ndim - 2)

    def regions(self, prediction: torch.Tensor) -> torch.Tensor:
        """Returns the probabilities ``(B, K, *spatial)`` of the regions that the loss is about: the channels."""
        return prediction

    @not_compiled
    def channel_losses(self, prediction: torch.Tensor, target: torch.Tensor | None) -> torch.Tensor:
        """Computes the losses ``(B, K)`` of the regions."""
        self.check_probabilities(prediction, target)
        images = self.regions(prediction).flatten(0, 1)
        return self.image_losses(images, None if target is None else target.flatten(0, 1)).reshape(len(prediction), -1)


def _beyond_probabilities(values: torch.Tensor) -> str:
    """Returns a phrase for values outside of [0, 1], empty if there are none."""
    # One pass takes a hundredth of the time of persistence, and both numbers leave the device at once.
    lowest, highest = torch.stack(torch.aminmax(values.detach())).tolist()
    return f"values from {lowest:.3g} to {highest:.3g}" if lowest < 0 or highest > 1 else ""
