"""The bars of a batch of images, each with the partner that a matching gives it, and what their distance costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from segtopo.losses.superlevel import gather, sum_by_image
from segtopo.matching import match_wasserstein
from segtopo.persistence.barcodes import Barcodes

Goal: TypeAlias = Literal["diagonal", "extremes"]


@dataclass(frozen=True)
class MatchedBarcodes:
    """The ``n`` bars of ``N`` images that cost something, and their partners."""

    bars: Barcodes
    """The bars, of images in any order."""
    matched: NDArray[np.bool_]
    """``(n,)`` the bar has a partner."""
    partner: NDArray[np.float64]
    """``(n, 2)`` birth and death of the partner, 0 where there is none."""
    weight: NDArray[np.float64]
    """``(n,)`` weight of the bar's cost."""
    missing: torch.Tensor
    """``(N,)`` what the target's bars without a partner cost."""

    def distances(self, images: torch.Tensor, unmatched_goal: Goal = "diagonal") -> torch.Tensor:
        """The distances ``(N,)`` of the images' bars from their partners, differentiable in the critical voxels.

        Args:
            images: ``(N, *spatial)`` the images, on any device.
            unmatched_goal: Where bars without a partner are drawn to, see :func:`unmatched_cost`.
        """
        births, deaths = gather(self.bars, images)
        partner_births, partner_deaths = torch.from_numpy(self.partner).to(births).unbind(dim=1)
        to_partner = (births - partner_births) ** 2 + (deaths - partner_deaths) ** 2
        to_goal = unmatched_cost(births, deaths, torch.from_numpy(self.bars.essential), unmatched_goal)
        costs = torch.where(torch.from_numpy(self.matched), to_partner, to_goal)
        weighted = torch.from_numpy(self.weight).to(costs) * costs
        return (self.missing.to(costs) + sum_by_image(self.bars, weighted, len(images))).to(images.device)


def unmatched_cost(births: torch.Tensor, deaths: torch.Tensor, essential: torch.Tensor, goal: Goal) -> torch.Tensor:
    """What bars without a partner cost.

    ``"diagonal"``: the squared distance to the diagonal, where birth and death are equal. ``"extremes"``: the squared
    distance to birth 0 and death 1; a death that is no voxel's has no cost.
    """
    if goal == "diagonal":
        return 0.5 * (births - deaths) ** 2
    return births**2 + torch.where(essential, 0.0, (1 - deaths) ** 2)


def match_barcodes_by_value(
    prediction: Barcodes,
    target: Barcodes,
    images: int,
    weights: Mapping[int, float],
    *,
    match_all: bool,
    min_persistence: float,
) -> MatchedBarcodes:
    """Matches the diagrams of predictions and targets, image by image and dimension by dimension.

    Args:
        prediction: The bars of the predictions.
        target: The bars of the targets.
        images: The number of images of either.
        weights: Weight of each dimension that is compared.
        match_all: See :func:`~segtopo.matching.match_wasserstein`.
        min_persistence: A bar of a prediction without a partner is left out unless it is longer than this.
    """
    points, target_points = _points(prediction), _points(target)
    matched = np.zeros(len(prediction), dtype=np.bool_)
    partner = np.zeros((len(prediction), 2))
    weight = np.zeros(len(prediction))
    lost = np.zeros(len(target))
    for image, dimension in product(range(images), weights):
        own, others = prediction.of(image, dimension), target.of(image, dimension)
        i, j = match_wasserstein(points[own], target_points[others], match_all=match_all)
        i, j = i + own.start, j + others.start
        matched[i] = True
        partner[i] = np.stack([target.births[j], target.deaths[j]], axis=1)
        weight[own] = lost[others] = weights[dimension]
        lost[j] = 0.0
    lost *= 0.5 * target.lengths**2
    missing = sum_by_image(target, torch.from_numpy(lost), images)
    kept = (weight > 0) & (matched | (prediction.lengths > min_persistence))
    return MatchedBarcodes(prediction.select(kept), matched[kept], partner[kept], weight[kept], missing)


def _points(bars: Barcodes) -> NDArray[np.float64]:
    """Births and deaths ``(n, 2)``; essential bars are told by their death, and matched with one another."""
    return np.stack([bars.births, np.where(bars.essential, -np.inf, bars.deaths)], axis=1)
