"""The losses a config can name. The networks give logits of all classes, so every loss applies the softmax itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from segtopo.training.section import NonNegative, NonNegativeInt, PositiveInt, Probability, Section

if TYPE_CHECKING:
    from torch import nn

    from segtopo.losses import CombinedTopologyLoss


class _Loss(Section):
    """What training asks of a loss besides its value."""

    def set_epoch(self, loss: nn.Module, epoch: int) -> None:
        """Tells the module built here the epoch (from 0), if it depends on it."""

    def components(self, loss: nn.Module) -> dict[str, float]:
        """The parts of the last value, by column of metrics.csv, if there are several."""
        return {}


class DiceCE(_Loss):
    """``monai.losses.DiceCELoss``: soft Dice plus cross-entropy, the baseline."""

    name: Literal["DiceCE"]
    include_background: bool = False
    lambda_dice: NonNegative = 1.0
    lambda_ce: NonNegative = 1.0

    def build(self) -> nn.Module:
        """The loss module, for logits (B, C, H, W[, D]) and labels (B, 1, H, W[, D])."""
        from monai.losses import DiceCELoss

        loss: nn.Module = DiceCELoss(
            include_background=self.include_background,
            to_onehot_y=True,
            softmax=True,
            lambda_dice=self.lambda_dice,
            lambda_ce=self.lambda_ce,
        )
        return loss


class _PersistenceLoss(Section):
    """The options that losses of persistence diagrams share."""

    dimensions: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)] | None = None
    dimension_weights: tuple[NonNegative, ...] | None = None
    min_persistence: Annotated[float, Field(ge=0, lt=1)] = 0.0
    construction: Literal["T", "V"] = "T"

    def _options(self) -> dict[str, Any]:
        """Arguments for logits (B, C, H, W[, D]) and labels (B, 1, H, W[, D]); the background is left out."""
        channels = {"include_background": False, "to_onehot_y": True, "softmax": True}
        return {**channels, **self.model_dump(exclude={"name"})}


class TopoLoss(_PersistenceLoss):
    """``segtopo.losses.TopoLoss`` (Hu et al. 2019) of the foreground classes."""

    name: Literal["TopoLoss"]
    patch_size: PositiveInt | tuple[PositiveInt, ...] | None = None
    match_all: bool = True

    def build(self) -> nn.Module:
        """The loss module."""
        from segtopo import losses

        return losses.TopoLoss(**self._options())


class BettiMatchingLoss(_PersistenceLoss):
    """``segtopo.losses.BettiMatchingLoss`` (Stucki et al. 2023) of the foreground classes."""

    name: Literal["BettiMatchingLoss"]
    matched_weight: NonNegative = 1.0
    unmatched_weight: NonNegative = 1.0
    unmatched_target_weight: NonNegative = 1.0
    push_unmatched_to: Literal["diagonal", "extremes"] = "diagonal"
    threshold: Probability | None = None
    essential: bool = True

    def build(self) -> nn.Module:
        """The loss module."""
        from segtopo import losses

        return losses.BettiMatchingLoss(**self._options())


Topology = Annotated[TopoLoss | BettiMatchingLoss, Field(discriminator="name")]


class CombinedTopology(_Loss):
    """``segtopo.losses.CombinedTopologyLoss``: Dice, cross-entropy and ``lambda_topology`` times a topological loss.

    The topology sets in at ``start_epoch`` (from 0) and grows linearly to its full weight over ``ramp_epochs``.
    """

    name: Literal["CombinedTopology"]
    topology: Topology
    include_background: bool = False
    lambda_dice: NonNegative = 1.0
    lambda_ce: NonNegative = 1.0
    lambda_topology: NonNegative = 0.01
    start_epoch: NonNegativeInt = 0
    ramp_epochs: NonNegativeInt = 0

    def build(self) -> nn.Module:
        """The loss module, for logits (B, C, H, W[, D]) and labels (B, 1, H, W[, D])."""
        from segtopo.losses import CombinedTopologyLoss

        return CombinedTopologyLoss(
            topology_loss=self.topology.build(),
            to_onehot_y=True,
            softmax=True,
            **self.model_dump(exclude={"name", "topology"}),
        )

    def set_epoch(self, loss: nn.Module, epoch: int) -> None:
        """Tells the module built here the epoch (from 0), on which the weight of the topology depends."""
        self._own(loss).set_epoch(epoch)

    def components(self, loss: nn.Module) -> dict[str, float]:
        """The parts of the last value before they are weighted, by column of metrics.csv."""
        return {f"loss_{name}": value.item() for name, value in self._own(loss).components.items()}

    @staticmethod
    def _own(loss: nn.Module) -> CombinedTopologyLoss:
        from segtopo.losses import CombinedTopologyLoss

        assert isinstance(loss, CombinedTopologyLoss)
        return loss


LossConfig = Annotated[DiceCE | CombinedTopology, Field(discriminator="name")]
