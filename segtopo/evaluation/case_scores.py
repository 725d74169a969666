"""The scores of one structure of one case, and the result of a case."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from segtopo.evaluation.diagrams import MapFeature
from segtopo.evaluation.pictures import Picture
from segtopo.masks import ErrorKind, TopologyError
from segtopo.volumes.volume import Affine, world_position


@dataclass(frozen=True)
class PlacedError:
    """A topological error of a case and its position in space.

    Attributes:
        kind: The kind of the error, see :func:`segtopo.masks.compare_masks`.
        dimension: Dimension of the feature that only one mask has.
        voxel: A voxel that makes the difference.
        world: RAS+ coordinates of the voxel in mm.
        region_size: Number of voxels of the region that contains it.
        region_mm: Size of the region in mm² or mm³.
        gap_mm: For a missed or false connection the distance in mm between the ends of the gap or bridge; None for
            other errors, and for regions that touch only one component.
    """

    kind: ErrorKind
    dimension: int
    voxel: tuple[int, ...]
    world: tuple[float, float, float]
    region_size: int
    region_mm: float
    gap_mm: float | None = None

    @classmethod
    def of(cls, error: TopologyError, affine: Affine, voxel_size: float) -> PlacedError:
        """Computes the position of an error from the affine of its mask."""
        gap = None
        if error.ends is not None:
            gap = math.dist(*(world_position(end, affine) for end in error.ends))
        position = world_position(error.voxel, affine)
        region = error.region_size, error.region_size * voxel_size
        return cls(error.kind, error.dimension, error.voxel, position, *region, gap)


@dataclass(frozen=True)
class CaseScores:
    """The scores of a predicted structure against its reference.

    Attributes:
        case: Name of the case.
        structure: Name of the structure; ``"foreground"`` for binary masks.
        ndim: Number of spatial axes.
        present: Whether at least one of the masks has the structure. Otherwise only counts and volumes are defined.
        numbers: Every score by its name in reports, see :data:`segtopo.evaluation.SCORE_GROUPS`. NaN is a score that is
            not defined, for instance if neither mask has the structure.
        errors: Topological errors with their positions. Displacement counts in DIU and is no error.
        pictures: Pictures of the masks, for the HTML report.
        features: Features of the probability map, if the prediction is one, for the HTML report.
    """

    case: str
    structure: str
    ndim: int
    present: bool
    numbers: Mapping[str, float]
    errors: tuple[PlacedError, ...] = ()
    pictures: tuple[Picture, ...] = ()
    features: tuple[MapFeature, ...] = ()


@dataclass(frozen=True)
class CaseResult:
    """The result of a case.

    Attributes:
        scores: The scores of each structure.
        remarks: Sentences about the files, for instance labels that belong to no structure.
        files: Content of the files of the case by name.
    """

    scores: tuple[CaseScores, ...]
    remarks: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
