"""Distances of the surfaces of two masks, as MONAI measures them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_erosion
from scipy.spatial import cKDTree

from segtopo.evaluation.scores.mask_pair import MaskPair
from segtopo.evaluation.scores.score import Score
from segtopo.masks.components import Mask
from segtopo.persistence.inputs import thread_count

_SURFACE = (
    "The surface of a mask is its voxels with a face neighbour outside; every surface voxel counts once, and its "
    "distance is that to the centre of the nearest surface voxel of the other mask."
)


def scores(ndim: int) -> tuple[Score, ...]:
    """Returns the scores of the group."""
    return (
        Score(
            "hd95_mm",
            "HD95 (mm)",
            "95th percentile of the distances from one surface to the other, the larger one of both directions. "
            + _SURFACE,
            "Huttenlocher et al. 1993; conventions of MONAI",
            "lower",
            "diagonal",
        ),
        Score(
            "assd_mm",
            "ASSD (mm)",
            "Mean of the distances of all surface voxels of both masks to the other surface (average symmetric surface "
            "distance).",
            "Heimann et al. 2009",
            "lower",
            "diagonal",
        ),
        Score(
            "nsd",
            "NSD",
            "Share of the surface voxels of both masks that lie within the tolerance of the other surface (normalised "
            "surface distance, surface Dice).",
            "Nikolov et al. 2021; voxels in place of surface areas, as in MONAI",
            "higher",
            0.0,
        ),
    )


def compute(pair: MaskPair) -> dict[str, float]:
    """Computes the scores of a pair in which no mask is empty."""
    prediction, reference = (mask & ~binary_erosion(mask) for mask in pair.cropped)
    one = surface_distances(prediction, reference, pair.spacing, pair.num_threads)
    other = surface_distances(reference, prediction, pair.spacing, pair.num_threads)
    both = np.concatenate([one, other])
    return {
        "hd95_mm": float(max(np.percentile(one, 95), np.percentile(other, 95))),
        "assd_mm": float(both.mean()),
        "nsd": float(np.mean(both <= pair.options.surface_tolerance)),
    }


def surface_distances(
    surface: Mask, other: Mask, spacing: tuple[float, ...], num_threads: int | None = None
) -> npt.NDArray[np.float64]:
    """Computes the distance from each voxel of a surface to the nearest voxel of another one.

    Args:
        surface: Boolean array.
        other: Boolean array of the same shape, not empty.
        spacing: Distance of neighbouring voxels along each axis, in mm.
        num_threads: Threads to use; by default the number of CPUs.

    Returns:
        ``(n,)`` distances of the ``n`` voxels of the surface in mm, in no particular order.

    Example:
        >>> import numpy as np
        >>> surface_distances(np.array([[1, 1, 0, 0]], bool), np.array([[0, 1, 0, 1]], bool), (1, 0.7))
        array([0. , 0.7])
    """
    away, targets = np.argwhere(surface & ~other), np.argwhere(other)
    tree = cKDTree(targets * spacing)
    _, nearest = tree.query(away * spacing, workers=thread_count(num_threads))
    # Steps of whole voxels times the spacing are exact where the difference of two positions in mm is not.
    distances = np.linalg.norm((away - targets[nearest]) * spacing, axis=1)
    common = np.count_nonzero(surface) - len(away)
    return np.concatenate([np.zeros(common), distances])
