"""The persistence diagram of a probability map, with the features that the reference has as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segtopo.masks.components import Mask
from segtopo.matching.betti_matching import betti_matching
from segtopo.persistence import Construction

MOST = 400  # features in a diagram
DIGITS = 4


@dataclass(frozen=True)
class MapFeature:
    """A feature of a probability map.

    Attributes:
        dimension: 0 for components, 1 for loops (holes in 2D), 2 for cavities.
        birth: Probability at which it appears when the threshold falls.
        death: Probability at which it vanishes; 0 if it never does.
        matched: Whether the reference has it as well, by Betti matching.
        voxel: The voxel with which it appears.
    """

    dimension: int
    birth: float
    death: float
    matched: bool
    voxel: tuple[int, ...]


def map_features(
    probability: npt.NDArray[Any],
    reference: Mask,
    construction: Construction = "T",
    num_threads: int | None = None,
    most: int = MOST,
) -> tuple[MapFeature, ...]:
    """Finds the features of a probability map that last longest, and matches them with those of the reference.

    Args:
        probability: 2D or 3D map. Without values from 0 to 1 it has no diagram.
        reference: Mask of the same shape.
        construction: See :func:`segtopo.persistence.compute_persistence`.
        num_threads: Threads to use; by default the number of CPUs.
        most: Number of features.

    Returns:
        The features, the longest first.

    Example:
        >>> probability = np.array([[0.9, 0.75, 0.25, 0.5, 0.0, 0.125]])
        >>> for feature in map_features(probability, np.array([[1, 1, 1, 0, 0, 0]], bool)):
        ...     print(feature.dimension, feature.birth, feature.death, feature.matched, feature.voxel)
        0 0.9 0.0 True (0, 0)
        0 0.5 0.25 False (0, 3)
        0 0.125 0.0 False (0, 5)
    """
    if not (probability.min() >= 0 and probability.max() <= 1):
        return ()
    matching = betti_matching(
        probability.astype(np.float32), reference, construction=construction, num_threads=num_threads
    )
    pairs = matching.prediction
    deaths = np.where(np.isfinite(pairs.deaths), pairs.deaths, 0)
    lengths = pairs.births - deaths
    longest = np.argsort(-lengths, kind="stable")[:most]
    return tuple(
        MapFeature(
            int(pairs.dimensions[row]),
            round(float(pairs.births[row]), DIGITS),
            round(float(deaths[row]), DIGITS),
            bool(matching.partners[row] >= 0),
            tuple(pairs.birth_voxels[row].tolist()),
        )
        for row in longest[lengths[longest] > 0]
    )
