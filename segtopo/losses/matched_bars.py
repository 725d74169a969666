"""The bars of a batch of images, each with the partner that the optimal matching gives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segtopo.matching import match_diagrams
from segtopo.persistence import PersistenceDiagram


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
    """``(n,)`` the bar has a partner; otherwise it goes to the diagonal."""
    partner: NDArray[np.float64]
    """``(n, 2)`` birth and death of the partner, 0 where there is none."""
    weight: NDArray[np.float64]
    """``(n,)`` weight of the bar's dimension."""
    missing: NDArray[np.float64]
    """``(N,)`` weighted squared distance to the diagonal of the target's bars left without a partner."""


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
