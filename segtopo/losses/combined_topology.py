"""Dice, cross entropy and a topological loss in one."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from monai.losses import DiceLoss
from monai.metrics.utils import create_ignore_mask
from monai.utils import LossReduction
from torch.nn.modules.loss import _Loss

from segtopo.losses.channel_loss import ClassWeight, check_activations, check_not_negative, without_metadata
from segtopo.losses.topo import TopoLoss


class CombinedTopologyLoss(_Loss):
    """``lambda_dice * Dice + lambda_ce * cross entropy + topology_weight * topology``.

    It stands in for :class:`monai.losses.DiceCELoss`, whose arguments it shares and whose value it has while
    the topology is off. A topological loss has something to say only once the prediction resembles the
    target, so it can be left out of the first epochs and brought in gradually: :attr:`topology_weight` is 0
    before ``start_epoch``, rises in equal steps and is ``lambda_topology`` from epoch ``start_epoch +
    ramp_epochs`` on. The one piece of state is :attr:`epoch`, which :meth:`set_epoch` sets; call it at the
    beginning of each epoch, also after resuming (it is not part of the ``state_dict``).

    Args:
        include_background: If False, channel 0 is left out of Dice and topology (cross entropy needs all
            channels).
        to_onehot_y: Whether the target is a ``(B, 1, H, W[, D])`` label map of the input's channels.
        sigmoid: Whether Dice and topology apply a sigmoid to the input. Cross entropy always takes the input
            as logits.
        softmax: Whether Dice and topology apply a softmax to the input.
        other_act: Another activation that Dice and topology apply to the input.
        topology_loss: A module called with (input, target), with its own activation and reduction. None: a
            :class:`TopoLoss` with the options given here.
        lambda_dice: Weight of Dice, not negative.
        lambda_ce: Weight of cross entropy (binary cross entropy for one channel), not negative.
        lambda_topology: Weight of the topological loss once the ramp is over, not negative.
        start_epoch: First epoch with the topological loss; epochs count from 0.
        ramp_epochs: Epochs from ``start_epoch`` until the weight is full; 0: at once.
        reduction: ``"mean"``, ``"sum"``, or ``"none"`` for ``(B, C, 1, 1[, 1])``, where each channel has the
            cross entropy of its item and a given ``topology_loss`` needs ``reduction="none"`` as well.
        weight: Weights of all channels, the background included; for one channel the weight of the foreground
            in the cross entropy.
        ignore_index: Label whose voxels are left out of all three.

    Attributes:
        epoch: The epoch last set, None before.
        components: Detached values of the last call before they are weighted: ``"dice"``, ``"cross_entropy"``
            and, if its weight was not 0, ``"topology"``.

    Raises:
        ValueError: If an option is out of its range, or more than one activation is asked for.

    Example:
        >>> import torch
        >>> loss_function = CombinedTopologyLoss(sigmoid=True, start_epoch=2, ramp_epochs=3)
        >>> weights = []
        >>> for epoch in range(7):
        ...     loss_function.set_epoch(epoch)
        ...     weights.append(round(loss_function.topology_weight, 4))
        >>> weights
        [0.0, 0.0, 0.0025, 0.005, 0.0075, 0.01, 0.01]
        >>> loss = loss_function(torch.randn(2, 1, 16, 20), torch.ones(2, 1, 16, 20))
        >>> sorted(loss_function.components)
        ['cross_entropy', 'dice', 'topology']
    """

    class_weight: torch.Tensor | None

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable[[torch.Tensor], torch.Tensor] | None = None,
        topology_loss: torch.nn.Module | None = None,
        lambda_dice: float = 1.0,
        lambda_ce: float = 1.0,
        lambda_topology: float = 0.01,
        start_epoch: int = 0,
        ramp_epochs: int = 0,
        reduction: LossReduction | str = LossReduction.MEAN,
        weight: ClassWeight = None,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(reduction=LossReduction(reduction).value)
        check_activations(sigmoid, softmax, other_act)
        check_not_negative(
            lambda_dice=lambda_dice,
            lambda_ce=lambda_ce,
            lambda_topology=lambda_topology,
            start_epoch=start_epoch,
            ramp_epochs=ramp_epochs,
        )
        weight = None if weight is None else torch.as_tensor(weight, dtype=torch.float32)
        channel_weight = weight if weight is None or include_background or weight.ndim == 0 else weight[1:]
        channel_options: dict[str, Any] = {
            "include_background": include_background,
            "to_onehot_y": to_onehot_y,
            "sigmoid": sigmoid,
            "softmax": softmax,
            "other_act": other_act,
            "reduction": reduction,
            "weight": channel_weight,
            "ignore_index": ignore_index,
        }
        self.dice = DiceLoss(**channel_options)
        self.topology_loss = TopoLoss(**channel_options) if topology_loss is None else topology_loss
        self.register_buffer("class_weight", weight)
        self.ignore_index = ignore_index
        self.lambda_dice = lambda_dice
        self.lambda_ce = lambda_ce
        self.lambda_topology = lambda_topology
        self.start_epoch = start_epoch
        self.ramp_epochs = ramp_epochs
        self.epoch: int | None = None
        self.components: dict[str, torch.Tensor] = {}

    def set_epoch(self, epoch: int) -> None:
        """Tells the loss which epoch begins, counted from 0."""
        self.epoch = epoch

    @property
    def topology_weight(self) -> float:
        """The weight of the topological loss in the present epoch (epoch 0 until one is set)."""
        epochs_on = (self.epoch or 0) - self.start_epoch + 1
        return self.lambda_topology * min(max(epochs_on / (self.ramp_epochs + 1), 0.0), 1.0)

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Computes the loss.

        Args:
            input: ``(B, C, H, W[, D])`` logits.
            target: ``(B, C, H, W[, D])``, or ``(B, 1, H, W[, D])`` with ``to_onehot_y=True``.

        Returns:
            A scalar, or ``(B, C, 1, 1[, 1])`` with ``reduction="none"``.

        Raises:
            AssertionError: If input and target (one-hot, if asked for) have different shapes.
        """
        if self.epoch is None and (self.start_epoch or self.ramp_epochs):
            warnings.warn(
                "start_epoch and ramp_epochs have no effect until set_epoch() is called at each epoch.",
                stacklevel=4,
            )
        input, target = without_metadata(input), without_metadata(target)
        loss = self.overlap(input, target)
        if self.topology_weight > 0:
            topology: torch.Tensor = self.topology_loss(input, target)
            self.components["topology"] = topology.detach()
            loss = loss + self.topology_weight * topology
        return loss

    def overlap(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The loss without the topology: Dice and cross entropy, weighted. Arguments as for :meth:`forward`."""
        dice, cross_entropy = self.dice(input, target), self._cross_entropy(input, target)
        self.components = {"dice": dice.detach(), "cross_entropy": cross_entropy.detach()}
        loss: torch.Tensor = self.lambda_dice * dice + self.lambda_ce * cross_entropy
        return loss

    def _cross_entropy(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if self.reduction != LossReduction.NONE.value:
            return self._reduced_cross_entropy(input, target)
        items = [
            self._reduced_cross_entropy(item[None], labels[None]) for item, labels in zip(input, target, strict=True)
        ]
        return torch.stack(items).reshape(-1, *[1] * (input.ndim - 1))

    def _reduced_cross_entropy(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        mask = create_ignore_mask(target, self.ignore_index)
        if mask is not None:
            valid = mask[:, 0] > 0
            if not valid.any():
                return input.sum() * 0.0
            input, target = input.movedim(1, -1)[valid], target.movedim(1, -1)[valid]
        channels = input.shape[1]
        weight = None if self.class_weight is None else self.class_weight.to(input)
        reduction = "sum" if self.reduction == LossReduction.SUM.value else "mean"
        if channels == 1:
            return F.binary_cross_entropy_with_logits(input, target.to(input), pos_weight=weight, reduction=reduction)
        labels = target.squeeze(1).long() if target.shape[1] == 1 else target.to(input)
        weight = None if weight is None else weight.expand(channels)
        return F.cross_entropy(input, labels, weight, reduction=reduction)
