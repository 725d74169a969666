"""Skeletons of masks."""

from __future__ import annotations

import numpy as np
from skimage.morphology import skeletonize

from segtopo.masks.components import FULL_CONNECTIVITY, Mask, bounding_box, label_components


def skeleton(mask: Mask) -> Mask:
    """Computes the skeleton of a 2D mask (Zhang's algorithm) or 3D mask (Lee's); it meets every component.

    Lee's algorithm removes some components that are two voxels wide. Such a component is its own skeleton here.
    """
    result = np.zeros_like(mask)
    box = bounding_box(mask)
    if mask[box].size == 0:
        return result
    inside = np.pad(mask[box], 1)
    thinned: Mask = skeletonize(inside)
    labels, count = label_components(inside, FULL_CONNECTIVITY[mask.ndim])
    removed = np.ones(count + 1, dtype=bool)
    removed[0] = False
    removed[labels[thinned]] = False
    result[box] = (thinned | removed[labels])[(slice(1, -1),) * mask.ndim]
    return result
