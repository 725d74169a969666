"""Comparison of two masks: the difference of their homology, and every topological error with its kind and voxel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from segtopo.masks.component_overlap import Mismatch, component_mismatches
from segtopo.masks.components import Mask, bounding_box, connectivities, label_components
from segtopo.masks.diu import Discrepancy, discrepancy
from segtopo.masks.inputs import as_masks
from segtopo.masks.loop_comparison import loop_mismatches
from segtopo.persistence import Construction
from segtopo.persistence.inputs import check_construction

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

_LOOPS, _CAVITIES = 1, 2  # dimensions

_Found: TypeAlias = tuple[ErrorKind, int, tuple[int, ...]]  # kind, dimension and voxel of an error


@dataclass(frozen=True)
class TopologyError:
    """A topological feature that only one of two masks has.

    Attributes:
        kind: The error of the prediction, see :func:`compare_masks`.
        dimension: 0 for components and connections, 1 for loops, 2 for cavities.
        voxel: A voxel of one mask alone that makes the difference.
        region_size: Number of voxels in the region of that mask outside the other mask that contains the voxel: the
            gap, the bridge, the spurious component, or the region that closes or fills a loop.
    """

    kind: ErrorKind
    dimension: int
    voxel: tuple[int, ...]
    region_size: int


@dataclass(frozen=True)
class MaskComparison(Discrepancy):
    """The difference between the homology of two masks.

    Attributes:
        kernel: For each dimension the number of classes of the intersection that vanish in the union.
        cokernel: For each dimension the number of classes of the union that do not come from the intersection.
        errors: Topological errors, sorted by dimension and voxel. Displacement alone is no error.
    """

    errors: tuple[TopologyError, ...]


def compare_masks(
    prediction: npt.ArrayLike | torch.Tensor,
    reference: npt.ArrayLike | torch.Tensor,
    construction: Construction = "T",
    *,
    num_threads: int | None = None,
) -> MaskComparison:
    """Compares two masks: counts the differences of their homology, and lists the errors of the prediction.

    The counts are those of DIU, the Discrepancy between Intersection and Union: classes of the masks' intersection that
    vanish in their union, and classes of the union that do not come from the intersection. They count every
    displacement: where thin vessels of the two masks run side by side, the intersection is in pieces although both
    masks are whole.

    The errors do not count displacement, so their number is not the sum of the counts. Their balance is exact: in every
    dimension, spurious errors minus missed errors are the difference of the Betti numbers (in dimension 0: missed
    connections minus false connections plus spurious components minus missed components).

    Components are matched by overlap, each with the component of the other mask with which it shares most voxels.

    * ``missed_connection``: the reference connects components that the prediction separates. The voxel is in the gap.
    * ``false_connection``: the prediction connects components that the reference separates. The voxel is in the bridge.
    * ``missed_component``: a component of the reference overlaps and touches no component of the prediction.
    * ``spurious_component``: a component of the prediction overlaps and touches no component of the reference.

    Holes in 2D and cavities in 3D are components of the background and are matched in the same way.

    * ``missed_loop``: the prediction breaks or fills a loop of the reference.
    * ``spurious_loop``: the reference breaks or fills a loop of the prediction.
    * ``missed_cavity``, ``spurious_cavity``: the same in dimension 2.

    Loops in 3D are matched if they come from one loop of the intersection that persists in the union. Of the loops that
    the intersection breaks, ``max(0, loops of the prediction + loops of the reference - loops of the union)`` are
    displaced and no errors; only loops that persist in the union and do not come from the intersection count here. This
    is a lower bound, so thin loops that are displaced by more than their thickness may be listed as one missed and one
    spurious loop.

    Args:
        prediction: 2D or 3D binary mask of any dtype.
        reference: Mask of the same shape.
        construction: ``"T"``: the foreground is 8- or 26-connected. ``"V"``: it is 4- or 6-connected.
        num_threads: Threads to use; by default the number of CPUs. The result does not depend on it.

    Returns:
        The counts for each dimension and the list of errors.

    Raises:
        InputError: The masks are not binary, neither 2D nor 3D, have an axis of length 0 or differ in shape; or the
            construction is unknown.

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
    check_construction(construction)
    return _compare(*as_masks(prediction, reference), construction, num_threads)


def _compare(prediction: Mask, reference: Mask, construction: Construction, num_threads: int | None) -> MaskComparison:
    """Compares two masks inside the box that holds their foreground."""
    box = bounding_box(prediction | reference)
    origin = tuple(axis.start for axis in box)
    prediction, reference = np.ascontiguousarray(prediction[box]), np.ascontiguousarray(reference[box])
    if prediction.size == 0:
        return MaskComparison((0,) * prediction.ndim, (0,) * prediction.ndim, ())
    region_sizes = _RegionSizes(prediction, reference, construction)
    errors = tuple(
        TopologyError(kind, dimension, _shifted(voxel, origin), region_sizes.at(voxel))
        for kind, dimension, voxel in _find_errors(prediction, reference, construction, num_threads)
    )
    counts = discrepancy(prediction, reference, construction, num_threads)
    return MaskComparison(counts.kernel, counts.cokernel, errors)


def _find_errors(
    prediction: Mask, reference: Mask, construction: Construction, num_threads: int | None
) -> list[_Found]:
    """Lists kind, dimension and voxel of every error, sorted by dimension and voxel."""
    ndim = prediction.ndim
    connectivity, background_connectivity = connectivities(construction, ndim)
    errors: list[_Found] = [
        (_component_kind(mismatch), 0, mismatch.voxel)
        for mismatch in component_mismatches(prediction, reference, connectivity)
    ]
    if ndim == 3:
        loops = loop_mismatches(prediction, reference, construction, num_threads)
        errors += [("spurious_loop", _LOOPS, tuple(voxel)) for voxel in loops.spurious.tolist()]
        errors += [("missed_loop", _LOOPS, tuple(voxel)) for voxel in loops.missed.tolist()]
    outside_prediction, outside_reference = (np.pad(~mask, 1, constant_values=True) for mask in (prediction, reference))
    errors += [
        (_hole_kind(mismatch, ndim), ndim - 1, _shifted(mismatch.voxel, (-1,) * ndim))
        for mismatch in component_mismatches(outside_prediction, outside_reference, background_connectivity)
    ]
    return sorted(errors, key=lambda error: error[1:])


def _component_kind(mismatch: Mismatch) -> ErrorKind:
    """Names a mismatch of the foreground's components."""
    if mismatch.joins:
        return "false_connection" if mismatch.in_prediction else "missed_connection"
    return "spurious_component" if mismatch.in_prediction else "missed_component"


def _hole_kind(mismatch: Mismatch, ndim: int) -> ErrorKind:
    """Names a mismatch of the backgrounds' components: holes in 2D, cavities in 3D.

    A hole of the reference is missed if the background of the prediction joins it to another component, or if the
    background of the reference has it alone.
    """
    missed = mismatch.joins == mismatch.in_prediction
    if ndim - 1 == _CAVITIES:
        return "missed_cavity" if missed else "spurious_cavity"
    return "missed_loop" if missed else "spurious_loop"


def _shifted(voxel: tuple[int, ...], by: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(index + step for index, step in zip(voxel, by, strict=True))


class _RegionSizes:
    """Sizes of the regions of each mask outside the other mask, computed on demand."""

    def __init__(self, prediction: Mask, reference: Mask, construction: Construction) -> None:
        self._only_in_prediction = prediction & ~reference
        self._only_in_reference = reference & ~prediction
        self._connectivity, _ = connectivities(construction, prediction.ndim)
        self._labelled: dict[bool, tuple[npt.NDArray[np.integer], npt.NDArray[np.int64]]] = {}

    def at(self, voxel: tuple[int, ...]) -> int:
        """Returns the number of voxels of the region that contains a voxel of one mask alone."""
        in_prediction = bool(self._only_in_prediction[voxel])
        if in_prediction not in self._labelled:
            only_there = self._only_in_prediction if in_prediction else self._only_in_reference
            labels, _ = label_components(only_there, self._connectivity)
            self._labelled[in_prediction] = labels, np.bincount(labels.ravel())
        labels, sizes = self._labelled[in_prediction]
        return int(sizes[labels[voxel]])
