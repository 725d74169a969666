"""Betti matching: pairs of features of two images that are the same feature at the same location."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from segtopo import _native
from segtopo.errors import InputError, mismatch
from segtopo.persistence import Construction, Filtration, PersistencePairs
from segtopo.persistence.barcodes import Barcodes, essential_death
from segtopo.persistence.cubical import pairs_of
from segtopo.persistence.inputs import (
    ImageArray,
    as_image_array,
    check_complex,
    check_number,
    check_shape,
    describe_nan,
    thread_count,
)

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class BettiMatching:
    """The persistence pairs of a prediction and a target, and which of them are matched.

    Attributes:
        prediction: All pairs of the prediction.
        target: All pairs of the target.
        partners: ``(n,)`` for each pair of the prediction the index of its partner in ``target``; -1 if it has none.
    """

    prediction: PersistencePairs
    target: PersistencePairs
    partners: npt.NDArray[np.int64]

    @property
    def matched(self) -> tuple[PersistencePairs, PersistencePairs]:
        """The matched pairs of the prediction, and their partners in the same order."""
        matched = self.partners >= 0
        return self.prediction.select(matched), self.target.select(self.partners[matched])

    @property
    def unmatched_prediction(self) -> PersistencePairs:
        """The prediction's pairs without a partner."""
        return self.prediction.select(self.partners < 0)

    @property
    def unmatched_target(self) -> PersistencePairs:
        """The target's pairs without a partner."""
        unmatched = np.ones(len(self.target), dtype=np.bool_)
        unmatched[self.partners[self.partners >= 0]] = False
        return self.target.select(unmatched)

    def __repr__(self) -> str:
        ndim = len(self.prediction.shape)
        parts = {
            "matched": self.matched[0],
            "unmatched_prediction": self.unmatched_prediction,
            "unmatched_target": self.unmatched_target,
        }
        counts = (f"{name}={np.bincount(p.dimensions, minlength=ndim).tolist()}" for name, p in parts.items())
        return f"BettiMatching({', '.join(counts)})"


def betti_matching(
    prediction: npt.ArrayLike | torch.Tensor,
    target: npt.ArrayLike | torch.Tensor,
    *,
    filtration: Filtration = "superlevel",
    construction: Construction = "T",
    threshold: float | None = None,
    num_threads: int | None = None,
) -> BettiMatching:
    """Matches the features of a prediction with the same features of a target.

    The union of two images has the larger of the two values at each voxel (the smaller under sublevel). Every feature
    of the prediction or the target has an image in the union. A feature of the prediction and a feature of the target
    are matched if their images die at the same cell of the union. So a component is matched with a component that
    overlaps it, and a loop with a loop around the same hole. Features with similar values at different locations are
    not matched.

    Ties between voxels are broken by their linear index. The cells that enter with the same voxel also have an order.
    If one voxel ends several features of the union, this order decides which features are matched, and a mirrored
    image may have other matches and another number of them. This is common in noise and rare in smooth images.

    Args:
        prediction: ``(H, W)`` or ``(H, W, D)`` image: a NumPy array, nested lists of numbers or a torch tensor, of any
            real dtype of at most 64 bits.
        target: Image of the same shape with values in [0, 1], usually a mask.
        filtration: ``"superlevel"`` for probabilities of the foreground; ``"sublevel"`` if the foreground is dark.
        construction: ``"T"``: the foreground is 8- or 26-connected. ``"V"``: the foreground is 4- or 6-connected.
        threshold: In [0, 1]. The filtration ends here: only voxels at which the prediction or the target is at least
            ``1 - threshold`` (at most ``threshold`` under sublevel) enter, and features that exist then are essential,
            in every dimension. None: all voxels enter, and one component is essential.
        num_threads: Threads to use; by default the number of CPUs. The result does not depend on it.

    Returns:
        The pairs of both images, as :func:`~segtopo.persistence.compute_persistence` returns them, and their partners.
        The essential features of both images are matched one to one. With ``threshold``, essential components are
        matched within the same component of the voxels that enter.

    Raises:
        InputError: An image holds NaN, is empty, or is neither 2D nor 3D; the shapes differ; the target has values
            outside [0, 1]; or an option is out of its range.
        TypeError: An image is not an array of real numbers, or a tensor without values on its device (sparse, nested,
            quantized or meta); or an option has a wrong type.

    References:
        N. Stucki, J. C. Paetzold, S. Shit, B. Menze, U. Bauer, "Topologically faithful image segmentation via induced
        matching of persistence barcodes", ICML 2023. N. Stucki, V. Bürgin, J. C. Paetzold, U. Bauer, "Efficient Betti
        matching enables topology-aware 3D segmentation via persistent homology", 2024.

    Example:
        >>> import numpy as np
        >>> target = np.array([[1, 1, 1, 0, 0]])
        >>> prediction = np.array([[0.9, 0.2, 0.8, 0.1, 0.6]])
        >>> matching = betti_matching(prediction, target)
        >>> matching
        BettiMatching(matched=[1, 0], unmatched_prediction=[2, 0], unmatched_target=[0, 0])
        >>> spurious = matching.unmatched_prediction
        >>> spurious.births.tolist(), spurious.deaths.tolist()  # a piece that is cut off, and a spurious piece
        ([0.8, 0.6], [0.2, 0.1])
    """
    values, target_values = as_image_array(prediction, "prediction"), as_image_array(target, "target")
    shape = values.shape
    check_shape(shape, "prediction")
    if target_values.shape != shape:
        raise InputError(
            mismatch("target", got=f"shape {target_values.shape}", expected=f"the prediction's shape {shape}")
        )
    lowest, highest = target_values.min(), target_values.max()
    if lowest < 0 or highest > 1:
        raise InputError(mismatch("target", got=f"values from {lowest:.6g} to {highest:.6g}", expected="0 to 1"))
    dtype = np.result_type(values, target_values, np.float32)
    matching = match_barcodes(
        values[None].astype(dtype, copy=False),
        target_values[None].astype(dtype, copy=False),
        filtration,
        construction,
        threshold,
        num_threads,
    )
    return BettiMatching(
        pairs_of(matching.prediction, shape, filtration, construction),
        pairs_of(matching.target, shape, filtration, construction),
        matching.partners,
    )


@dataclass(frozen=True, eq=False)
class BarcodeMatching:
    """The barcodes of a batch of predictions and targets, and which bars are matched.

    Attributes:
        prediction: The barcodes of the predictions.
        target: The barcodes of the targets.
        partners: ``(n,)`` for each bar of the predictions the row of its partner in ``target``; -1 if it has none.
    """

    prediction: Barcodes
    target: Barcodes
    partners: npt.NDArray[np.int64]


def match_barcodes(
    predictions: ImageArray,
    targets: ImageArray,
    filtration: Filtration,
    construction: Construction,
    threshold: float | None,
    num_threads: int | None,
) -> BarcodeMatching:
    """Matches the barcodes of each prediction and its target over threads.

    Args:
        predictions: ``(N, H, W[, D])`` of float32 or float64.
        targets: The same shape and dtype, with values in [0, 1].
        filtration: ``"superlevel"`` or ``"sublevel"``.
        construction: ``"T"`` or ``"V"``.
        threshold: See :func:`betti_matching`.
        num_threads: Threads to use; by default the number of CPUs.

    Raises:
        InputError: An image holds NaN, or an option is out of its range.
        TypeError: An option has a wrong type.
    """
    check_complex(filtration, construction)
    check_threshold(threshold)
    try:
        prediction, target, partners = _native.betti_matching(
            np.ascontiguousarray(predictions),
            np.ascontiguousarray(targets),
            superlevel=filtration == "superlevel",
            top_cells=construction == "T",
            threshold=None if threshold is None else float(threshold),
            num_threads=thread_count(num_threads),
        )
    except _native.NanError:
        images = {"prediction": predictions, "target": targets}
        with_nan = [describe_nan(array, name) for name, array in images.items() if np.isnan(array).any()]
        raise InputError("; ".join(with_nan)) from None
    except ValueError as error:
        raise InputError(str(error)) from None
    death = essential_death(filtration)
    return BarcodeMatching(
        Barcodes.of_columns(predictions, prediction, death), Barcodes.of_columns(targets, target, death), partners
    )


def check_threshold(threshold: float | None) -> None:
    """Raises InputError unless the threshold is None or in [0, 1]."""
    if threshold is not None:
        check_number(threshold, "threshold", 0, 1, "a number from 0 to 1, or None for the whole image")
