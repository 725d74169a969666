"""The channels of a network: from labels to targets, and from outputs to probabilities and label maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from segtopo.repair.probability_map import REGION, ChannelLabels

#: The value of ignored voxels in the targets of regions, which are 0 or 1.
IGNORED_TARGET = 2


@dataclass(frozen=True)
class OutputChannels(ChannelLabels):
    """The channels of a network, and the labels of the prepared label maps for which they stand.

    Classes exclude each other: the network has a channel for the background and for each class, with a softmax. Regions
    may overlap and share labels: the network has a channel for each region, with a sigmoid.

    Attributes:
        names: The names of the structures: the classes without the background, or the regions.

    Example:
        >>> channels = OutputChannels(((1, 2), (2,)), painted=(1, 2), names=("tumor", "core"))
        >>> logits = torch.tensor([[[[4.0, 4.0, -4.0]], [[4.0, -4.0, -4.0]]]])
        >>> channels.label_map(channels.probabilities(logits))
        tensor([[[2, 1, 0]]], dtype=torch.uint8)
    """

    names: tuple[str, ...] = ()

    @property
    def has_regions(self) -> bool:
        """Whether the channels are regions, not classes."""
        return self.painted is not None

    @property
    def number(self) -> int:
        """The number of channels of the network."""
        return len(self.of_channels) + (not self.has_regions)

    @property
    def highest(self) -> int:
        """The highest label; voxels of a higher one are ignored."""
        return max(label for labels in self.of_channels for label in labels)

    @property
    def ignore_index(self) -> int | None:
        """The value of the ignored voxels in the target of a loss; None if there are none."""
        return IGNORED_TARGET if self.has_regions and self.ignored is not None else self.ignored

    def masks(self, labels: torch.Tensor) -> torch.Tensor:
        """Returns the masks ``(B, structures, *spatial)`` of the structures in label maps ``(B, *spatial)``."""
        return torch.stack([_is_in(labels, values) for values in self.of_channels], dim=1)

    def mask(self, labels: npt.NDArray[Any], channel: int) -> npt.NDArray[np.bool_]:
        """Returns the mask of the structure of a foreground channel, counted from 0, in a label map."""
        return np.asarray(np.isin(labels, self.of_channels[channel]))

    def for_loss(self, outputs: Any, labels: torch.Tensor) -> tuple[Any, torch.Tensor]:
        """Converts the outputs of a network and label maps to what a loss compares.

        A loss of classes takes the label maps. Regions are compared one by one: each is an image of one channel.

        Args:
            outputs: Logits ``(B, C, *spatial)``; or all outputs of deep supervision, in a list or stacked
                ``(B, outputs, C, *spatial)``.
            labels: Label maps ``(B, 1, *spatial)``.

        Returns:
            The outputs, and the target of the finest one. Of regions they are ``(B * C, 1, *spatial)``.
        """
        if not self.has_regions:
            return outputs, labels
        target = self.masks(labels[:, 0]).to(labels.dtype)
        target = torch.where(labels > self.highest, IGNORED_TARGET, target)
        if isinstance(outputs, torch.Tensor):
            return _split_channels(outputs, outputs.ndim - labels.ndim + 1), _split_channels(target, 1)
        return [_split_channels(output, 1) for output in outputs], _split_channels(target, 1)

    def probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """Returns the probabilities ``(B, structures, *spatial)`` of the foreground, float32."""
        if self.has_regions:
            return torch.sigmoid(logits.float())
        return torch.softmax(logits.float(), dim=1)[:, 1:]

    def label_map(self, foreground: torch.Tensor) -> torch.Tensor:
        """Returns the label map of probabilities.

        A voxel has its most probable class. Of regions, each writes its label into the voxels in which it is more
        probable than 0.5, one region after the other, as in nnU-Net.

        Args:
            foreground: Probabilities ``(B, structures, *spatial)``.

        Returns:
            Labels ``(B, *spatial)``, uint8; 0 is the background.
        """
        if self.painted is None:
            return _most_probable(foreground)
        labels = torch.zeros_like(foreground[:, 0], dtype=torch.uint8)
        for label, probability in zip(self.painted, foreground.unbind(dim=1), strict=True):
            labels[probability > REGION] = label
        return labels


def _most_probable(foreground: torch.Tensor) -> torch.Tensor:
    """Returns the most probable class of each voxel; the probability of the background is the rest to 1."""
    highest = 1 - foreground.sum(dim=1)
    labels = torch.zeros_like(highest, dtype=torch.uint8)
    # One class after the other: an argmax needs memory for a 64-bit index per voxel.
    for label, probability in enumerate(foreground.unbind(dim=1), start=1):
        labels[probability > highest] = label
        torch.maximum(highest, probability, out=highest)
    return labels


def _is_in(labels: torch.Tensor, values: Sequence[int]) -> torch.Tensor:
    return torch.isin(labels, torch.tensor(values, dtype=labels.dtype, device=labels.device))


def _split_channels(tensor: torch.Tensor, axis: int) -> torch.Tensor:
    """Makes an item of each channel: ``(B, C, ...)`` to ``(B * C, 1, ...)``; ``axis`` is that of the channels."""
    return tensor.movedim(axis, 1).flatten(0, 1).unsqueeze(axis)
