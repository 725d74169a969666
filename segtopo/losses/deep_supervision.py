"""DeepSupervisionLoss: all outputs of a deeply supervised network, with topology at fine resolutions only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch.nn.modules.loss import _Loss

from segtopo.errors import InputError, mismatch
from segtopo.losses.combined_topology import CombinedTopologyLoss
from segtopo.losses.options import NonNegative, check_option
from segtopo.losses.schedules import ScheduledLoss, TopologySchedule
from segtopo.losses.topology_weight import TopologyWeight

Listed: TypeAlias = torch.Tensor | Sequence[torch.Tensor]
Outputs: TypeAlias = Listed | Mapping[str, torch.Tensor]


class DeepSupervisionLoss(_Loss):
    """The weighted sum of a loss over the outputs of a network at several resolutions.

    Downsampling breaks thin vessels and closes narrow gaps, so a coarse label has another topology than the image, and
    it would teach the network errors. The topology is compared only in outputs of at least ``topology_scale``.

    Args:
        loss: The loss of one output, any module. The topology of a :class:`CombinedTopologyLoss` is left out at coarse
            outputs.
        topology_loss: A topological loss that is added at fine outputs, any module called as ``loss`` is, with an
            activation of its own. None if ``loss`` holds the topology.
        gradient_ratio: Norm of the weighted gradient of ``topology_loss`` divided by that of ``loss``, not negative;
            see :class:`~segtopo.losses.TopologyWeight`. None: the default of the loss, if ``lambda_topology`` is not
            given.
        lambda_topology: A constant weight of ``topology_loss``, not negative.
        schedule: The epochs in which ``topology_loss`` gains its weight.
        weights: Weights of the outputs, none negative, the finest first. None: 1, 1/2, 1/4, ..., as in
            :class:`monai.losses.DeepSupervisionLoss`.
        topology_scale: Smallest size of an output with topology, as a part of the finest output's size along its most
            reduced axis; above 0 and at most 1. The default is the finest output alone.

    Raises:
        TypeError: If an option has a wrong type.
        InputError: If an option is out of its range, or ratio and weight are both given.

    References:
        C.-Y. Lee, S. Xie, P. Gallagher, Z. Zhang, Z. Tu: Deeply-Supervised Nets. AISTATS 2015.

    Example:
        >>> import torch
        >>> from monai.losses import DiceCELoss
        >>> from segtopo.losses import BettiMatchingLoss
        >>> options = {"softmax": True, "to_onehot_y": True}
        >>> loss_function = DeepSupervisionLoss(DiceCELoss(**options), BettiMatchingLoss(**options))
        >>> outputs = [torch.randn(1, 2, 16, 24), torch.randn(1, 2, 8, 12), torch.randn(1, 2, 4, 6)]
        >>> loss_function(outputs, torch.ones(1, 1, 16, 24)).shape
        torch.Size([])
    """

    def __init__(
        self,
        loss: torch.nn.Module,
        topology_loss: torch.nn.Module | None = None,
        gradient_ratio: float | None = None,
        lambda_topology: float | None = None,
        schedule: TopologySchedule = TopologySchedule(),  # noqa: B008 -- frozen
        weights: Sequence[float] | None = None,
        topology_scale: float = 1.0,
    ) -> None:
        super().__init__()
        check_option("weights", weights, Sequence[NonNegative] | None)
        if not 0 < topology_scale <= 1:
            raise InputError(mismatch("topology_scale", got=topology_scale, expected="a number > 0 and <= 1"))
        self.loss = loss
        self.topology_loss = topology_loss
        self.weighting = TopologyWeight(gradient_ratio, lambda_topology, schedule, topology_loss)
        self.weights = weights
        self.topology_scale = topology_scale

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch that begins, counted from 0."""
        self.weighting.epoch = epoch
        if isinstance(self.loss, ScheduledLoss):
            self.loss.set_epoch(epoch)

    @property
    def components(self) -> dict[str, torch.Tensor]:
        """The named parts of ``loss`` at the finest output, empty if it has none."""
        return self.loss.components if isinstance(self.loss, ScheduledLoss) else {}

    def forward(self, input: Outputs, target: Outputs) -> torch.Tensor:
        """Computes the loss.

        Args:
            input: The outputs of a network in training:

                * a list of ``(B, C, H, W[, D])``, the finest first, as ``SegResNetDS`` and ``MedNeXt`` of MONAI
                  return it;
                * a dictionary, whose outputs are ordered by their size. Of equal ones the first is the finest;
                * all outputs resized and stacked, ``(B, outputs, C, H, W[, D])``, as ``DynUNet`` returns them. Each
                  is taken as half the size of the one before it;
                * a single output, as these networks return it in evaluation.

            target: The target of the finest output, of which the others take the nearest voxels; or one target for
                each output, in a list or under the keys of the outputs.

        Returns:
            The weighted sum of the values of ``loss``.

        Raises:
            AssertionError: If an output and its target (one-hot, if asked for) have different shapes.
            InputError: If there are not as many weights or targets as outputs, or the first output of a list is not the
                finest one.
        """
        listed, listed_targets = _ordered(input, target)
        outputs, scales = _split(listed, listed_targets)
        targets = _resized(target, outputs) if isinstance(target, torch.Tensor) else list(listed_targets)
        weights = [0.5**level for level in range(len(outputs))] if self.weights is None else self.weights
        for name, values in (("target", targets), ("weights", weights)):
            if len(values) != len(outputs):
                got = f"{len(values)} values"
                raise InputError(mismatch(name, got=got, expected=f"{len(outputs)}, one for each output"))
        levels = list(zip(weights, outputs, targets, scales, strict=True))
        # The finest output comes last, so that its parts stay in the components of the loss.
        terms = [weight * self._loss_at(x, y, scale) for weight, x, y, scale in reversed(levels)]
        return torch.stack(terms).sum(dim=0)

    def _loss_at(self, output: torch.Tensor, target: torch.Tensor, scale: float) -> torch.Tensor:
        is_fine = scale >= self.topology_scale
        if isinstance(self.loss, CombinedTopologyLoss) and not is_fine:
            return self.loss.without_topology(output, target)
        loss: torch.Tensor = self.loss(output, target)
        if self.topology_loss is None or not is_fine or self.weighting.strength == 0:
            return loss
        topology: torch.Tensor = self.topology_loss(output, target)
        weight: torch.Tensor = self.weighting(loss, topology, output)
        return loss + weight * topology


def _ordered(input: Outputs, target: Outputs) -> tuple[Listed, Listed]:
    """Lists the outputs of a dictionary, the largest first, and their targets in the same order."""
    if not isinstance(input, Mapping):
        if isinstance(target, Mapping):
            raise InputError(mismatch("target", got="a dictionary", expected="a tensor or a list, as the input is one"))
        return input, target
    keys = sorted(input, key=lambda key: -input[key].shape[2:].numel())
    if isinstance(target, Mapping):
        if target.keys() != input.keys():
            raise InputError(mismatch("target", got=f"the keys {list(target)}", expected=f"those of input: {keys}"))
        target = [target[key] for key in keys]
    return [input[key] for key in keys], target


def _split(input: Listed, target: Listed) -> tuple[list[torch.Tensor], list[float]]:
    """Returns the outputs, the finest first, and their sizes as parts of the finest one's."""
    if not isinstance(input, torch.Tensor):
        shapes = [tuple(output.shape[2:]) for output in input]
        if any(own > full for shape in shapes for own, full in zip(shape, shapes[0], strict=True)):
            raise InputError(mismatch("input", got=f"outputs of the shapes {shapes}", expected="the finest one first"))
        return list(input), [min(own / full for own, full in zip(shape, shapes[0], strict=True)) for shape in shapes]
    if isinstance(target, torch.Tensor) and input.ndim == target.ndim + 1:
        outputs = list(input.unbind(dim=1))
        return outputs, [0.5**level for level in range(len(outputs))]
    return [input], [1.0]


def _resized(target: torch.Tensor, outputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Returns the target for each output: for the finest as it is, for the others of the nearest voxels."""
    plain = target.as_subclass(torch.Tensor).float()
    coarse = (F.interpolate(plain, size=output.shape[2:], mode="nearest-exact") for output in outputs[1:])
    return [target, *(resized.to(target.dtype) for resized in coarse)]
