"""The base of all losses that have a value for each channel of each item."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch

from segtopo.losses.channel_options import ChannelOptions


@dataclass(eq=False, repr=False)
class ChannelLoss(ChannelOptions):
    """A loss computed for each channel of each item, with the conventions of :class:`monai.losses.DiceLoss`.

    A subclass is a dataclass with its own options as fields, and writes :meth:`channel_losses`. The shared options are
    those of :class:`~segtopo.losses.channel_options.ChannelOptions`.
    """

    @abstractmethod
    def channel_losses(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Computes the losses ``(B, C)`` of probabilities and targets, both ``(B, C, H, W[, D])``.

        Both have one dtype, float64 for a float64 input and float32 otherwise.
        """

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Computes the loss.

        Args:
            input: ``(B, C, H, W[, D])``, logits or probabilities according to the activation chosen.
            target: ``(B, C, H, W[, D])``, or ``(B, 1, H, W[, D])`` with ``to_onehot_y=True``.

        Returns:
            A scalar, or ``(B, C, 1, 1[, 1])`` with ``reduction="none"``.

        Raises:
            AssertionError: If input and target (one-hot, if asked for) have different shapes.
            InputError: If there are not two or three spatial axes, or not as many weights as channels.
            TypeError: If input or target is no dense tensor of real numbers.
        """
        prediction, target = self.prepare(input, target)
        return self.reduce(self.channel_losses(prediction, target), prediction.ndim - 2)
