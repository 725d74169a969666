"""The losses a config can name. The networks give logits of all classes, so every loss applies the softmax itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from segtopo.training.section import NonNegative, NonNegativeInt, PositiveInt, Section

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


class TopoLoss(Section):
    """``segtopo.losses.TopoLoss`` (Hu et al. 2019) of the foreground classes."""

    name: Literal["TopoLoss"]
    dimensions: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)] | None = None
    dimension_weights: tuple[NonNegative, ...] | None = None
    patch_size: PositiveInt | tuple[PositiveInt, ...] | None = None
    min_persistence: Annotated[float, Field(ge=0, lt=1)] = 0.0
    match_all: bool = True
    construction: Literal["T", "V"] = "T"

    def build(self) -> nn.Module:
        """The loss module, for logits (B, C, H, W[, D]) and labels (B, 1, H, W[, D])."""
        from segtopo import losses

        options = self.model_dump(exclude={"name"})
        return losses.TopoLoss(include_background=False, to_onehot_y=True, softmax=True, **options)


class CombinedTopology(_Loss):
    """``segtopo.losses.CombinedTopologyLoss``: Dice, cross-entropy and ``lambda_topology`` times a topological loss.

    The topology sets in at ``start_epoch`` (from 0) and grows linearly to its full weight over ``ramp_epochs``.
    """

    name: Literal["CombinedTopology"]
    topology: TopoLoss
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
