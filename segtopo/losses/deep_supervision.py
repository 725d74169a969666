"""DeepSupervisionLoss: all outputs of a deeply supervised network, and the topology of those that are fine enough."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch.nn.modules.loss import _Loss

from segtopo.errors import InputError
from segtopo.losses.channel_loss import check_not_negative, without_metadata
from segtopo.losses.combined_topology import CombinedTopologyLoss


class DeepSupervisionLoss(_Loss):
    """The weighted sum of a loss over the outputs of a network at several resolutions.

    Thin vessels break and narrow gaps close when a label is made smaller, so the topology of a coarse label is another
    one, and teaching it to a network does harm. Outputs below ``topology_scale`` have Dice and cross entropy alone.

    Args:
        loss: The loss of one output.
        weights: Of the outputs, none negative, the finest one's first. None: 1, 1/2, 1/4, ..., as
            :class:`monai.losses.DeepSupervisionLoss` has them.
        topology_scale: The smallest size of an output, as a part of the finest one's along its most reduced axis, that
            the topology is still looked at; above 0 and at most 1. The default is the finest output alone.

    Raises:
        ValueError: If an option is out of its range.

    Reference:
        C.-Y. Lee, S. Xie, P. Gallagher, Z. Zhang, Z. Tu: Deeply-Supervised Nets. AISTATS 2015.

    Example:
        >>> import torch
        >>> loss_function = DeepSupervisionLoss(CombinedTopologyLoss(softmax=True, to_onehot_y=True))
        >>> outputs = [torch.randn(1, 2, 16, 24), torch.randn(1, 2, 8, 12), torch.randn(1, 2, 4, 6)]
        >>> loss_function(outputs, torch.ones(1, 1, 16, 24)).shape
        torch.Size([])
    """

    def __init__(
        self,
        loss: CombinedTopologyLoss,
        weights: Sequence[float] | None = None,
        topology_scale: float = 1.0,
    ) -> None:
        super().__init__()
        check_not_negative(**{f"weights[{level}]": weight for level, weight in enumerate(weights or ())})
        if not 0 < topology_scale <= 1:
            raise InputError(f"topology_scale is {topology_scale}, expected a number above 0 and at most 1.")
        self.loss = loss
        self.weights = weights
        self.topology_scale = topology_scale

    def set_epoch(self, epoch: int) -> None:
        """Tells the loss which epoch begins, counted from 0."""
        self.loss.set_epoch(epoch)

    def forward(
        self, input: torch.Tensor | Sequence[torch.Tensor], target: torch.Tensor | Sequence[torch.Tensor]
    ) -> torch.Tensor:
        """Computes the loss.

        Args:
            input: The outputs ``(B, C, H, W[, D])``, the finest first; one tensor if there is one.
            target: The target of the finest output, made smaller for the others by taking the nearest voxel; or one
                target for each output.

        Returns:
            What the loss of one output gives, summed.

        Raises:
            AssertionError: If an output and its target (one-hot, if asked for) have different shapes.
            InputError: If there are not as many weights or targets as outputs.
        """
        outputs = [input] if isinstance(input, torch.Tensor) else list(input)
        if isinstance(target, torch.Tensor):
            targets = [target, *(_made_smaller(target, output.shape[2:]) for output in outputs[1:])]
        else:
            targets = list(target)
        if len(targets) != len(outputs):
            raise InputError(f"got {len(targets)} targets for {len(outputs)} outputs, expected one for each.")
        weights = [0.5**level for level in range(len(outputs))] if self.weights is None else self.weights
        if len(weights) != len(outputs):
            raise InputError(f"weights has {len(weights)} values for {len(outputs)} outputs.")
        levels = list(zip(weights, outputs, targets, strict=True))
        # The finest comes last: its parts are the ones that the loss then shows as its components.
        return torch.stack([w * self._loss_at(x, y, outputs[0].shape[2:]) for w, x, y in reversed(levels)]).sum(dim=0)

    def _loss_at(self, input: torch.Tensor, target: torch.Tensor, finest: Sequence[int]) -> torch.Tensor:
        if min(own / full for own, full in zip(input.shape[2:], finest, strict=True)) < self.topology_scale:
            return self.loss.overlap(without_metadata(input), without_metadata(target))
        loss: torch.Tensor = self.loss(input, target)
        return loss


def _made_smaller(target: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    resized = F.interpolate(without_metadata(target).to(torch.float32), size=size, mode="nearest-exact")
    return resized.to(target.dtype)
