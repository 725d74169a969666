"""The loss of the trainers: that of nnU-Net, and a topological loss of the finest output."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

from segtopo.integrations.nnunet.foreground import Foreground
from segtopo.losses import TopologySchedule

Observer = Callable[[torch.Tensor, torch.Tensor], None]


class LossWithTopology(nn.Module):
    """``overlap_loss + topology_weight * topology_loss``.

    The overlap loss is the one that nnU-Net builds, with its weights of deep supervision. The topology is compared in
    the finest output alone, because downsampling breaks thin vessels and closes narrow gaps of the target.

    Args:
        overlap_loss: The loss of nnU-Net, of one output or of a list.
        topology_loss: A loss of probabilities and one-hot target ``(B, C, H, W[, D])``.
        foreground: The conventions of the dataset.
        lambda_topology: Weight of the topological loss, not negative.
        schedule: The epochs in which the topological loss gains its weight.

    Attributes:
        observer: Called with probabilities and one-hot target of the finest output at each call, if not None.
        components: Detached values of the last call before they are weighted: ``"overlap"`` and, if its weight was not
            0, ``"topology"``.

    Example:
        >>> import torch
        >>> from segtopo.losses import BettiMatchingLoss
        >>> schedule = TopologySchedule(start_epoch=5)
        >>> foreground = Foreground(has_regions=False, ignore_label=None)
        >>> loss = LossWithTopology(nn.CrossEntropyLoss(), BettiMatchingLoss(), foreground, 0.1, schedule)
        >>> logits, labels = torch.randn(1, 2, 8, 9), torch.zeros(1, 8, 9, dtype=torch.long)
        >>> loss.set_epoch(4)
        >>> loss(logits, labels) == nn.CrossEntropyLoss()(logits, labels)
        tensor(True)
    """

    def __init__(
        self,
        overlap_loss: nn.Module,
        topology_loss: nn.Module,
        foreground: Foreground,
        lambda_topology: float,
        schedule: TopologySchedule,
    ) -> None:
        super().__init__()
        self.overlap_loss = overlap_loss
        self.topology_loss = topology_loss
        self.foreground = foreground
        self.lambda_topology = lambda_topology
        self.schedule = schedule
        self.epoch = 0
        self.observer: Observer | None = None
        self.components: dict[str, torch.Tensor] = {}

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch that begins, counted from 0."""
        self.epoch = epoch

    @property
    def topology_weight(self) -> float:
        """The weight of the topological loss in the present epoch."""
        return self.lambda_topology * self.schedule.factor(self.epoch)

    def forward(
        self, output: torch.Tensor | Sequence[torch.Tensor], target: torch.Tensor | Sequence[torch.Tensor]
    ) -> torch.Tensor:
        """Computes the loss of logits, either of one output or of all outputs of deep supervision, the finest first."""
        loss: torch.Tensor = self.overlap_loss(output, target)
        self.components = {"overlap": loss.detach()}
        weight = self.topology_weight
        if weight == 0 and self.observer is None:
            return loss
        finest, finest_target = (x if isinstance(x, torch.Tensor) else x[0] for x in (output, target))
        prediction, encoded = self.foreground.channels(finest, finest_target)
        if self.observer is not None:
            self.observer(prediction.detach(), encoded)
        if weight == 0:
            return loss
        topology: torch.Tensor = self.topology_loss(prediction, encoded)
        self.components["topology"] = topology.detach()
        return loss + weight * topology
