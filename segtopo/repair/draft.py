"""A mask that is being repaired: it changes by edits and records them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from segtopo.masks.components import Mask
from segtopo.persistence.barcodes import Indices
from segtopo.persistence.cubical import voxels_at
from segtopo.repair.edits import REMOVES, Edit, EditKind, Repair
from segtopo.repair.joins import Join, Probability
from segtopo.repair.regions import Regions


class Draft:
    """A mask that is being repaired.

    Attributes:
        probability: The probabilities.
        mask: The mask with the edits so far.
        edits: The edits so far.
        remarks: Wishes of the rules that could not be met.
        barred: Voxels that edits must not add, because other classes have them; None if there are none.
    """

    def __init__(
        self, probability: Probability, threshold: float, spacing: tuple[float, ...], mask: Mask | None = None
    ) -> None:
        self.probability = probability
        self.spacing = spacing
        self.mask: Mask = probability > threshold if mask is None else mask
        self.edits: list[Edit] = []
        self.remarks: list[str] = []
        self.barred: Mask | None = None
        self._before = self.mask.copy()

    @property
    def voxel_size(self) -> float:
        """Area (mm²) or volume (mm³) of a voxel."""
        return math.prod(self.spacing)

    def levels(self, threshold: float) -> Probability:
        """Returns the probabilities, changed so that the voxels of the mask are those above the threshold."""
        p = self.probability
        above = np.nextafter(p.dtype.type(threshold), p.dtype.type(np.inf))
        levels: Probability = np.where(self.mask, np.maximum(p, above), np.minimum(p, p.dtype.type(threshold)))
        return levels

    def barred_regions(self, regions: Regions) -> npt.NDArray[np.bool_]:
        """Tells for each region ``(n,)`` whether it contains barred voxels."""
        if self.barred is None:
            return np.zeros(len(regions), bool)
        return regions.sums(self.barred) > 0

    def apply(self, kind: EditKind, dimension: int, decisive: int, voxels: Indices) -> None:
        """Changes voxels, given by linear indices; ``decisive`` is the index of the voxel that decided."""
        self.mask.flat[voxels] = kind not in REMOVES
        shape = self.mask.shape
        voxel = tuple(voxels_at(np.array([decisive]), shape)[0].tolist())
        probability = float(self.probability.flat[decisive])
        self.edits.append(Edit(kind, dimension, voxel, probability, voxels_at(voxels, shape), self.spacing))

    def join(self, join: Join) -> None:
        """Joins two pieces."""
        self.apply("joined", 0, join.saddle, join.voxels)

    def remove_pieces(self, pieces: list[Indices]) -> None:
        """Removes pieces, and drops the edits that have added voxels to them: the input never had these voxels."""
        for voxels in pieces:
            self.mask.flat[voxels] = False
        self.edits = [edit for edit in self.edits if not edit.adds or self.mask[tuple(edit.voxels.T)].all()]
        for voxels in pieces:
            decisive = int(voxels[np.argmax(self.probability.flat[voxels])])
            self.apply("piece removed", 0, decisive, voxels[self._before.flat[voxels]])

    def fill(self, voxels: Indices) -> None:
        """Fills a hole (2D) or a cavity (3D)."""
        kind: EditKind = "hole filled" if self.mask.ndim == 2 else "cavity filled"
        decisive = int(voxels[np.argmin(self.probability.flat[voxels])])
        self.apply(kind, self.mask.ndim - 1, decisive, voxels)

    def open_loop(self, saddle: int, voxels: Indices) -> None:
        """Opens a loop by removing voxels of its ring."""
        self.apply("loop opened", 1, saddle, voxels)

    def repair(self) -> Repair:
        """Returns the mask before, the edits and the remarks."""
        return Repair(self._before, tuple(self.edits), tuple(self.remarks))
