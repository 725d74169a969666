"""The losses a config can name. The networks give logits of all classes, so every loss applies the softmax itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from segtopo.training.section import NonNegative, NonNegativeInt, PositiveInt, Section

if TYPE_CHECKING:
    from torch import nn


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
    batch: bool = True
    dice_weight: NonNegative = 1.0
    ce_weight: NonNegative = 1.0

    def build(self) -> nn.Module:
        """The loss module, for logits (B, C, H, W[, D]) and labels (B, 1, H, W[, D])."""
        from monai.losses import DiceCELoss

        loss: nn.Module = DiceCELoss(
            include_background=self.include_background,
            to_onehot_y=True,
            softmax=True,
            batch=self.batch,
            lambda_dice=self.dice_weight,
            lambda_ce=self.ce_weight,
        )
        return loss


class TopoLoss(Section):
    """``segtopo.losses.TopoLoss`` (Hu et al. 2019)."""

    name: Literal["TopoLoss"]
    dimensions: tuple[NonNegativeInt, ...] | None = None
    construction: Literal["T", "V"] = "T"
    patch_size: PositiveInt | None = None
    min_persistence: NonNegative = 0.0

    def build(self) -> nn.Module:
        """The loss module, for logits (B, C, H, W[, D]) and labels (B, 1, H, W[, D])."""
        from segtopo.losses import TopoLoss as Loss

        return Loss(
            include_background=False,
            to_onehot_y=True,
            softmax=True,
            dimensions=self.dimensions,
            construction=self.construction,
            patch_size=self.patch_size,
            min_persistence=self.min_persistence,
        )


Topology = Annotated[TopoLoss, Field()]


class CombinedTopology(_Loss):
    """``segtopo.losses.CombinedTopologyLoss``: Dice + cross-entropy + ``weight`` x ``topology``.

    The topology sets in at ``start_epoch`` (from 0) and grows linearly to its full weight over ``ramp_epochs``.
    """

    name: Literal["CombinedTopology"]
    topology: Topology
    weight: NonNegative = 0.1
    start_epoch: NonNegativeInt = 0
    ramp_epochs: NonNegativeInt = 0
    dice_weight: NonNegative = 1.0
    ce_weight: NonNegative = 1.0

    def build(self) -> nn.Module:
        """The loss module, for logits (B, C, H, W[, D]) and labels (B, 1, H, W[, D])."""
        from segtopo.losses import CombinedTopologyLoss

        return CombinedTopologyLoss(
            self.topology.build(),
            weight=self.weight,
            start_epoch=self.start_epoch,
            ramp_epochs=self.ramp_epochs,
        )


LossConfig = Annotated[DiceCE | CombinedTopology, Field(discriminator="name")]
