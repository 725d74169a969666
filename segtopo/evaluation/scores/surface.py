"""Distances between the surfaces of the masks in mm.

A surface consists of the voxels of a mask that have a neighbour outside of it, across a face; beyond the border of the
image everything is outside. Distances are those of the centres of voxels, and every voxel of a surface counts the same.
This is the convention of MONAI. Other programs give other values:

* ITK's filter of Hausdorff distances measures from all voxels of a mask to the other mask, so voxels that both masks
  have are at distance 0. It agrees on images of the surfaces.
* MedPy takes the percentile of the distances of both directions together.
* The program of Nikolov et al. measures between the corners of voxels and weights them by the area of the surface.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_erosion
from scipy.spatial import cKDTree

from segtopo.evaluation.scores.mask_pair import MaskPair
from segtopo.evaluation.scores.score import DIAGONAL, Score
from segtopo.masks.components import Mask

PERCENTILE = 95


def scores(ndim: int) -> tuple[Score, ...]:
    """Returns the scores of surfaces; in 2D the surfaces are outlines."""
    hausdorff = "95th percentile of the distances from one surface to the other; the larger one of both directions"
    mean = "mean of the distances from the voxels of both surfaces to the other surface"
    share = "share of the voxels of both surfaces at most the tolerance away from the other surface"
    return (
        Score("hd95_mm", "HD95 (mm)", hausdorff, "Huttenlocher et al. 1993", "lower", DIAGONAL, 2),
        Score("assd_mm", "ASSD (mm)", mean, "Heimann et al. 2009", "lower", DIAGONAL, 2),
        Score("nsd", "Surface Dice (NSD)", share, "Nikolov et al. 2021", "higher", 0.0),
    )


def compute(pair: MaskPair) -> dict[str, float]:
    """Computes the surface distances; both masks have voxels."""
    surfaces = [surface_positions(mask, pair.spacing) for mask in pair.cropped]
    threads = -1 if pair.num_threads is None else pair.num_threads
    trees = [cKDTree(positions, balanced_tree=False, compact_nodes=False) for positions in surfaces]
    to_reference = trees[1].query(surfaces[0], workers=threads)[0]
    to_prediction = trees[0].query(surfaces[1], workers=threads)[0]
    both = np.concatenate([to_reference, to_prediction])
    # A distance of 3 * 0.1 is a rounding error above 0.3.
    tolerance = pair.options.surface_tolerance * (1 + 1e-9)
    return {
        "hd95_mm": float(max(np.percentile(to_reference, PERCENTILE), np.percentile(to_prediction, PERCENTILE))),
        "assd_mm": float(both.mean()),
        "nsd": float(np.mean(both <= tolerance)),
    }


def surface_positions(mask: Mask, spacing: tuple[float, ...]) -> npt.NDArray[np.float64]:
    """Returns the positions ``(voxels, ndim)`` in mm of the surface of a mask.

    The mask fills its array up to its own box, so the voxels beyond the array count as background.
    """
    inside = binary_erosion(mask)
    positions: npt.NDArray[np.float64] = np.argwhere(mask & ~inside) * np.asarray(spacing)
    return positions
