"""The bars of a batch of images, each with the partner that a matching gives it, and what their distance costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from segtopo.matching import match_diagrams
from segtopo.persistence import PersistenceDiagram

Goal: TypeAlias = Literal["diagonal", "extremes"]


@dataclass(frozen=True)
class MatchedBars:
    """The ``n`` bars of ``N`` images of one shape, ready to be gathered and compared in one step."""

    image: NDArray[np.int64]
    """``(n,)`` the image that the bar belongs to."""
    birth_index: NDArray[np.int64]
    """``(n,)`` linear index of the birth voxel in the whole batch."""
    death_index: NDArray[np.int64]
    """``(n,)`` the same for the death voxel; without meaning where essential."""
    essential: NDArray[np.bool_]
    """``(n,)`` the bar never dies."""
    matched: NDArray[np.bool_]
    """``(n,)`` the bar has a partner."""
    partner: NDArray[np.float64]
    """``(n, 2)`` birth and death of the partner, 0 where there is none."""
    weight: NDArray[np.float64]
    """``(n,)`` weight of the bar's cost."""
    missing: NDArray[np.float64]
    """``(N,)`` what the target's bars without a partner cost."""

    def distances(self, images: torch.Tensor, unmatched_goal: Goal = "diagonal") -> torch.Tensor:
        """The distances ``(N,)`` of the images' bars from their partners, differentiable in the critical voxels.

        Args:
            images: ``(N, *spatial)`` the images, on any device.
            unmatched_goal: Where bars without a partner are drawn to, see :func:`unmatched_cost`.
        """
        voxels = torch.from_numpy(np.stack([self.birth_index, self.death_index]))
        # One gather on the images' device; the few values are compared on the CPU, where sums have one order.
        births, deaths = images.reshape(-1)[voxels.to(images.device)].cpu()
        essential = torch.from_numpy(self.essential)
        deaths = torch.where(essential, 0.0, deaths)
        partner_births, partner_deaths = torch.from_numpy(self.partner).to(births).unbind(dim=1)
        to_partner = (births - partner_births) ** 2 + (deaths - partner_deaths) ** 2
        to_goal = unmatched_cost(births, deaths, essential, unmatched_goal)
        costs = torch.where(torch.from_numpy(self.matched), to_partner, to_goal)
        missing, weight = (torch.from_numpy(column).to(costs) for column in (self.missing, self.weight))
        return missing.index_add(0, torch.from_numpy(self.image), weight * costs).to(images.device)


def unmatched_cost(births: torch.Tensor, deaths: torch.Tensor, essential: torch.Tensor, goal: Goal) -> torch.Tensor:
    """What bars without a partner cost.

    ``"diagonal"``: the squared distance to the diagonal, where birth and death are equal. ``"extremes"``: the squared
    distance to birth 0 and death 1; a death that is no voxel's has no cost.
    """
    if goal == "diagonal":
        return 0.5 * (births - deaths) ** 2
    return births**2 + torch.where(essential, 0.0, (1 - deaths) ** 2)


def match_bars(
    predictions: Sequence[Sequence[PersistenceDiagram]],
    targets: Sequence[Sequence[PersistenceDiagram]],
    weights: Mapping[int, float],
    shape: Sequence[int],
    *,
    match_all: bool,
    min_persistence: float,
) -> MatchedBars:
    """Matches the diagrams of predictions and targets, image by image and dimension by dimension.

    Args:
        predictions: For each of ``N`` images its diagrams, one per dimension, on the CPU.
        targets: The same for the targets.
        weights: Weight of each dimension that is compared.
        shape: The shape of the images.
        match_all: See :func:`~segtopo.matching.match_diagrams`.
        min_persistence: A bar of a prediction without a partner is left out unless it is longer than this.
    """
    strides = np.cumprod([1, *reversed(shape[1:])])[::-1]
    missing = np.zeros(len(predictions))
    columns = []
    for image, (prediction, target) in enumerate(zip(predictions, targets, strict=True)):
        first_voxel = image * int(np.prod(shape))
        for dimension, weight in weights.items():
            bars = prediction[dimension]
            matched, partner, lost = _match_one(bars, target[dimension], match_all)
            missing[image] += weight * lost
            kept = np.flatnonzero(matched | ((bars.births - bars.deaths).numpy() > min_persistence))
            essential = bars.essential.numpy()[kept]
            births = first_voxel + bars.birth_voxels.numpy()[kept] @ strides
            deaths = first_voxel + bars.death_voxels.numpy()[kept] @ strides
            deaths[essential] = births[essential]
            columns.append(
                (
                    np.full(len(kept), image),
                    births,
                    deaths,
                    essential,
                    matched[kept],
                    partner[kept],
                    np.full(len(kept), weight),
                )
            )
    image_of, births, deaths, essential, matched, partner, weight_of = (
        np.concatenate(column) for column in zip(*columns, strict=True)
    )
    return MatchedBars(image_of, births, deaths, essential, matched, partner, weight_of, missing)


def _match_one(
    prediction: PersistenceDiagram, target: PersistenceDiagram, match_all: bool
) -> tuple[NDArray[np.bool_], NDArray[np.float64], float]:
    """Which bars of a prediction have a partner, the partners, and what the target's other bars cost."""
    points, target_points = _points(prediction), _points(target)
    i, j = match_diagrams(points, target_points, match_all=match_all)
    # An image is never empty: a component that lives for ever is one that lives down to probability 0.
    target_points[np.isinf(target_points)] = 0.0
    matched = np.zeros(len(points), dtype=np.bool_)
    matched[i] = True
    partner = np.zeros_like(points)
    partner[i] = target_points[j]
    lost = np.delete(target_points, j, axis=0)
    return matched, partner, 0.5 * float(np.square(lost[:, 0] - lost[:, 1]).sum())


def _points(diagram: PersistenceDiagram) -> NDArray[np.float64]:
    return np.stack([diagram.births.numpy(), diagram.deaths.numpy()], axis=1).astype(np.float64)
