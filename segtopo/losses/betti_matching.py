"""BettiMatchingLoss: features of prediction and target compared where they are the same ones (Stucki et al. 2023)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import get_args

import numpy as np
import torch
from monai.utils import LossReduction
from numpy.typing import NDArray

from segtopo.errors import InputError
from segtopo.losses.channel_loss import ClassWeight, check_not_negative
from segtopo.losses.matched_barcodes import Goal, MatchedBarcodes, unmatched_cost
from segtopo.losses.persistence_loss import ComparisonLoss
from segtopo.losses.superlevel import ending_at_zero, sum_by_image
from segtopo.matching.betti_matching import match_barcodes
from segtopo.persistence import Construction
from segtopo.persistence.barcodes import Barcodes


class BettiMatchingLoss(ComparisonLoss):
    r"""Distance between the features of prediction and target under the Betti matching.

    The diagrams are those of the superlevel filtration: a bar :math:`(b, d)` of dimension 0 is a component
    that appears at probability ``b`` and merges with another at ``d``; dimension 1 holds loops, dimension 2
    (in 3D) cavities. A binary target has one bar (1, 0) for each feature. Unlike the optimal matching of
    :class:`TopoLoss`, which knows values only, the Betti matching pairs a bar of the prediction with one of the
    target if they are the same feature of the images' union, see :func:`segtopo.matching.betti_matching`: the
    prediction is corrected at the right place. The loss of one channel is

    .. math:: w_m \sum_{(p, q)} \|p - q\|^2 + w_u \sum_{p\ \mathrm{unmatched}} c(p)
              + w_t \sum_{q\ \mathrm{unmatched}} c(q)

    with :math:`c(b, d) = \tfrac12 (b - d)^2`, or :math:`b^2 + (1 - d)^2` with
    ``push_unmatched_to="extremes"``. The last sum has no gradient: it counts the features of the target that the
    prediction has no counterpart for, so that the loss is a distance.

    The component that never dies is given death 0. An empty target has no feature, so that there this component
    counts as unmatched; a target with a feature is matched even by a prediction that is 0 everywhere, which costs 1
    and has a gradient that raises a voxel.

    **Sparse filtrations.** With ``threshold`` only voxels are looked at where the target is foreground or the
    prediction at least ``1 - threshold``. That is faster, and the faint background of a prediction plays no part: a
    component is not matched, across all the background, with one far away. Every class alive at the end of such a
    filtration is given death 0.

    **Scale.** As for :class:`TopoLoss` the sum over bars is kept; a single missing feature costs up to 1, as much as
    Dice can cost altogether, and weights of 0.001 to 0.1 beside Dice are a fair start.

    Differences from the published code (github.com/nstucki/Betti-Matching-3D): half of its value; a bar of the
    target without length is no feature; several dimensions can be weighed.

    Args:
        include_background: If False, channel 0 is left out.
        to_onehot_y: Whether to turn a ``(B, 1, H, W[, D])`` label map into one channel per class of the
            input.
        sigmoid: Whether to apply a sigmoid to the input.
        softmax: Whether to apply a softmax over the channels of the input.
        other_act: Another activation to apply to the input; it should give probabilities.
        dimensions: Dimensions of the features compared. None: all, 0 to the number of spatial axes less one.
        dimension_weights: One weight for each of ``dimensions``, none negative. None: all 1.
        matched_weight: Weight :math:`w_m` of matched bars, not negative.
        unmatched_weight: Weight :math:`w_u` of the prediction's bars without a partner, not negative.
        unmatched_target_weight: Weight :math:`w_t` of the target's bars without a partner, not negative. It changes
            the value alone; 0 leaves what the network can change.
        push_unmatched_to: Where a spurious feature of the prediction is drawn to. ``"diagonal"``: birth and death
            to each other, with a force equal to the bar's length, until the feature is gone. ``"extremes"``
            ("one_zero" elsewhere): its birth voxel to 0 and its death voxel to 1, with full force, also beyond the
            diagonal: the peak of a spurious component fades away while the saddle where it meets another rises to
            join them, a spurious loop is opened at its weakest voxel while its hole is filled; whichever of the two
            passes one half first removes the feature from the segmentation. Noise is pushed as hard as
            errors: set ``min_persistence`` with it (0.1 in published experiments).
        min_persistence: Bars of the prediction up to this length cost nothing while they have no partner; at
            least 0 and below 1.
        threshold: In [0, 1], see above; 0.8 in the paper on sparse filtrations. None: the whole image.
        essential: Whether features that never die count.
        construction: ``"T"``: full foreground connectivity (8 / 26). ``"V"``: face connectivity (4 / 6).
        num_threads: Threads for the matching. None: as many as there are cores.
        reduction: ``"mean"`` or ``"sum"`` over items and channels, or ``"none"`` for ``(B, C, 1, 1[, 1])``.
        weight: Weights of the channels, see :class:`~segtopo.losses.channel_loss.ChannelLoss`.
        ignore_index: Label whose voxels count as background in input and target.

    Raises:
        TypeError: If ``other_act`` cannot be called.
        ValueError: If an option is out of its range, or more than one activation is asked for.

    References:
        N. Stucki, J. C. Paetzold, S. Shit, B. Menze, U. Bauer: Topologically Faithful Image Segmentation via Induced
        Matching of Persistence Barcodes. ICML 2023. N. Stucki, V. Bürgin, J. C. Paetzold, U. Bauer: Efficient Betti
        Matching Enables Topology-Aware 3D Segmentation via Persistent Homology. 2024.

    Example:
        >>> import torch
        >>> target = torch.tensor([[[[1.0, 1.0, 1.0, 0.0, 0.0]]]])
        >>> prediction = torch.tensor([[[[0.9, 0.2, 0.8, 0.1, 0.6]]]], requires_grad=True)
        >>> loss = BettiMatchingLoss()(prediction, target)
        >>> round(loss.item(), 3)  # 0.1^2 for the first component, half of 0.6^2 and of 0.5^2 for the others
        0.315
        >>> loss.backward()
        >>> prediction.grad.squeeze()  # descent raises the gap and lowers the spurious component
        tensor([-0.2000, -0.6000,  0.6000, -0.5000,  0.5000])
    """

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable[[torch.Tensor], torch.Tensor] | None = None,
        dimensions: Sequence[int] | None = None,
        dimension_weights: Sequence[float] | None = None,
        matched_weight: float = 1.0,
        unmatched_weight: float = 1.0,
        unmatched_target_weight: float = 1.0,
        push_unmatched_to: Goal = "diagonal",
        min_persistence: float = 0.0,
        threshold: float | None = None,
        essential: bool = True,
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
            dimensions=dimensions,
            dimension_weights=dimension_weights,
            min_persistence=min_persistence,
            construction=construction,
            num_threads=num_threads,
            reduction=reduction,
            weight=weight,
            ignore_index=ignore_index,
        )
        check_not_negative(
            matched_weight=matched_weight,
            unmatched_weight=unmatched_weight,
            unmatched_target_weight=unmatched_target_weight,
        )
        if push_unmatched_to not in get_args(Goal):
            raise InputError(f"push_unmatched_to is {push_unmatched_to!r}, expected one of {get_args(Goal)}.")
        if threshold is not None and not 0.0 <= threshold <= 1.0:
            raise InputError(f"threshold is {threshold}, expected a number from 0 to 1, or None.")
        self.matched_weight = matched_weight
        self.unmatched_weight = unmatched_weight
        self.unmatched_target_weight = unmatched_target_weight
        self.push_unmatched_to: Goal = push_unmatched_to
        self.threshold = threshold
        self.essential = essential

    def image_losses(self, images: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
        """The losses ``(N,)`` of images and references, both ``(N, *spatial)`` and of one floating type."""
        predictions, targets = images.detach().cpu().numpy(), references.detach().cpu().numpy()
        matching = match_barcodes(
            predictions, targets, "superlevel", self.construction, self.threshold, self.num_threads
        )
        prediction, target = ending_at_zero(matching.prediction), ending_at_zero(matching.target)
        weights = self._weights(prediction, images.ndim - 1), self._weights(target, images.ndim - 1)
        bars = self._matched_bars(prediction, target, matching.partners, weights, len(images))
        return bars.distances(images, self.push_unmatched_to)

    def _matched_bars(
        self,
        prediction: Barcodes,
        target: Barcodes,
        partners: NDArray[np.int64],
        weights: tuple[NDArray[np.float64], NDArray[np.float64]],
        images: int,
    ) -> MatchedBarcodes:
        """The prediction's bars that cost something, and what the target's lost ones cost."""
        # The component of an empty target is born at 0: it is no feature, and its partner stays alone.
        is_feature = target.births > target.deaths
        matched = partners >= 0
        matched[matched] = is_feature[partners[matched]]
        partner = np.zeros((len(matched), 2))
        partner[matched] = np.stack([target.births, target.deaths], axis=1)[partners[matched]]
        lost = is_feature.copy()
        lost[partners[matched]] = False
        missing = sum_by_image(target, torch.from_numpy(lost * weights[1] * self._costs(target)), images)
        weight = weights[0] * np.where(matched, self.matched_weight, self.unmatched_weight)
        kept = (weight > 0) & (matched | (prediction.lengths > self.min_persistence))
        return MatchedBarcodes(
            prediction.select(kept), matched[kept], partner[kept], weight[kept], self.unmatched_target_weight * missing
        )

    def _weights(self, bars: Barcodes, ndim: int) -> NDArray[np.float64]:
        weights = self.dimension_weight(ndim)[bars.dimension]
        return weights if self.essential else np.where(bars.essential, 0.0, weights)

    def _costs(self, bars: Barcodes) -> NDArray[np.float64]:
        births, deaths, essential = map(torch.from_numpy, (bars.births, bars.deaths, bars.essential))
        costs: NDArray[np.float64] = unmatched_cost(births, deaths, essential, self.push_unmatched_to).numpy()
        return costs
