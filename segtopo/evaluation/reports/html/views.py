"""The content of a report page as plain data, which can be pickled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from segtopo.evaluation.pictures import Picture


@dataclass(frozen=True)
class ErrorView:
    """A topological error.

    Attributes:
        kind: Its kind, for instance ``"missed_connection"``.
        dimension: 0 for components and connections, 1 for loops, 2 for cavities.
        voxel: Index of its voxel.
        world: RAS+ coordinates of the voxel in mm.
        size: Number of voxels of its region.
        gap_mm: Length of the gap in mm, or None.
    """

    kind: str
    dimension: int
    voxel: tuple[int, ...]
    world: tuple[float, float, float]
    size: int
    gap_mm: float | None = None


@dataclass(frozen=True)
class FeatureView:
    """A persistence feature.

    Attributes:
        dimension: 0 for components, 1 for loops, 2 for cavities.
        birth: Value at its birth.
        death: Value at its death.
        mask: The image that has it.
        matched: Whether it has a partner in the other image.
    """

    dimension: int
    birth: float
    death: float
    mask: Literal["prediction", "reference"]
    matched: bool


@dataclass(frozen=True)
class CaseView:
    """A structure of a case.

    Attributes:
        case: Name of the case.
        structure: Name of the structure.
        scores: Values by the names of the scores; NaN is not counted.
        errors: Topological errors.
        pictures: Pictures of the case and close-ups of its errors.
        features: Persistence features.
    """

    case: str
    structure: str
    scores: dict[str, float]
    errors: tuple[ErrorView, ...] = ()
    pictures: tuple[Picture, ...] = ()
    features: tuple[FeatureView, ...] = ()


@dataclass(frozen=True)
class ScoreView:
    """A score.

    Attributes:
        name: Its key in :attr:`CaseView.scores`.
        title: Title of its column.
        description: One sentence.
        better: Which values are better, or None.
        decimals: Decimals of the value of a case.
    """

    name: str
    title: str
    description: str = ""
    better: Literal["higher", "lower"] | None = None
    decimals: int = 3


@dataclass(frozen=True)
class ReportView:
    """An evaluation.

    Attributes:
        title: Title of the page.
        command: The command line that made it.
        versions: Versions of the programs, by name.
        settings: Settings of the evaluation, by name.
        scores: The scores, the most important first. The table of cases shows the first ones until more are chosen.
        cases: All structures of all cases.
        failures: Name and message of each case without scores.
    """

    title: str
    command: str
    versions: dict[str, str]
    settings: dict[str, str]
    scores: tuple[ScoreView, ...]
    cases: tuple[CaseView, ...]
    failures: tuple[tuple[str, str], ...] = field(default=())
