"""LoopLossH1: the loops of a prediction, drawn out or done away with, birth and death each by its own weight."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from monai.utils import LossReduction

from segtopo.errors import InputError
from segtopo.losses.channel_loss import ClassWeight, check_not_negative
from segtopo.losses.persistence_loss import PriorLoss
from segtopo.losses.superlevel import gather, sum_by_image, superlevel_barcodes
from segtopo.persistence import Construction

LOOPS = 1


class LoopLossH1(PriorLoss):
    r"""Rewards the longest loops of the prediction and penalises the others.

    A loop is born at the probability ``b`` of its weakest voxel, the last one that closes it, and dies at the
    probability ``d`` of the last voxel that fills its hole (superlevel filtration). The ``loops`` longest ones are
    drawn to (1, 0), closed and hollow; all others are drawn to (0, 1): opened where they are weakest, or filled.

    .. math:: \sum_{\mathrm{rewarded}} w_b (1 - b)^2 + w_d d^2
              + w_p \sum_{\mathrm{penalised}} w_b b^2 + w_d (1 - d)^2

    ``birth_weight`` acts on the voxels that close loops and ``death_weight`` on those that fill holes: with
    ``death_weight=0`` spurious loops are opened and never filled, as it should be where a false bridge joins two
    vessels; with ``birth_weight=0`` they are filled. A loop asked for that the prediction has no trace of costs
    :math:`w_b w_d / (w_b + w_d)`, the least that one without length costs, and has no gradient.

    Unlike the squared length in :class:`BettiPriorLoss`, whose pull on births and deaths is the same, both ends have
    goals of their own.

    Args:
        include_background: If False, channel 0 is left out.
        to_onehot_y: Whether to turn a ``(B, 1, H, W[, D])`` label map into one channel per class of the
            input.
        sigmoid: Whether to apply a sigmoid to the input.
        softmax: Whether to apply a softmax over the channels of the input.
        other_act: Another activation to apply to the input; it should give probabilities.
        loops: How many loops to reward in each image; the default penalises all.
        birth_weight: Weight :math:`w_b` of births, not negative.
        death_weight: Weight :math:`w_d` of deaths, not negative; one of the two is above 0.
        penalty_weight: Weight :math:`w_p` of the loops that are penalised, not negative.
        min_persistence: Loops up to this length are not penalised; at least 0 and below 1. Full force acts on
            short bars too, so a noisy prediction needs it: 0.1 is a fair start.
        construction: ``"T"``: full foreground connectivity (8 / 26). ``"V"``: face connectivity (4 / 6).
        num_threads: Threads for persistence. None: as many as there are cores.
        reduction: ``"mean"`` or ``"sum"`` over items and channels, or ``"none"`` for ``(B, C, 1, 1[, 1])``.
        weight: Weights of the channels, see :class:`~segtopo.losses.channel_loss.ChannelLoss`.
        ignore_index: Label whose voxels count as background in the input.

    Raises:
        TypeError: If ``other_act`` cannot be called.
        ValueError: If an option is out of its range, or more than one activation is asked for.

    Reference:
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

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable[[torch.Tensor], torch.Tensor] | None = None,
        loops: int = 0,
        birth_weight: float = 1.0,
        death_weight: float = 1.0,
        penalty_weight: float = 1.0,
        min_persistence: float = 0.0,
        construction: Construction = "T",
        num_threads: int | None = None,
        reduction: LossReduction | str = LossReduction.MEAN,
        weight: ClassWeight = None,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(
            include_background=include_background,
            to_onehot_y=to_onehot_y,
            sigmoid=sigmoid,
            softmax=softmax,
            other_act=other_act,
            dimensions=(LOOPS,),
            dimension_weights=None,
            min_persistence=min_persistence,
            construction=construction,
            num_threads=num_threads,
            reduction=reduction,
            weight=weight,
            ignore_index=ignore_index,
        )
        check_not_negative(
            loops=loops, birth_weight=birth_weight, death_weight=death_weight, penalty_weight=penalty_weight
        )
        if birth_weight + death_weight == 0:
            raise InputError("birth_weight and death_weight are 0, expected one of them above 0.")
        self.loops = loops
        self.birth_weight = birth_weight
        self.death_weight = death_weight
        self.penalty_weight = penalty_weight

    def image_losses(self, images: torch.Tensor, references: torch.Tensor | None) -> torch.Tensor:
        """The losses ``(N,)`` of images ``(N, *spatial)``."""
        bars = superlevel_barcodes(images, self.construction, self.num_threads)
        bars = bars.select(bars.dimension == LOOPS)
        rewarded = bars.ranks < self.loops
        kept = rewarded | (bars.lengths > self.min_persistence)
        bars = bars.select(kept)
        births, deaths = gather(bars, images)
        reward, penalty = self._squares(1 - births, deaths), self._squares(births, 1 - deaths)
        costs = torch.where(torch.from_numpy(rewarded[kept]), reward, self.penalty_weight * penalty)
        found = np.bincount(bars.image, minlength=len(images))
        missing = torch.from_numpy(np.maximum(self.loops - found, 0)).to(costs)
        cost_of_none = self.birth_weight * self.death_weight / (self.birth_weight + self.death_weight)
        return (cost_of_none * missing + sum_by_image(bars, costs, len(images))).to(images.device)

    def _squares(self, births: torch.Tensor, deaths: torch.Tensor) -> torch.Tensor:
        return self.birth_weight * births**2 + self.death_weight * deaths**2
