"""Comparison of two masks: how their homology differs, and every topological error with its kind and place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from segtopo.masks.component_overlap import Mismatch, component_mismatches
from segtopo.masks.components import FACE_CONNECTIVITY, FULL_CONNECTIVITY, Mask, bounding_box, label_components
from segtopo.persistence import Construction, compute_persistence
from segtopo.persistence.barcodes import cubical_barcodes

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

IN_ONE, IN_NEITHER = np.uint8(1), np.uint8(2)  # levels of a filtration: intersection (0), union, whole image
LOOPS = 1

Found: TypeAlias = tuple[ErrorKind, int, tuple[int, ...]]


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
        errors: what a person would call wrong, by dimension; fewer than the classes counted where masks are displaced.
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
    """Compare two masks: count where their homology differs, and list the errors of the prediction.

    The counts are those of the DIU error: classes of the masks' intersection that vanish in their union, and classes
    of the union that the intersection lacks. They see every displacement: where thin vessels of the two masks run
    side by side, the intersection is in pieces though both masks are whole. The errors leave displacement out, and so
    do not sum to the counts; in every dimension spurious ones less missed ones (missed connections less false ones
    and spurious components less missed ones) are exactly the difference of the Betti numbers.

    Components are matched by overlap: each with the one of the other mask that it shares most voxels with.

    * ``missed_connection``: the reference connects what the prediction has in parts; ``false_connection``: the
      prediction connects what the reference has in parts. The voxel is in the gap, in the bridge.
    * ``missed_component``, ``spurious_component``: a component of one mask that meets none of the other.

    Holes in 2D and cavities in 3D are components of the background and matched in the same way.

    * ``missed_loop``, ``spurious_loop``: the reference has a loop that the prediction breaks or fills; the prediction
      has one that the reference breaks or fills. ``missed_cavity``, ``spurious_cavity``: the same in dimension 2.

    Loops in 3D are matched if they come from one loop of the intersection that lasts in the union. Of loops broken in
    the intersection, as many are taken as displaced as dimensions alone prove (loops of the prediction and of the
    reference in the union, less what the union has to offer); so thin loops of 3D masks that are displaced by more
    than their thickness may be listed as one missed and one spurious loop.

    Args:
        prediction: 2D or 3D binary mask.
        reference: mask of the same shape.
        construction: ``"T"``, a foreground of full connectivity (8, 26); ``"V"``, of face connectivity (4, 6).
        num_threads: threads to use; by default the number of CPUs.

    Returns:
        Counts for each dimension, which sum to the DIU error, and the list of errors, which do not.

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

    region_sizes = RegionSizes(predicted, expected, construction)
    errors = tuple(
        TopologyError(kind, dimension, tuple(int(c) for c in np.add(voxel, origin)), region_sizes.at(voxel))
        for kind, dimension, voxel in find_errors(predicted, expected, construction, num_threads)
    )
    return MaskComparison(*count_differences(predicted, expected, construction, num_threads), errors)


def count_differences(
    prediction: Mask, reference: Mask, construction: Construction, num_threads: int | None = None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Per dimension, the classes of the intersection that vanish in the union, and those that only the union has."""
    levels = IN_NEITHER - prediction.view(np.uint8) - reference.view(np.uint8)
    # Filtration: intersection, then union. Pairs that die are the kernel, classes born in the union the cokernel.
    bars = cubical_barcodes(levels[None], "sublevel", construction, last_value=IN_ONE, num_threads=num_threads)
    born_in_union = bars.essential & (bars.births == IN_ONE)
    kernel, cokernel = (
        tuple(np.bincount(bars.dimension[chosen], minlength=levels.ndim).tolist())
        for chosen in (~bars.essential, born_in_union)
    )
    return kernel, cokernel


def find_errors(prediction: Mask, reference: Mask, construction: Construction, num_threads: int | None) -> list[Found]:
    """Kind, dimension and voxel of every error."""
    full, face = FULL_CONNECTIVITY[prediction.ndim], FACE_CONNECTIVITY[prediction.ndim]
    connectivity, dual = (full, face) if construction == "T" else (face, full)
    errors: list[Found] = [
        (component_kind(mismatch), 0, mismatch.voxel)
        for mismatch in component_mismatches(prediction, reference, connectivity)
    ]
    if prediction.ndim == 3:
        errors += loop_errors(prediction, reference, construction, num_threads)
    background = [np.pad(~mask, 1, constant_values=True) for mask in (prediction, reference)]
    dimension = prediction.ndim - 1
    for mismatch in component_mismatches(background[0], background[1], dual):
        voxel = tuple(c - 1 for c in mismatch.voxel)
        errors.append((hole_kind(dimension, missed=mismatch.joins == (mismatch.side == 0)), dimension, voxel))
    return sorted(errors, key=lambda found: found[1:])


def component_kind(mismatch: Mismatch) -> ErrorKind:
    """What a mismatch of the foreground's components is called."""
    if mismatch.joins:
        return "missed_connection" if mismatch.side else "false_connection"
    return "missed_component" if mismatch.side else "spurious_component"


def hole_kind(dimension: int, *, missed: bool) -> ErrorKind:
    """What a loop or cavity of one mask alone is called."""
    if dimension == LOOPS:
        return "missed_loop" if missed else "spurious_loop"
    return "missed_cavity" if missed else "spurious_cavity"


def loop_errors(prediction: Mask, reference: Mask, construction: Construction, num_threads: int | None) -> list[Found]:
    """Loops of 3D masks that the other lacks: where the other fills them, or else where they are closed."""
    union = prediction | reference
    filled, closed, in_union = [], [], 0
    for own in (prediction, reference):
        levels = np.full(union.shape, 3, np.float32)  # 0: intersection, 1: this mask, 2: union
        levels[union], levels[own], levels[prediction & reference] = 2, 1, 0
        pairs = compute_persistence(
            levels, filtration="sublevel", construction=construction, num_threads=num_threads
        ).of_dimension(LOOPS)
        filled.append(pairs.death_voxels[(pairs.births <= 1) & (pairs.deaths == 2)])
        closed.append(pairs.birth_voxels[(pairs.births == 1) & (pairs.deaths > 2)])
        in_union = int(((pairs.births >= 1) & (pairs.births <= 2) & (pairs.deaths > 2)).sum())
    displaced = nearest_pairs(closed[0], closed[1], max(0, len(closed[0]) + len(closed[1]) - in_union))
    errors: list[Found] = []
    for side in (0, 1):
        kept = np.delete(closed[side], displaced[side], axis=0)
        kind = hole_kind(LOOPS, missed=side == 1)
        errors += [(kind, LOOPS, tuple(voxel)) for voxel in np.concatenate([filled[side], kept]).tolist()]
    return errors


def nearest_pairs(
    first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], number: int
) -> tuple[list[int], list[int]]:
    """Indices of the points in this number of pairs, the nearest ones, each point in one pair at most."""
    distances = cdist(first, second) if number else np.empty((0, 0))
    chosen: tuple[list[int], list[int]] = [], []
    for _ in range(number):
        i, j = np.unravel_index(np.argmin(distances), distances.shape)
        chosen[0].append(int(i))
        chosen[1].append(int(j))
        distances[i], distances[:, j] = np.inf, np.inf
    return chosen


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
