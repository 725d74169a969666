"""A predicted mask and its reference, with the intermediate results that several scores share."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from segtopo.evaluation.scores.score import ScoreOptions
from segtopo.masks import MaskComparison, compare_masks
from segtopo.masks.components import Mask, bounding_box
from segtopo.masks.skeletons import skeleton
from segtopo.metrics import MatchedFeatures, match_features
from segtopo.persistence import Construction


@dataclass(frozen=True, eq=False)
class MaskPair:
    """A predicted mask and its reference; intermediate results are computed once, when they are needed.

    Attributes:
        prediction: 2D or 3D boolean array.
        reference: Boolean array of the same shape.
        spacing: Size of a voxel along each axis in mm.
        construction: See :func:`segtopo.masks.betti_numbers`.
        num_threads: Threads to use; by default the number of CPUs.
        options: Settings of the scores.
    """

    prediction: Mask
    reference: Mask
    spacing: tuple[float, ...]
    construction: Construction = "T"
    num_threads: int | None = None
    options: ScoreOptions = field(default_factory=ScoreOptions)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.reference.ndim

    @property
    def voxel_size(self) -> float:
        """Area (mm²) or volume (mm³) of a voxel."""
        return math.prod(self.spacing)

    @property
    def diagonal(self) -> float:
        """Length of the diagonal of the image in mm."""
        return math.hypot(*(size * step for size, step in zip(self.reference.shape, self.spacing, strict=True)))

    @cached_property
    def sizes(self) -> tuple[int, int]:
        """Number of voxels of the prediction and of the reference."""
        return int(np.count_nonzero(self.prediction)), int(np.count_nonzero(self.reference))

    @cached_property
    def shared(self) -> int:
        """Number of voxels that both masks have."""
        return int(np.count_nonzero(self.prediction & self.reference))

    @cached_property
    def cropped(self) -> tuple[Mask, Mask]:
        """Both masks in the box that holds their foreground; without voxels if there is none."""
        box = bounding_box(self.prediction | self.reference)
        return np.ascontiguousarray(self.prediction[box]), np.ascontiguousarray(self.reference[box])

    @cached_property
    def skeletons(self) -> tuple[Mask, Mask]:
        """The skeletons of both masks in the box of :attr:`cropped`."""
        prediction, reference = self.cropped
        return skeleton(prediction), skeleton(reference)

    @cached_property
    def comparison(self) -> MaskComparison:
        """The topological errors and DIU."""
        return compare_masks(self.prediction, self.reference, self.construction, num_threads=self.num_threads)

    @cached_property
    def features(self) -> MatchedFeatures:
        """The matched features and the Betti numbers."""
        return match_features(self.prediction, self.reference, self.construction, self.num_threads)
