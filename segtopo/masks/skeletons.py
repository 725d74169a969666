"""Skeletons of masks."""

from __future__ import annotations

import numpy as np
from skimage.morphology import skeletonize

from segtopo.masks.components import FULL_CONNECTIVITY, Mask, bounding_box, label_components


def skeleton(mask: Mask) -> Mask:
    """The skeleton of a 2D or 3D mask (Zhang's in 2D, Lee's in 3D), which meets every component.

    Lee's thinning wipes out some components that are two voxels wide; such a component is its own skeleton here.
    """
    result = np.zeros_like(mask)
    box = bounding_box(mask)
    if mask[box].size == 0:
        return result
    inside = np.pad(mask[box], 1)
    thinned: Mask = skeletonize(inside)
    labels, count = label_components(inside, FULL_CONNECTIVITY[mask.ndim])
    wiped_out = np.ones(count + 1, dtype=bool)
    wiped_out[0] = False
    wiped_out[labels[thinned]] = False
    result[box] = (thinned | wiped_out[labels])[(slice(1, -1),) * mask.ndim]
    return result
