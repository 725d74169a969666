"""A score of a report: its name, its meaning and its worst value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from segtopo.errors import InputError, mismatch
from segtopo.persistence.inputs import check_integer, check_number

Better: TypeAlias = Literal["higher", "lower"]

DIAGONAL: Final = "diagonal"


@dataclass(frozen=True)
class Score:
    """A score of a prediction against its reference.

    Attributes:
        name: Its name in tables, with its unit.
        title: Its name for people.
        description: Its definition, in a sentence.
        paper: The paper that defines it; empty for elementary scores.
        better: Whether higher or lower values are better; None for a description, for instance a volume.
        worst: Its value if only one mask has the structure; ``"diagonal"`` is the diagonal of the image in mm. None: it
            is computed as always, and NaN if it needs the reference and the reference is empty.
        decimals: Decimals that are worth reading.
        if_absent: Its value if neither mask has the structure: NaN, or 0 for counts and volumes.
    """

    name: str
    title: str
    description: str
    paper: str = ""
    better: Better | None = None
    worst: float | Literal["diagonal"] | None = None
    decimals: int = 3
    if_absent: float = float("nan")


@dataclass(frozen=True)
class ScoreOptions:
    """Settings of scores.

    Args:
        surface_tolerance: Distance in mm within which surfaces agree, for the surface Dice.
        patch_size: Number of voxels along each axis of the patches of the patch-wise Betti errors.
        patch_stride: Distance of the patches in voxels. None: their size, so that they do not overlap.

    Raises:
        InputError: A setting is out of its range.
    """

    surface_tolerance: float = 1.0
    patch_size: int = 64
    patch_stride: int | None = None

    def __post_init__(self) -> None:
        check_number(self.surface_tolerance, "surface_tolerance", 0.0, float("inf"), "a distance in mm, at least 0")
        check_integer(self.patch_size, "patch_size", 1)
        if self.patch_stride is not None and not 1 <= self.patch_stride <= self.patch_size:
            expected = f"1 to {self.patch_size}, the size of the patches"
            raise InputError(mismatch("patch_stride", got=self.patch_stride, expected=expected))
