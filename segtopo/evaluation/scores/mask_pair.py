"""A predicted mask and its reference, with the results that several scores share."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import cc3d
import numpy as np
import numpy.typing as npt

from segtopo.errors import InputError, mismatch
from segtopo.evaluation.scores.score import ScoreOptions
from segtopo.masks import MaskComparison, compare_masks
from segtopo.masks.components import Mask, bounding_box, connectivities, label_components
from segtopo.masks.inputs import check_same_shape
from segtopo.masks.skeletons import skeleton
from segtopo.metrics import MatchedFeatures, match_features
from segtopo.persistence import Construction
from segtopo.persistence.inputs import check_construction, check_shape

Labels = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class MaskPair:
    """A predicted mask and its reference. Each shared result is computed once, when it is first needed.

    Attributes:
        prediction: 2D or 3D boolean array.
        reference: Boolean array of the same shape.
        spacing: Distance of neighbouring voxels along each axis, in mm.
        construction: ``"T"``: the foreground is 8- or 26-connected. ``"V"``: it is 4- or 6-connected.
        num_threads: Threads to use; None for the number of CPUs. The scores do not depend on it.
        options: Settings of the scores.

    Raises:
        InputError: The masks are neither 2D nor 3D, are empty arrays or differ in shape; the spacing has another
            number of axes or is not positive; or the construction is unknown.
    """

    prediction: Mask
    reference: Mask
    spacing: tuple[float, ...]
    construction: Construction = "T"
    num_threads: int | None = None
    options: ScoreOptions = field(default_factory=ScoreOptions)

    def __post_init__(self) -> None:
        check_shape(self.prediction.shape, "prediction")
        check_same_shape(prediction=self.prediction.shape, reference=self.reference.shape)
        check_construction(self.construction)
        if len(self.spacing) != self.ndim or not all(0 < step < math.inf for step in self.spacing):
            expected = f"{self.ndim} positive numbers"
            raise InputError(mismatch("spacing", got=tuple(self.spacing), expected=expected))

    @property
    def ndim(self) -> int:
        """Number of spatial axes."""
        return self.prediction.ndim

    @property
    def voxel_size(self) -> float:
        """Volume of a voxel in mm3, or area of a pixel in mm2."""
        return math.prod(self.spacing)

    @property
    def diagonal(self) -> float:
        """Length of the diagonal of the image in mm, from the outer corners of its voxels."""
        return math.hypot(*(n * step for n, step in zip(self.prediction.shape, self.spacing, strict=True)))

    @property
    def connectivity(self) -> int:
        """Number of neighbours that connect voxels of the foreground."""
        return connectivities(self.construction, self.ndim)[0]

    @cached_property
    def cropped(self) -> tuple[Mask, Mask]:
        """Prediction and reference inside the smallest box that holds both; the box may be empty."""
        box = bounding_box(self.prediction | self.reference)
        return np.ascontiguousarray(self.prediction[box]), np.ascontiguousarray(self.reference[box])

    @cached_property
    def sizes(self) -> tuple[int, int, int]:
        """Numbers of voxels of the prediction, of the reference, and of both together."""
        prediction, reference = self.cropped
        both = np.count_nonzero(prediction & reference)
        return int(np.count_nonzero(prediction)), int(np.count_nonzero(reference)), int(both)

    @cached_property
    def labels(self) -> tuple[Labels, Labels]:
        """Components of the prediction and of the reference inside the box, numbered from 1; 0 is the background."""
        prediction, reference = (label_components(mask, self.connectivity)[0] for mask in self.cropped)
        return prediction, reference

    @cached_property
    def largest_component(self) -> Mask:
        """The largest component of the prediction inside the box; of equal ones, the first."""
        sizes = cc3d.statistics(self.labels[0], no_slice_conversion=True)["voxel_counts"]
        largest: Mask = self.labels[0] == 1 + int(np.argmax(sizes[1:]))
        return largest

    @cached_property
    def skeletons(self) -> tuple[Mask, Mask]:
        """Skeletons of the prediction and of the reference inside the box."""
        prediction, reference = (skeleton(mask) for mask in self.cropped)
        return prediction, reference

    @cached_property
    def comparison(self) -> MaskComparison:
        """Topological errors with their voxels, and DIU."""
        return compare_masks(self.prediction, self.reference, self.construction, num_threads=self.num_threads)

    @cached_property
    def features(self) -> MatchedFeatures:
        """Betti numbers of both masks, and the features that match."""
        return match_features(self.prediction, self.reference, self.construction, self.num_threads)
