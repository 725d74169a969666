"""Cases of a report, made by hand."""

from __future__ import annotations

from typing import Any

from segtopo.evaluation import CaseScores, Picture, PlacedError
from segtopo.evaluation.diagrams import MapFeature


def error_at(*voxel: int, kind: Any = "spurious_component", gap_mm: float | None = None) -> PlacedError:
    return PlacedError(kind, 0, voxel, (0.0, 1.0, 2.0), 5, 5.0, gap_mm)


def case_of(
    case: str,
    structure: str,
    numbers: dict[str, float],
    errors: tuple[PlacedError, ...] = (),
    pictures: tuple[Picture, ...] = (),
    features: tuple[MapFeature, ...] = (),
) -> CaseScores:
    return CaseScores(case, structure, 2, True, numbers, errors, pictures, features)
