"""Exact comparison of two masks: every topological error, what kind it is and where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from segtopo.matching.components import FACE_CONNECTIVITY, FULL_CONNECTIVITY, Mask, bounding_box, label_components
from segtopo.persistence import Construction, PersistencePairs, compute_persistence

if TYPE_CHECKING:
    import torch

ErrorKind: TypeAlias = Literal[
    "missed_connection",
    "false_connection",
    "missed_component",
    "spurious_component",
    "missed_loop",
    "spurious_loop",
    "missed_cavity",
    "spurious_cavity",
]

IN_BOTH, IN_ONE, IN_NEITHER = 0, 1, 2  # values of the filtration: intersection, union, whole image


@dataclass(frozen=True)
class TopologyError:
    """A topological feature that the two masks do not share.

    Attributes:
        kind: what the prediction got wrong, see :func:`compare_masks`.
        dimension: 0 for components and their connections, 1 for loops, 2 for cavities.
        voxel: a voxel of one mask alone that makes the difference.
        region_size: voxels in the piece of that mask outside the other in which the voxel lies: of the gap, of the
            bridge, of the spurious component, of what closes or fills a loop.
    """

    kind: ErrorKind
    dimension: int
    voxel: tuple[int, ...]
    region_size: int


@dataclass(frozen=True)
class MaskComparison:
    """How the homology of two masks differs.

    Attributes:
        kernel: per dimension, classes of the intersection that vanish in the union.
        cokernel: per dimension, classes of the union that no class of the intersection becomes.
        errors: one for each of them, by dimension.
    """

    kernel: tuple[int, ...]
    cokernel: tuple[int, ...]
    errors: tuple[TopologyError, ...]

    @property
    def diu(self) -> tuple[int, ...]:
        """Per dimension, the features that the masks do not share: kernel and cokernel together."""
        return tuple(k + c for k, c in zip(self.kernel, self.cokernel, strict=True))


def compare_masks(
    prediction: npt.ArrayLike | torch.Tensor,
    reference: npt.ArrayLike | torch.Tensor,
    construction: Construction = "T",
    *,
    num_threads: int | None = None,
) -> MaskComparison:
    """Compare two masks through the inclusion of their intersection in their union.

    The masks have the same topology, feature by feature, exactly if that inclusion is an isomorphism of homology. What
    it misses is counted and placed: a class of the intersection that vanishes in the union does so at a voxel of one
    mask alone, and a class that only the union has is born at one.

    * ``missed_connection``: the reference connects there what the prediction leaves apart; ``false_connection``: the
      prediction connects what the reference leaves apart.
    * ``missed_component``, ``spurious_component``: a component of one mask that meets none of the other.
    * ``missed_loop``, ``spurious_loop``: the reference has a loop that the prediction breaks or fills; the prediction
      has one that the reference breaks or fills. ``missed_cavity``, ``spurious_cavity``: the same in dimension 2.

    Args:
        prediction: 2D or 3D binary mask.
        reference: mask of the same shape.
        construction: ``"T"``, a foreground of full connectivity (8, 26); ``"V"``, of face connectivity (4, 6).
        num_threads: threads to use; by default the number of CPUs.

    Returns:
        Counts for each dimension, which sum to the DIU error, and the list of errors.

    Raises:
        ValueError: masks that are not binary, not 2D or 3D, empty arrays or of different shapes; or an unknown
            construction.

    References:
        L. Lux et al., "Topograph: an efficient graph-based framework for strictly topology preserving image
        segmentation", ICLR 2025.

    Example:
        >>> import numpy as np
        >>> vessel = np.array([[0, 0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0, 0]])
        >>> broken = vessel.copy()
        >>> broken[1, 3:5] = 0
        >>> compare_masks(broken, vessel).errors
        (TopologyError(kind='missed_connection', dimension=0, voxel=(1, 4), region_size=2),)
    """
    if construction not in get_args(Construction):
        raise ValueError(f"construction: got {construction!r}, expected one of {get_args(Construction)}")
    predicted, expected = as_mask(prediction, "prediction"), as_mask(reference, "reference")
    if predicted.shape != expected.shape:
        raise ValueError(f"masks differ in shape: prediction {predicted.shape}, reference {expected.shape}")
    box = bounding_box(predicted | expected)
    origin = np.array([axis.start for axis in box])
    predicted, expected = np.ascontiguousarray(predicted[box]), np.ascontiguousarray(expected[box])
    if predicted.size == 0:
        return MaskComparison((0,) * predicted.ndim, (0,) * predicted.ndim, ())

    levels = np.full(predicted.shape, IN_NEITHER, np.float32)
    levels -= predicted
    levels -= expected
    pairs = compute_persistence(levels, filtration="sublevel", construction=construction, num_threads=num_threads)
    vanish = (pairs.births == IN_BOTH) & (pairs.deaths == IN_ONE)
    appear = pairs.births == IN_ONE
    region_sizes = RegionSizes(predicted, expected, construction)
    errors = []
    for i in np.flatnonzero(vanish | appear):
        voxel = tuple(int(c) for c in (pairs.death_voxels if vanish[i] else pairs.birth_voxels)[i])
        dimension = int(pairs.dimensions[i])
        kind = error_kind(dimension, vanishes=bool(vanish[i]), in_prediction=bool(predicted[voxel]))
        place = tuple(int(c) for c in voxel + origin)
        errors.append(TopologyError(kind, dimension, place, region_sizes.at(voxel)))
    return MaskComparison(count(pairs, vanish), count(pairs, appear), tuple(errors))


def error_kind(dimension: int, *, vanishes: bool, in_prediction: bool) -> ErrorKind:
    """What went wrong at a voxel of one mask alone, where a class of the intersection vanishes or one appears."""
    if dimension == 0:
        if vanishes:
            return "false_connection" if in_prediction else "missed_connection"
        return "spurious_component" if in_prediction else "missed_component"
    # What appears belongs to the mask of the voxel; what vanishes there belongs to the other.
    missed = vanishes == in_prediction
    if dimension == 1:
        return "missed_loop" if missed else "spurious_loop"
    return "missed_cavity" if missed else "spurious_cavity"


def count(pairs: PersistencePairs, chosen: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    """How many of the chosen pairs there are in each dimension."""
    return tuple(np.bincount(pairs.dimensions[chosen], minlength=len(pairs.shape)).tolist())


class RegionSizes:
    """Sizes of the pieces in which one mask leaves the other, labelled when first asked for."""

    def __init__(self, prediction: Mask, reference: Mask, construction: Construction) -> None:
        """Note the two differences; connected as the foreground is."""
        self._only_in = {True: prediction & ~reference, False: reference & ~prediction}
        self._connectivity = (FULL_CONNECTIVITY if construction == "T" else FACE_CONNECTIVITY)[prediction.ndim]
        self._labelled: dict[bool, tuple[npt.NDArray[np.integer], npt.NDArray[np.int64]]] = {}

    def at(self, voxel: tuple[int, ...]) -> int:
        """Voxels of the piece around a voxel of one mask alone."""
        in_prediction = bool(self._only_in[True][voxel])
        if in_prediction not in self._labelled:
            labels, _ = label_components(self._only_in[in_prediction], self._connectivity)
            self._labelled[in_prediction] = labels, np.bincount(labels.ravel())
        labels, sizes = self._labelled[in_prediction]
        return int(sizes[labels[voxel]])


def as_mask(mask: npt.ArrayLike | torch.Tensor, name: str) -> Mask:
    """A boolean array of two or three axes.

    Raises:
        ValueError: other values than 0 and 1, another number of axes, or an axis of no length.
    """
    array = np.asarray(mask.detach().cpu() if hasattr(mask, "detach") else mask)
    if array.ndim not in (2, 3) or array.size == 0:
        raise ValueError(f"{name}: got shape {array.shape}, expected a 2D or 3D mask with voxels along each axis")
    if array.dtype == bool:
        return array
    as_bool: Mask = array == 1
    if not np.array_equal(as_bool, array):
        raise ValueError(f"{name}: got values other than 0 and 1, expected a binary mask: threshold it first")
    return as_bool
