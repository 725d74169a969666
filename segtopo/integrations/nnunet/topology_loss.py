"""The loss of the trainers: that of nnU-Net, and a topological loss of the finest output."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

from segtopo.integrations.nnunet.foreground import Foreground
from segtopo.losses import TopologyWeight

Observer = Callable[[torch.Tensor, torch.Tensor], None]


class LossWithTopology(nn.Module):
    """``overlap_loss + topology_weight * topology_loss``.

    The overlap loss is the one that nnU-Net builds, with its weights of deep supervision. The topology is compared in
    the finest output alone, because downsampling breaks thin vessels and closes narrow gaps of the target.

    Args:
        overlap_loss: The loss of nnU-Net, of one output or of a list.
        topology_loss: A loss of probabilities and one-hot target ``(B, C, H, W[, D])``.
        foreground: The conventions of the dataset.
        weighting: The weight of the topological loss. It measures the gradients at the logits of the finest output.

    Attributes:
        observer: Called with probabilities and one-hot target of the finest output at each call, if not None.
        components: Detached values of the last call before they are weighted: ``"overlap"`` and, in the epochs of the
            topology, ``"topology"`` and its weight, ``"topology_weight"``.

    Example:
        >>> import torch
        >>> from segtopo.losses import BettiMatchingLoss, TopologySchedule
        >>> weighting = TopologyWeight(schedule=TopologySchedule(start_epoch=5))
        >>> foreground = Foreground(has_regions=False, ignore_label=None)
        >>> loss = LossWithTopology(nn.CrossEntropyLoss(), BettiMatchingLoss(), foreground, weighting)
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
        weighting: TopologyWeight,
    ) -> None:
        super().__init__()
        self.overlap_loss = overlap_loss
        self.topology_loss = topology_loss
        self.foreground = foreground
        self.weighting = weighting
        self.observer: Observer | None = None
        self.components: dict[str, torch.Tensor] = {}

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch that begins, counted from 0."""
        self.weighting.epoch = epoch

    def forward(
        self, output: torch.Tensor | Sequence[torch.Tensor], target: torch.Tensor | Sequence[torch.Tensor]
    ) -> torch.Tensor:
        """Computes the loss of logits, either of one output or of all outputs of deep supervision, the finest first."""
        loss: torch.Tensor = self.overlap_loss(output, target)
        self.components = {"overlap": loss.detach()}
        has_topology = self.weighting.strength > 0
        if not has_topology and self.observer is None:
            return loss
        finest, finest_target = (x if isinstance(x, torch.Tensor) else x[0] for x in (output, target))
        prediction, encoded = self.foreground.channels(finest, finest_target)
        if self.observer is not None:
            self.observer(prediction.detach(), encoded)
        if not has_topology:
            return loss
        topology: torch.Tensor = self.topology_loss(prediction, encoded)
        weight: torch.Tensor = self.weighting(loss, topology, finest)
        self.components |= {"topology": topology.detach(), "topology_weight": weight}
        return loss + weight * topology
