"""A score: its name, definition, paper and worst value; and the options of scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from segtopo.errors import InputError, mismatch
from segtopo.persistence.inputs import check_integer, check_not_negative

Better: TypeAlias = Literal["higher", "lower"]


@dataclass(frozen=True)
class Score:
    """A number about a prediction and its reference.

    Attributes:
        name: Name of the column in tables, such as ``"hd95_mm"``.
        title: Name for people, such as ``"HD95 (mm)"``.
        description: Definition and convention, in sentences.
        paper: Reference of the definition; empty for elementary scores.
        better: Direction of better values; None for a description of a mask, such as its volume.
        worst: Value if exactly one of the masks is empty; ``"diagonal"`` is the diagonal of the image in mm. None: the
            score is computed as for other masks.
    """

    name: str
    title: str
    description: str
    paper: str = ""
    better: Better | None = None
    worst: float | Literal["diagonal"] | None = None


@dataclass(frozen=True)
class ScoreOptions:
    """Settings of the scores.

    Attributes:
        surface_tolerance: Largest distance of surfaces that agree, in mm; at least 0.
        patch_size: Number of voxels along each side of a patch; at least 1.
        patch_stride: Number of voxels from one patch to the next, from 1 to ``patch_size``; None for ``patch_size``, so
            that patches do not overlap.

    Raises:
        TypeError: An option has a wrong type.
        InputError: An option is out of its range.

    Example:
        >>> ScoreOptions(patch_size=32).stride
        32
    """

    surface_tolerance: float = 1.0
    patch_size: int = 64
    patch_stride: int | None = None

    def __post_init__(self) -> None:
        check_not_negative(self.surface_tolerance, "surface_tolerance")
        check_integer(self.patch_size, "patch_size", 1)
        if check_integer(self.stride, "patch_stride", 1) > self.patch_size:
            expected = f"at most patch_size, {self.patch_size}"
            raise InputError(mismatch("patch_stride", got=self.patch_stride, expected=expected))

    @property
    def stride(self) -> int:
        """Number of voxels from one patch to the next."""
        return self.patch_size if self.patch_stride is None else self.patch_stride
