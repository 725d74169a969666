"""The weight of a topological loss over the epochs of a training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch

from segtopo.losses.options import Count, check_option


@dataclass(frozen=True)
class TopologySchedule:
    """A topological loss that begins at an epoch and gains its weight in equal steps.

    A topological loss helps only once the prediction resembles the target. Before that its gradient is noise.

    Args:
        start_epoch: First epoch with the topological loss; epochs count from 0.
        ramp_epochs: Epochs from ``start_epoch`` until the weight is full. 0: at once.

    Raises:
        InputError: If a number is negative.

    Example:
        >>> schedule = TopologySchedule(start_epoch=2, ramp_epochs=3)
        >>> [schedule.factor(epoch) for epoch in range(7)]
        [0.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    """

    start_epoch: Count = 0
    ramp_epochs: Count = 0

    def __post_init__(self) -> None:
        check_option("start_epoch", self.start_epoch, Count)
        check_option("ramp_epochs", self.ramp_epochs, Count)

    def factor(self, epoch: int) -> float:
        """Returns the part of the full weight in this epoch, in [0, 1]."""
        return min(max((epoch - self.start_epoch + 1) / (self.ramp_epochs + 1), 0.0), 1.0)


@runtime_checkable
class ScheduledLoss(Protocol):
    """A loss whose value depends on the epoch and has named parts: training tells the one and logs the others."""

    components: dict[str, torch.Tensor]

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch that begins, counted from 0."""
