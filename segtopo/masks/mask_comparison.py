"""Comparison of two masks: the difference of their homology, and every topological error with its kind and voxel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from segtopo.masks.areas import Areas
from segtopo.masks.component_overlap import Ends, Mismatch, component_mismatches
from segtopo.masks.components import Mask, bounding_box, connectivities
from segtopo.masks.diu import Discrepancy, barcodes_through, discrepancy_of
from segtopo.masks.inputs import as_masks
from segtopo.masks.loop_comparison import LoopMismatches, loop_mismatches
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


class _Found(NamedTuple):
    """An error, before its region is measured; its voxels are those of the box that is compared."""

    kind: ErrorKind
    dimension: int
    voxel: tuple[int, ...]
    ends: Ends | None = None


@dataclass(frozen=True)
class TopologyError:
    """A topological feature that only one of two masks has.

    Attributes:
        kind: The error of the prediction, see :func:`compare_masks`.
        dimension: 0 for components and connections, 1 for loops, 2 for cavities.
        voxel: A voxel of one mask alone that makes the difference.
        region_size: Number of voxels in the region of that mask outside the other mask that contains the voxel: the
            gap, the bridge, the spurious component, or the region that closes or fills a loop.
        ends: The two ends of a gap or a bridge: voxels of two components of the other mask that the region touches. For
            a missed connection they are voxels of the prediction, between which it should be connected. None for other
            kinds of errors.
    """

    kind: ErrorKind
    dimension: int
    voxel: tuple[int, ...]
    region_size: int
    ends: tuple[tuple[int, ...], tuple[int, ...]] | None = None


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
        >>> (error,) = compare_masks(broken, vessel).errors
        >>> error.kind, error.voxel, error.region_size, error.ends
        ('missed_connection', (1, 4), 2, ((1, 5), (1, 2)))
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
    bars = barcodes_through(prediction, reference, construction, num_threads)
    counts = discrepancy_of(bars, prediction.ndim)
    connectivity, background_connectivity = connectivities(construction, prediction.ndim)
    areas = Areas.of(prediction, reference, connectivity)
    found = _component_errors(areas) + _hole_errors(prediction, reference, background_connectivity)
    if prediction.ndim == 3:
        bars_of_reference = barcodes_through(reference, prediction, construction, num_threads)
        found += _loop_errors(loop_mismatches(bars, bars_of_reference, prediction.shape))
    found.sort(key=lambda error: (error.dimension, error.voxel))
    voxels = np.array([error.voxel for error in found], np.int64).reshape(-1, prediction.ndim)
    errors = tuple(
        TopologyError(error.kind, error.dimension, _shifted(error.voxel, origin), size, _shifted_ends(error, origin))
        for error, size in zip(found, areas.sizes_at(voxels).tolist(), strict=True)
    )
    return MaskComparison(counts.kernel, counts.cokernel, errors)


def _component_errors(areas: Areas) -> list[_Found]:
    """Lists the errors of components and connections."""
    return [
        _Found(_component_kind(mismatch), 0, mismatch.voxel, mismatch.ends)
        for mismatch in component_mismatches(areas, with_ends=True)
    ]


def _hole_errors(prediction: Mask, reference: Mask, connectivity: int) -> list[_Found]:
    """Lists the errors of holes in 2D or cavities in 3D, which are components of the background."""
    ndim = prediction.ndim
    outside_prediction, outside_reference = (np.pad(~mask, 1, constant_values=True) for mask in (prediction, reference))
    return [
        _Found(_hole_kind(mismatch, ndim), ndim - 1, _shifted(mismatch.voxel, (-1,) * ndim))
        for mismatch in component_mismatches(Areas.of(outside_prediction, outside_reference, connectivity))
    ]


def _loop_errors(loops: LoopMismatches) -> list[_Found]:
    """Lists the errors of loops in 3D."""
    return [
        *(_Found("spurious_loop", _LOOPS, tuple(voxel)) for voxel in loops.spurious.tolist()),
        *(_Found("missed_loop", _LOOPS, tuple(voxel)) for voxel in loops.missed.tolist()),
    ]


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


def _shifted_ends(error: _Found, by: tuple[int, ...]) -> Ends | None:
    return None if error.ends is None else (_shifted(error.ends[0], by), _shifted(error.ends[1], by))
