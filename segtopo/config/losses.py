"""The losses a config can name. The networks give logits of all classes, so every loss applies the softmax itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from segtopo.config.section import NonNegative, NonNegativeInt, Positive, PositiveInt, Probability, Section
from segtopo.errors import mismatch

if TYPE_CHECKING:
    from torch import nn

    from segtopo.losses import CombinedTopologyLoss


ShortBar = Annotated[float, Field(ge=0, lt=1)]


class _Loss(Section):
    """What training asks of a loss besides its value."""

    def set_epoch(self, loss: nn.Module, epoch: int) -> None:
        """Tells the module built here the epoch (from 0), if it depends on it."""

    def components(self, loss: nn.Module) -> dict[str, float]:
        """The parts of the last value, by column of metrics.csv, if there are several."""
        return {}

    def check(self, dimensions: int, classes: int) -> None:
        """Checks the options against the number of axes of the patches, 2 or 3, and the number of classes.

        Raises:
            ValueError: The message begins with the key below ``loss``.
        """


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


class _TopologyLoss(Section):
    """A loss of ``segtopo.losses`` by its name there, for the foreground classes."""

    def build(self) -> nn.Module:
        """The loss module, for logits (B, C, H, W[, D]) and labels (B, 1, H, W[, D]); the background is left out."""
        from segtopo import losses

        options = self.model_dump()
        loss: nn.Module = getattr(losses, options.pop("name"))(
            include_background=False, to_onehot_y=True, softmax=True, **options
        )
        return loss


class _PersistenceLoss(_TopologyLoss):
    """The options that losses of persistence diagrams share."""

    dimensions: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)] | None = None
    dimension_weights: tuple[NonNegative, ...] | None = None
    min_persistence: ShortBar = 0.0
    construction: Literal["T", "V"] = "T"


class TopoLoss(_PersistenceLoss):
    """Distance of the diagrams under the optimal matching (Hu et al. 2019)."""

    name: Literal["TopoLoss"]
    patch_size: PositiveInt | tuple[PositiveInt, ...] | None = None
    match_all: bool = True


class BettiMatchingLoss(_PersistenceLoss):
    """Distance of the diagrams under the Betti matching (Stucki et al. 2023)."""

    name: Literal["BettiMatchingLoss"]
    matched_weight: NonNegative = 1.0
    unmatched_weight: NonNegative = 1.0
    unmatched_target_weight: NonNegative = 1.0
    push_unmatched_to: Literal["diagonal", "extremes"] = "diagonal"
    threshold: Probability | None = None
    essential: bool = True


class DiagramDistanceLoss(_PersistenceLoss):
    """Squared distance of the diagrams from the label's, or from prescribed ones."""

    name: Literal["DiagramDistanceLoss"]
    distance: Literal["wasserstein", "bottleneck"] = "wasserstein"
    order: Annotated[float, Field(ge=1)] = 2.0
    internal_p: Annotated[float, Field(ge=1)] = 2.0
    diagrams: tuple[tuple[tuple[Probability, Probability], ...], ...] | None = None


class TotalPersistenceLoss(_PersistenceLoss):
    """Total length of all bars but the longest."""

    name: Literal["TotalPersistenceLoss"]
    p: Positive = 2.0
    longest: NonNegativeInt | tuple[NonNegativeInt, ...] = 0
    longest_weight: float = 0.0


class BettiPrior(Section):
    """The Betti numbers of a class, or of several taken together."""

    classes: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)]
    betti_numbers: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)]


class BettiPriorLoss(_PersistenceLoss):
    """Prescribed Betti numbers (Clough et al. 2020, Byrne et al. 2022); without priors those of the label."""

    name: Literal["BettiPriorLoss"]
    priors: Annotated[tuple[BettiPrior, ...], Field(min_length=1)] | None = None
    p: Positive = 2.0


class LoopLossH1(_TopologyLoss):
    """The longest loops rewarded, all others penalised."""

    name: Literal["LoopLossH1"]
    loops: NonNegativeInt = 0
    birth_weight: NonNegative = 1.0
    death_weight: NonNegative = 1.0
    penalty_weight: NonNegative = 1.0
    min_persistence: ShortBar = 0.0
    construction: Literal["T", "V"] = "T"


class SkeletonRecallLoss(_TopologyLoss):
    """How much of the label's centrelines is covered (Kirchhoff et al. 2024)."""

    name: Literal["SkeletonRecallLoss"]
    radius: NonNegativeInt = 2
    smooth: Positive = 1.0


class SoftclDiceLoss(_TopologyLoss):
    """Soft clDice (Shit et al. 2021)."""

    name: Literal["SoftclDiceLoss"]
    iter_: NonNegativeInt = 3
    smooth: Positive = 1.0


Topology = Annotated[
    TopoLoss
    | BettiMatchingLoss
    | DiagramDistanceLoss
    | TotalPersistenceLoss
    | BettiPriorLoss
    | LoopLossH1
    | SkeletonRecallLoss
    | SoftclDiceLoss,
    Field(discriminator="name"),
]


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

    def check(self, dimensions: int, classes: int) -> None:
        """Checks the dimensions of the topology and their weights against the number of axes."""
        chosen = getattr(self.topology, "dimensions", None)
        if chosen is not None and max(chosen) >= dimensions:
            expected = f"dimensions from 0 to {dimensions - 1}"
            raise ValueError(mismatch("topology.dimensions", got=list(chosen), expected=expected))
        weights = getattr(self.topology, "dimension_weights", None)
        number = dimensions if chosen is None else len(chosen)
        if weights is not None and len(weights) != number:
            expected = f"one weight for each of {number} dimensions"
            raise ValueError(mismatch("topology.dimension_weights", got=list(weights), expected=expected))

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
