"""The edits of a repair, and their undoing."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from segtopo.errors import InputError, mismatch
from segtopo.masks.components import Mask

EditKind: TypeAlias = Literal["joined", "piece removed", "hole filled", "cavity filled", "loop opened"]

REMOVES: tuple[EditKind, ...] = ("piece removed", "loop opened")


@dataclass(frozen=True, eq=False)
class Edit:
    """One change of a mask, with the reason for it.

    Attributes:
        kind: ``"joined"``, ``"piece removed"``, ``"hole filled"`` (2D), ``"cavity filled"`` (3D) or ``"loop opened"``.
        dimension: Dimension of the feature that the edit removes: 0 a component, 1 a loop, 2 a cavity.
        voxel: The voxel that decided: the weakest voxel of a joining path or of a loop, the most probable voxel of a
            piece, the least probable voxel of a hole or cavity.
        probability: The probability of ``voxel``.
        voxels: ``(n, ndim)`` the voxels added or removed.
        spacing: Size of a voxel along each axis in mm.
    """

    kind: EditKind
    dimension: int
    voxel: tuple[int, ...]
    probability: float
    voxels: npt.NDArray[np.int64]
    spacing: tuple[float, ...]

    @property
    def adds(self) -> bool:
        """True if the voxels are added to the mask, False if they are removed."""
        return self.kind not in REMOVES

    @property
    def size(self) -> int:
        """The number of voxels changed."""
        return len(self.voxels)

    @property
    def size_mm(self) -> float:
        """The area (mm²) or volume (mm³) changed."""
        return self.size * math.prod(self.spacing)

    def __repr__(self) -> str:
        return f"Edit({self.kind!r} at {self.voxel}, probability {self.probability:.3g}, size {self.size})"


@dataclass(frozen=True, eq=False)
class Repair:
    """A repaired mask and the edits that lead to it.

    Attributes:
        before: The mask before the repair.
        edits: The edits, in the order in which they apply.
        remarks: Sentences about wishes of the rules that could not be met.
    """

    before: Mask
    edits: tuple[Edit, ...]
    remarks: tuple[str, ...] = ()

    @property
    def mask(self) -> Mask:
        """The mask after the edits."""
        mask: Mask = self.before.copy()
        for edit in self.edits:
            mask[tuple(edit.voxels.T)] = edit.adds
        return mask

    def without(self, *undone: Edit) -> Repair:
        """Returns the repair without some of its edits.

        Raises:
            InputError: An edit is not one of this repair.
        """
        if missing := [edit for edit in undone if not any(edit is own for own in self.edits)]:
            raise InputError(mismatch("edit", got=missing[0], expected="an edit of this repair"))
        return replace(self, edits=tuple(edit for edit in self.edits if not any(edit is other for other in undone)))

    def label_map(self) -> npt.NDArray[np.uint8]:
        """Returns an image of the edits: 0 unchanged, 1 joined, 2 piece removed, 3 hole or cavity filled, 4 opened."""
        labels = np.zeros(self.before.shape, np.uint8)
        for edit in self.edits:
            labels[tuple(edit.voxels.T)] = LABELS[edit.kind]
        return labels


LABELS: dict[EditKind, int] = {
    "joined": 1,
    "piece removed": 2,
    "hole filled": 3,
    "cavity filled": 3,
    "loop opened": 4,
}
