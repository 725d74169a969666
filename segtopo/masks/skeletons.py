"""Skeletons of masks."""

from __future__ import annotations

import numpy as np

from segtopo import _native
from segtopo.masks.components import Mask, bounding_box


def skeleton(mask: Mask) -> Mask:
    """Computes the skeleton of a 2D or 3D mask: curves with the same components, loops and cavities.

    Layers of voxels are removed from all directions where this changes no topology and shortens no end of a curve, as
    Lee, Kashyap and Chu do. The foreground is 8- or 26-connected. Around a cavity a surface remains.

    References:
        T.-C. Lee, R. L. Kashyap, C.-N. Chu, "Building skeleton models via 3-D medial surface/axis thinning algorithms",
        CVGIP 1994.
    """
    result = np.zeros_like(mask)
    box = bounding_box(mask)
    thinned = mask[box].astype(np.uint8, order="C")
    if thinned.size:
        _native.thin(thinned)
    result[box] = thinned
    return result
