"""DIU: the Discrepancy between Intersection and Union of two masks in homology (Lux et al. 2025)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segtopo.masks.components import Mask
from segtopo.persistence import Construction
from segtopo.persistence.barcodes import Barcodes, cubical_barcodes

INTERSECTION, MASK, UNION, _OUTSIDE = (np.uint8(level) for level in range(4))


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
    """Counts, for two masks of one shape, the classes in which their intersection and their union differ."""
    return discrepancy_of(barcodes_through(prediction, reference, construction, num_threads), prediction.ndim)


def barcodes_through(
    mask: Mask, other_mask: Mask, construction: Construction, num_threads: int | None = None
) -> Barcodes:
    """Computes the bars of a filtration of three steps: ``INTERSECTION`` of the masks, ``MASK``, ``UNION``."""
    levels = np.full(mask.shape, _OUTSIDE)
    levels[other_mask], levels[mask], levels[mask & other_mask] = UNION, MASK, INTERSECTION
    return cubical_barcodes(levels[None], "sublevel", construction, last_value=float(UNION), num_threads=num_threads)


def discrepancy_of(bars: Barcodes, ndim: int) -> Discrepancy:
    """Counts the classes between intersection and union, from the bars of :func:`barcodes_through` either mask.

    Bars of the intersection that end are the kernel. Bars that begin later and do not end are the cokernel.
    """
    in_intersection = bars.births == INTERSECTION
    vanishing, appearing = in_intersection & ~bars.essential, ~in_intersection & bars.essential
    kernel, cokernel = (
        tuple(np.bincount(bars.dimension[chosen], minlength=ndim).tolist()) for chosen in (vanishing, appearing)
    )
    return Discrepancy(kernel, cokernel)
