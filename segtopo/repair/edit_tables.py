"""The edits of cases with their positions in space: a table, and markups for 3D Slicer."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segtopo.atomic_output import atomic_output
from segtopo.repair.edits import Edit, EditKind
from segtopo.volumes.markups import Point, markups
from segtopo.volumes.volume import Affine, world_position

EDIT_TABLE = "edits.csv"
AXES = ("i", "j", "k")


@dataclass(frozen=True)
class PlacedEdit:
    """An edit of a case and its position in space, without its voxels.

    Attributes:
        label: ``"foreground"``, or the number of the class.
        kind: The kind of the edit.
        dimension: Dimension of the feature that the edit removes.
        voxel: The voxel that decided.
        world: RAS+ coordinates of the voxel in mm.
        probability: The probability of the voxel.
        size: Number of voxels that the edit changes.
        size_mm: The area (mm²) or volume (mm³) that it changes.
    """

    label: str
    kind: EditKind
    dimension: int
    voxel: tuple[int, ...]
    world: tuple[float, float, float]
    probability: float
    size: int
    size_mm: float

    @classmethod
    def of(cls, edit: Edit, label: str, affine: Affine) -> PlacedEdit:
        """Computes the position of an edit from the affine of its image."""
        numbers = (edit.probability, edit.size, edit.size_mm)
        return cls(label, edit.kind, edit.dimension, edit.voxel, world_position(edit.voxel, affine), *numbers)


@dataclass(frozen=True)
class RepairedCase:
    """The edits and remarks of a case.

    Attributes:
        name: Name of the case.
        mask: File name of its mask.
        ndim: Number of spatial axes.
        edits: The edits of all classes.
        remarks: Sentences about assumptions, and about wishes of the rules that could not be met.
    """

    name: str
    mask: str
    ndim: int
    edits: tuple[PlacedEdit, ...]
    remarks: tuple[str, ...]

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> RepairedCase:
        """Returns the case of ``dataclasses.asdict``, also if it has been JSON meanwhile."""
        edits = (edit | {"voxel": tuple(edit["voxel"]), "world": tuple(edit["world"])} for edit in record["edits"])
        placed = tuple(PlacedEdit(**edit) for edit in edits)
        return cls(**record | {"edits": placed, "remarks": tuple(record["remarks"])})


def write_edit_table(path: Path, cases: Sequence[RepairedCase]) -> None:
    """Writes one row for each edit: kind, dimension, voxel, position in mm (RAS+), probability and size."""
    ndim = max(case.ndim for case in cases)
    with atomic_output(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        places = [*AXES[:ndim], "x_mm", "y_mm", "z_mm"]
        writer.writerow(["case", "label", "kind", "dimension", *places, "probability", "size", "size_mm"])
        for case in cases:
            for edit in case.edits:
                voxel = [*edit.voxel, ""][:ndim]
                world = (round(c, 3) for c in edit.world)
                sizes = [edit.size, f"{edit.size_mm:.6g}"]
                names = [case.name, edit.label, edit.kind, edit.dimension]
                writer.writerow([*names, *voxel, *world, f"{edit.probability:.6g}", *sizes])


def write_markups(path: Path, case: RepairedCase) -> None:
    """Writes markups for 3D Slicer: one point for each edit, named by its kind."""
    unit = "mm^2" if case.ndim == 2 else "mm^3"
    points = [
        Point(
            edit.kind,
            f"{edit.label}: probability {edit.probability:.3g}, size {edit.size_mm:.3g} {unit}",
            edit.world,
        )
        for edit in case.edits
    ]
    with atomic_output(path) as part:
        part.write_text(markups(f"edits of {case.name}", points), encoding="utf-8")
