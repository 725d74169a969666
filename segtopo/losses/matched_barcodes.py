"""The bars of a batch of images, their partners in a matching, and the cost of their distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from segtopo.losses.superlevel import gather, sum_by_image
from segtopo.persistence.barcodes import Barcodes

Goal: TypeAlias = Literal["diagonal", "extremes"]


@dataclass(frozen=True, eq=False)
class MatchedBarcodes:
    """The ``n`` bars of the predictions that cost something, and their partners.

    Attributes:
        bars: The bars of ``N`` images.
        matched: ``(n,)`` True for bars with a partner.
        partner: ``(n, 2)`` birth and death of the partner; 0 without one.
        weight: ``(n,)`` weight of the bar's cost.
        missing: ``(N,)`` cost of the targets' bars without a partner.
    """

    bars: Barcodes
    matched: NDArray[np.bool_]
    partner: NDArray[np.float64]
    weight: NDArray[np.float64]
    missing: torch.Tensor

    @classmethod
    def of(
        cls,
        prediction: Barcodes,
        target: Barcodes,
        partners: NDArray[np.int64],
        weight: NDArray[np.float64],
        missing: torch.Tensor,
        min_persistence: float,
    ) -> MatchedBarcodes:
        """Returns the bars of the predictions with weight, and their partners among the bars of the targets.

        Args:
            prediction: The bars of the predictions.
            target: The bars of the targets.
            partners: ``(n,)`` row of each bar's partner in ``target``, -1 without one.
            weight: ``(n,)`` weight of each bar.
            missing: ``(N,)`` cost of the targets' bars without a partner.
            min_persistence: Bars without a partner cost nothing up to this length.
        """
        matched = partners >= 0
        partner = np.zeros((len(partners), 2))
        partner[matched] = np.stack([target.births, target.deaths], axis=1)[partners[matched]]
        kept = (weight > 0) & (matched | (prediction.lengths > min_persistence))
        return cls(prediction.select(kept), matched[kept], partner[kept], weight[kept], missing)

    def distances(self, images: torch.Tensor, unmatched_goal: Goal = "diagonal") -> torch.Tensor:
        """Computes the distances ``(N,)`` of the bars from their partners, differentiable in the critical voxels.

        Args:
            images: ``(N, *spatial)`` the predictions, on any device.
            unmatched_goal: Goal of the bars without a partner, see :func:`unmatched_cost`.
        """
        births, deaths = gather(self.bars, images)
        partner_births, partner_deaths = torch.from_numpy(self.partner).to(births).unbind(dim=1)
        to_partner = (births - partner_births) ** 2 + (deaths - partner_deaths) ** 2
        to_goal = unmatched_cost(births, deaths, torch.from_numpy(self.bars.essential), unmatched_goal)
        costs = torch.where(torch.from_numpy(self.matched), to_partner, to_goal)
        weighted = torch.from_numpy(self.weight).to(costs) * costs
        return (self.missing.to(costs) + sum_by_image(self.bars, weighted, len(images))).to(images.device)


def unmatched_cost(births: torch.Tensor, deaths: torch.Tensor, essential: torch.Tensor, goal: Goal) -> torch.Tensor:
    """Computes the costs ``(n,)`` of bars without a partner.

    ``"diagonal"``: the squared distance to the diagonal, where birth and death are equal. ``"extremes"``: the squared
    distance to birth 0 and death 1; the death of an essential bar costs nothing.
    """
    if goal == "diagonal":
        return 0.5 * (births - deaths) ** 2
    return births**2 + torch.where(essential, 0.0, (1 - deaths) ** 2)
