"""CombinedTopologyLoss: Dice, cross entropy and a topological loss in one."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Ge, Le
from monai.losses import DiceLoss
from monai.metrics.utils import create_ignore_mask

from segtopo.errors import InputError, mismatch
from segtopo.losses.calls import warn_caller
from segtopo.losses.channel_loss import ChannelLoss
from segtopo.losses.channel_options import ChannelOptions
from segtopo.losses.options import ClassWeight, NonNegative
from segtopo.losses.schedules import TopologySchedule
from segtopo.losses.topo import TopoLoss
from segtopo.losses.topology_weight import TopologyWeight


@dataclass(eq=False, repr=False, kw_only=True)
class CombinedTopologyLoss(ChannelOptions):
    """``lambda_dice * Dice + lambda_ce * cross entropy + topology_weight * topology``.

    It replaces :class:`monai.losses.DiceCELoss`: it takes the same arguments and has the same value while the topology
    is off. Activation and one-hot encoding happen once, and the topological loss sees their result, so these options
    are given here only.

    A topological loss helps only once the prediction resembles the target. A ``schedule`` leaves it out of the first
    epochs: call :meth:`set_epoch` at the beginning of each epoch, also after resuming. The epoch is not part of the
    ``state_dict``.

    The weight of the topology follows from the gradients, see :class:`~segtopo.losses.TopologyWeight`: one ratio suits
    images of any size and any topological loss. ``lambda_topology`` is a constant weight instead.

    All other options are those of :class:`~segtopo.losses.channel_options.ChannelOptions`.
    ``include_background=False`` leaves channel 0 out of Dice and topology; cross entropy needs all channels and always
    takes the input as logits.
    ``weight`` has one value for each channel, the background included; for one channel it is the weight of the
    foreground in the cross entropy. With ``reduction="none"`` each channel has the cross entropy of its item.

    Args:
        topology_loss: A loss of :mod:`segtopo.losses`, which takes the activation and all other options of its channels
            from here; or any module called with probabilities and one-hot target ``(B, C, H, W[, D])``, which does its
            own reduction. By default a :class:`TopoLoss`.
        lambda_dice: Weight of Dice, not negative.
        lambda_ce: Weight of cross entropy (binary cross entropy for one channel), not negative.
        gradient_ratio: Norm of the weighted gradient of the topology divided by that of Dice and cross entropy, at the
            output of the network, not negative. None: the default of the loss, 2 for losses of persistence diagrams, if
            ``lambda_topology`` is not given.
        lambda_topology: A constant weight of the topological loss, not negative.
        schedule: The epochs in which the topological loss gains its weight.
        squared_pred: If True, Dice has squared predictions and targets in its denominator.
        jaccard: If True, the Jaccard index replaces Dice.
        batch: If True, Dice sums over the items before it divides.
        smooth_nr: Added to the numerator of Dice.
        smooth_dr: Added to the denominator of Dice.
        label_smoothing: Part of the target's probability that cross entropy spreads over all classes, in [0, 1].

    Attributes:
        weighting: The :class:`~segtopo.losses.TopologyWeight`.
        components: Detached values of the last call before they are weighted: ``"dice"``, ``"cross_entropy"`` and, in
            the epochs of the topology, ``"topology"`` and its weight, ``"topology_weight"``.

    Raises:
        TypeError: If an option has a wrong type.
        InputError: If an option is out of its range, more than one activation is chosen, ratio and weight are both
            given, or ``topology_loss`` has options of its own for its channels that differ from those given here.

    Example:
        >>> import torch
        >>> from segtopo.losses import BettiMatchingLoss, TopologySchedule
        >>> loss_function = CombinedTopologyLoss(
        ...     softmax=True,
        ...     to_onehot_y=True,
        ...     include_background=False,
        ...     topology_loss=BettiMatchingLoss(threshold=0.8),
        ...     schedule=TopologySchedule(start_epoch=2, ramp_epochs=3),
        ... )
        >>> loss_function.set_epoch(3)
        >>> loss = loss_function(torch.randn(2, 2, 16, 20, requires_grad=True), torch.ones(2, 1, 16, 20))
        >>> sorted(loss_function.components)
        ['cross_entropy', 'dice', 'topology', 'topology_weight']
    """

    topology_loss: torch.nn.Module = field(default_factory=TopoLoss)
    lambda_dice: NonNegative = 1.0
    lambda_ce: NonNegative = 1.0
    gradient_ratio: NonNegative | None = None
    lambda_topology: NonNegative | None = None
    schedule: TopologySchedule = field(default=TopologySchedule())
    squared_pred: bool = False
    jaccard: bool = False
    batch: bool = False
    smooth_nr: NonNegative = 1e-5
    smooth_dr: NonNegative = 1e-5
    label_smoothing: Annotated[float, Ge(0), Le(1)] = 0.0

    def __post_init__(self, weight: ClassWeight) -> None:
        super().__post_init__(weight)
        self.dice = DiceLoss(
            squared_pred=self.squared_pred,
            jaccard=self.jaccard,
            batch=self.batch,
            smooth_nr=self.smooth_nr,
            smooth_dr=self.smooth_dr,
            reduction="none",
        )
        self.topology_loss = self._with_own_channels(self.topology_loss)
        self.weighting = TopologyWeight(self.gradient_ratio, self.lambda_topology, self.schedule, self.topology_loss)
        self.components: dict[str, torch.Tensor] = {}

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch that begins, counted from 0."""
        self.weighting.epoch = epoch

    @property
    def topology_weight(self) -> float:
        """The weight of the topological loss in the present epoch (epoch 0 until one is set)."""
        return self.weighting.value

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Computes the loss of logits; shapes and errors are those of :meth:`ChannelLoss.forward`."""
        if self.weighting.epoch is None and self.schedule != TopologySchedule():
            warn_caller("schedule has no effect until set_epoch() is called at each epoch.")
        prediction, encoded = self.prepare(input, target)
        loss = self._overlap_loss(input, target, prediction, encoded)
        if self.weighting.strength == 0:
            return loss
        topology = self._topology(prediction, encoded)
        weight: torch.Tensor = self.weighting(loss, topology, input)
        self.components |= {"topology": topology.detach(), "topology_weight": weight}
        return loss + weight * topology

    def without_topology(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Computes Dice and cross entropy, weighted. Arguments as for :meth:`forward`."""
        return self._overlap_loss(input, target, *self.prepare(input, target))

    @property
    def channel_weight(self) -> torch.Tensor | None:
        """The weights of the channels in Dice and topology."""
        weight = self.class_weight
        return weight if weight is None or self.include_background or weight.ndim == 0 else weight[1:]

    def _overlap_loss(
        self, input: torch.Tensor, target: torch.Tensor, prediction: torch.Tensor, encoded: torch.Tensor
    ) -> torch.Tensor:
        dice = self.dice(prediction, encoded).reshape(-1, prediction.shape[1])
        dice = self.reduce(dice, prediction.ndim - 2)
        cross_entropy = self._cross_entropy(input.as_subclass(torch.Tensor).to(prediction.dtype), target)
        self.components = {"dice": dice.detach(), "cross_entropy": cross_entropy.detach()}
        loss: torch.Tensor = self.lambda_dice * dice + self.lambda_ce * cross_entropy
        return loss

    def _topology(self, prediction: torch.Tensor, encoded: torch.Tensor) -> torch.Tensor:
        topology_loss = self.topology_loss
        if isinstance(topology_loss, ChannelLoss):
            return self.reduce(topology_loss.channel_losses(prediction, encoded), prediction.ndim - 2)
        loss: torch.Tensor = topology_loss(prediction, encoded)
        return loss

    def _with_own_channels(self, topology_loss: torch.nn.Module) -> torch.nn.Module:
        """Returns the loss with the activation, encoding, background and reduction of this one."""
        if not isinstance(topology_loss, ChannelLoss):
            return topology_loss
        own = {option.name: getattr(self, option.name) for option in fields(ChannelOptions) if option.init}
        for option in fields(ChannelOptions):
            given = getattr(topology_loss, option.name)
            if option.init and given not in (option.default, own[option.name]):
                expected = f"{own[option.name]!r}, as for the whole loss"
                raise InputError(mismatch(f"topology_loss.{option.name}", got=repr(given), expected=expected))
        if topology_loss.class_weight is not None:
            raise InputError(mismatch("topology_loss.weight", got="weights", expected="None: the whole loss has them"))
        return replace(topology_loss, weight=None, **own)

    def _cross_entropy(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        target = target.as_subclass(torch.Tensor)
        if self.reduction != "none":
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
        reduction = "sum" if self.reduction == "sum" else "mean"
        if channels == 1:
            return F.binary_cross_entropy_with_logits(input, target.to(input), pos_weight=weight, reduction=reduction)
        labels = target.squeeze(1).long() if target.shape[1] == 1 else target.to(input)
        weight = None if weight is None else weight.expand(channels)
        return F.cross_entropy(input, labels, weight, reduction=reduction, label_smoothing=self.label_smoothing)
