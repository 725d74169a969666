"""BettiMatchingLoss: features of prediction and target matched by their location (Stucki et al. 2023)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from segtopo.losses.matched_barcodes import Goal, MatchedBarcodes, unmatched_cost
from segtopo.losses.options import NonNegative, Probability
from segtopo.losses.persistence_loss import ComparisonLoss
from segtopo.losses.superlevel import ending_at_zero, sum_by_image
from segtopo.matching.betti_matching import match_barcodes
from segtopo.persistence.barcodes import Barcodes


@dataclass(eq=False, repr=False, kw_only=True)
class BettiMatchingLoss(ComparisonLoss):
    r"""Distance between the features of prediction and target under the Betti matching.

    The optimal matching of :class:`TopoLoss` knows values only. The Betti matching pairs a bar of the prediction with
    a bar of the target if they are the same feature of the images' union, see
    :func:`segtopo.matching.betti_matching`: it corrects the prediction at the right location. The loss of one channel
    sums over bars :math:`p` of the prediction and :math:`q` of the target:

    .. math:: w_m \sum_{(p, q)} \|p - q\|^2 + w_u \sum_{p\ \mathrm{unmatched}} c(p)
              + w_t \sum_{q\ \mathrm{unmatched}} c(q)

    with :math:`c(b, d) = \tfrac12 (b - d)^2`, or :math:`b^2 + (1 - d)^2` with ``push_unmatched_to="extremes"``. The
    last sum has no gradient. It counts the target's features without a partner, so that the loss is a distance.

    An empty target has no feature, so the prediction's essential component has no partner there. A target with a
    feature is matched even by a prediction of zeros, which costs 1 and has a gradient that raises a voxel.

    **Sparse filtrations.** With ``threshold`` the filtration holds only the voxels where the target is foreground or
    the prediction is at least ``1 - threshold``. That is faster, and the faint background of a prediction has no
    influence: a component is not matched, across the background, with a distant one. Every class alive at the end of
    such a filtration is given death 0.

    Beside another loss, :class:`~segtopo.losses.TopologyWeight` finds its weight.

    All other options, and the errors, are those of :class:`~segtopo.losses.persistence_loss.PersistenceLoss`.

    Args:
        matched_weight: Weight :math:`w_m` of matched bars, not negative.
        unmatched_weight: Weight :math:`w_u` of the prediction's bars without a partner, not negative.
        unmatched_target_weight: Weight :math:`w_t` of the target's bars without a partner, not negative. It changes
            the value only, not the gradient.
        push_unmatched_to: Goal of a spurious feature of the prediction. ``"diagonal"``: birth and death move to each
            other, with a force equal to the bar's length, until the feature is gone. ``"extremes"`` (``one_zero`` in
            other codes): the birth voxel moves to 0 and the death voxel to 1, with full force, also beyond the
            diagonal. The peak of a spurious component then fades while the saddle to its neighbour rises; a spurious
            loop is opened at its weakest voxel while its hole is filled. The first of the two that passes one half
            removes the feature from the segmentation. Noise is pushed as hard as errors: set ``min_persistence`` with
            it (0.1 in published experiments).
        threshold: In [0, 1], see above; 0.8 in Berger et al. None: the whole image.
        essential: If False, essential classes cost nothing.

    References:
        N. Stucki, J. C. Paetzold, S. Shit, B. Menze, U. Bauer: Topologically Faithful Image Segmentation via Induced
        Matching of Persistence Barcodes. ICML 2023. N. Stucki, V. Bürgin, J. C. Paetzold, U. Bauer: Efficient Betti
        Matching Enables Topology-Aware 3D Segmentation via Persistent Homology. 2024. Berger et al., 2026, for sparse
        filtrations.

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

    matched_weight: NonNegative = 1.0
    unmatched_weight: NonNegative = 1.0
    unmatched_target_weight: NonNegative = 1.0
    push_unmatched_to: Goal = "diagonal"
    threshold: Probability | None = None
    essential: bool = True

    def image_losses(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Computes the losses ``(N,)`` of images, both ``(N, *spatial)`` and of one floating dtype."""
        images, target_images = (batch.detach().cpu().numpy() for batch in (prediction, target))
        matching = match_barcodes(
            images, target_images, "superlevel", self.construction, self.threshold, self.num_threads
        )
        bars, target_bars = ending_at_zero(matching.prediction), ending_at_zero(matching.target)
        # The component of an empty target is born at 0. It is no feature and has no partner.
        is_feature = target_bars.births > target_bars.deaths
        partners = np.where(is_feature[matching.partners], matching.partners, -1)
        dimension_weights = self.dimensions_of(prediction).weights()
        weight = self._weights(bars, dimension_weights)
        weight *= np.where(partners >= 0, self.matched_weight, self.unmatched_weight)
        lost = is_feature.astype(np.float64)
        lost[partners[partners >= 0]] = 0.0
        lost *= self.unmatched_target_weight * self._weights(target_bars, dimension_weights) * self._costs(target_bars)
        missing = sum_by_image(target_bars, torch.from_numpy(lost), len(images))
        matched = MatchedBarcodes.of(bars, target_bars, partners, weight, missing, self.min_persistence)
        return matched.distances(prediction, self.push_unmatched_to)

    def _weights(self, bars: Barcodes, dimension_weights: NDArray[np.float64]) -> NDArray[np.float64]:
        weights = dimension_weights[bars.dimension]
        return weights if self.essential else np.where(bars.essential, 0.0, weights)

    def _costs(self, bars: Barcodes) -> NDArray[np.float64]:
        births, deaths, essential = map(torch.from_numpy, (bars.births, bars.deaths, bars.essential))
        costs: NDArray[np.float64] = unmatched_cost(births, deaths, essential, self.push_unmatched_to).numpy()
        return costs
