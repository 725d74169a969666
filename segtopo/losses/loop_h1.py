"""LoopLossH1: rewards the longest loops of a prediction and penalises the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from segtopo.errors import InputError, mismatch
from segtopo.losses.options import ClassWeight, Count, Dimension, NonNegative
from segtopo.losses.persistence_loss import PriorLoss
from segtopo.losses.superlevel import gather, sum_by_image, superlevel_barcodes

LOOPS = 1


@dataclass(eq=False, repr=False, kw_only=True)
class LoopLossH1(PriorLoss):
    r"""Rewards the longest loops of the prediction and penalises the others; births and deaths have their own weights.

    A loop is born at the probability ``b`` of its weakest voxel, which closes it, and dies at the probability ``d`` of
    the last voxel that fills its hole (superlevel filtration). The ``loops`` longest ones move to (1, 0): closed and
    hollow. All others move to (0, 1): opened at their weakest voxel, or filled.

    .. math:: \sum_{\mathrm{rewarded}} w_b (1 - b)^2 + w_d d^2
              + w_p \sum_{\mathrm{penalised}} w_b b^2 + w_d (1 - d)^2

    ``birth_weight`` acts on the voxels that close loops and ``death_weight`` on the voxels that fill holes. With
    ``death_weight=0`` spurious loops are opened and never filled: right for a false bridge between two vessels. With
    ``birth_weight=0`` they are filled. A rewarded loop without any trace in the prediction costs
    :math:`w_b w_d / (w_b + w_d)`, the least cost of a loop without length, and has no gradient.

    All other options, and the errors, are those of :class:`~segtopo.losses.persistence_loss.PersistenceLoss`,
    without the dimensions. Full force acts on short bars too, so a noisy prediction needs ``min_persistence``: 0.1 is a
    fair start.

    Args:
        loops: Number of loops to reward in each image. 0: all are penalised.
        birth_weight: Weight :math:`w_b` of births, not negative.
        death_weight: Weight :math:`w_d` of deaths, not negative; one of the two weights is above 0.
        penalty_weight: Weight :math:`w_p` of the penalised loops, not negative.

    References:
        R. Brüel-Gabrielsson et al.: A Topology Layer for Machine Learning. AISTATS 2020, for the kind of loss.

    Example:
        >>> import torch
        >>> prediction = torch.full((1, 1, 3, 4), 0.9)
        >>> prediction[..., 1, 1:3] = 0.1  # the hole
        >>> prediction[..., 1, 3] = 0.6  # the weakest voxel around it
        >>> prediction.requires_grad_()
        tensor(...)
        >>> loss = LoopLossH1(loops=1)(prediction)
        >>> round(loss.item(), 3)  # (1 - 0.6)^2 + 0.1^2
        0.17
        >>> round(LoopLossH1(loops=0, death_weight=0)(prediction).item(), 3)  # 0.6^2
        0.36
    """

    dimensions: Sequence[Dimension] | None = field(default=(LOOPS,), init=False)
    dimension_weights: Sequence[NonNegative] | None = field(default=None, init=False)
    loops: Count = 0
    birth_weight: NonNegative = 1.0
    death_weight: NonNegative = 1.0
    penalty_weight: NonNegative = 1.0

    def __post_init__(self, weight: ClassWeight) -> None:
        super().__post_init__(weight)
        if self.birth_weight + self.death_weight == 0:
            raise InputError(mismatch("birth_weight", got="0, as death_weight", expected="one of them above 0"))

    def image_losses(self, prediction: torch.Tensor, target: torch.Tensor | None) -> torch.Tensor:
        """Computes the losses ``(N,)`` of images ``(N, *spatial)``."""
        bars = superlevel_barcodes(prediction, self.construction, self.num_threads)
        bars = bars.select(bars.dimension == LOOPS)
        rewarded = bars.ranks < self.loops
        kept = rewarded | (bars.lengths > self.min_persistence)
        bars = bars.select(kept)
        births, deaths = gather(bars, prediction)
        reward, penalty = self._squares(1 - births, deaths), self._squares(births, 1 - deaths)
        costs = torch.where(torch.from_numpy(rewarded[kept]), reward, self.penalty_weight * penalty)
        found = np.bincount(bars.image, minlength=len(prediction))
        missing = torch.from_numpy(np.maximum(self.loops - found, 0)).to(costs)
        cost_of_missing = self.birth_weight * self.death_weight / (self.birth_weight + self.death_weight)
        return (cost_of_missing * missing + sum_by_image(bars, costs, len(prediction))).to(prediction.device)

    def _squares(self, births: torch.Tensor, deaths: torch.Tensor) -> torch.Tensor:
        return self.birth_weight * births**2 + self.death_weight * deaths**2
