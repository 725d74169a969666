"""DIU: the Discrepancy between Intersection and Union of two masks in homology (Lux et al. 2025)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segtopo.masks.components import Mask
from segtopo.persistence import Construction
from segtopo.persistence.barcodes import cubical_barcodes

_INTERSECTION, _UNION, _OUTSIDE = (np.uint8(level) for level in range(3))


@dataclass(frozen=True)
class Discrepancy:
    """The map in homology from the intersection of two masks to their union, and its distance from an isomorphism.

    Attributes:
        kernel: For each dimension the number of classes of the intersection that vanish in the union.
        cokernel: For each dimension the number of classes of the union that do not come from the intersection.
    """

    kernel: tuple[int, ...]
    cokernel: tuple[int, ...]

    @property
    def diu(self) -> tuple[int, ...]:
        """For each dimension the DIU error, the sum of kernel and cokernel."""
        return tuple(k + c for k, c in zip(self.kernel, self.cokernel, strict=True))


def discrepancy(
    prediction: Mask, reference: Mask, construction: Construction, num_threads: int | None = None
) -> Discrepancy:
    """Counts, for two masks of one shape, the classes in which their intersection and their union differ.

    The filtration has two steps: the intersection, then the union. Bars that end are the kernel. Bars that begin with
    the union and do not end are the cokernel.
    """
    levels = _OUTSIDE - prediction.view(np.uint8) - reference.view(np.uint8)
    bars = cubical_barcodes(levels[None], "sublevel", construction, last_value=float(_UNION), num_threads=num_threads)
    vanishing = ~bars.essential
    appearing = bars.essential & (bars.births == _UNION)
    kernel, cokernel = (
        tuple(np.bincount(bars.dimension[chosen], minlength=levels.ndim).tolist()) for chosen in (vanishing, appearing)
    )
    return Discrepancy(kernel, cokernel)
